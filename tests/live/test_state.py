"""The state of a run while it goes: what is told comes out, nothing grows, and what is not known is None."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from loadkit.errors import ExitCode
from loadkit.latency_buckets import bucket_of
from loadkit.live.plan import Limits, Plan
from loadkit.live.state import LiveState
from loadkit.settings import make_settings
from tests.live.told import call, engine, failure, locust


def _state(**plan: Any) -> LiveState:
    return LiveState(Plan(run_id="a-run", host="ws://gateway", **plan), 0.0, 1_800_000_000.0)


def test_a_run_that_has_told_nothing_is_shown_without_a_guess() -> None:
    view = _state().view(0.5)
    assert view["calls"]["in_progress"] == 0
    assert view["time_left"] == {"seconds": None, "until": None}
    assert view["arrivals"]["started_per_s"] is None
    assert view["arrivals"]["intended"] is None
    assert view["latency"]["setup"] == {"count": 0, "p50": None, "p95": None, "p99": None}
    assert view["generator"]["status"] == "unknown"
    json.dumps(view, allow_nan=False)


def test_calls_of_all_workers_are_added_up_by_stage() -> None:
    state = _state()
    state.figures(engine("worker-0.0", stages={"ice": 2, "connected": 5}), 1.0)
    state.figures(engine("worker-1.0", stages={"connected": 4, "closing": 1}), 1.0)
    view = state.view(1.2)
    stages = {row["stage"]: row["calls"] for row in view["calls"]["stages"]}
    assert stages == {
        "place": 0,
        "ice_servers": 0,
        "websocket": 0,
        "answer": 0,
        "ice": 2,
        "dtls": 0,
        "connected": 9,
        "closing": 1,
    }
    assert view["calls"]["in_progress"] == 12
    assert [(w["worker"], w["calls"]) for w in view["generator"]["workers"]] == [
        ("worker-0", 7),
        ("worker-1", 5),
    ]


def test_calls_of_an_engine_that_has_fallen_silent_are_not_counted_as_in_progress() -> None:
    state = _state()
    state.figures(engine("worker-0.0", stages={"connected": 5}), 1.0)
    state.figures(engine("worker-1.0", stages={"connected": 4}), 7.0)
    view = state.view(7.0)
    assert view["calls"]["in_progress"] == 4
    assert view["generator"]["status"] == "silent"


def test_outcomes_and_failures_are_counted_as_records_come() -> None:
    state = _state()
    for row in [call(), call("hung_up"), failure("NO_AUDIO"), failure("NO_AUDIO", message="another")]:
        state.record(row)
    view = state.view(1.0)
    assert view["outcomes"] == {"completed": 1, "hung_up": 1, "failed": 2, "cancelled": 0}
    assert [(c["code"], c["calls"]) for c in view["failures"]["codes"]] == [("NO_AUDIO", 2)]
    assert view["failures"]["newest"][0]["message"] == "another"


def test_latencies_are_those_of_the_last_minute() -> None:
    state = _state()
    slow, quick = bucket_of(5_000), bucket_of(80)
    state.figures(engine(setup_histogram={str(slow): 30}, turn_histogram={str(quick): 1}), 1.0)
    state.figures(engine(setup_histogram={str(quick): 30}), 30.0)
    both = state.view(31.0)["latency"]["setup"]
    assert (both["count"], both["p99"]) == (60, None), "a p99 needs 100 values"
    assert both["p95"] == pytest.approx(5_000, rel=0.02)
    later = state.view(62.0)["latency"]
    assert later["setup"]["count"] == 30
    assert later["setup"]["p95"] == pytest.approx(80, rel=0.02)
    assert later["turn"] == {"count": 0, "p50": None, "p95": None, "p99": None}


def test_arrivals_are_intended_started_and_dropped() -> None:
    state = _state(stages_s=60.0)
    for second in range(10):
        now = 5.0 + second
        state.arrivals(
            {"second": second, "intended": 5, "dropped_max_concurrent": 1, "dropped_no_engine": 0}, now
        )
        state.figures(engine(placed=4), now)
    view = state.view(14.0)
    assert view["arrivals"]["intended"] == 50
    assert view["arrivals"]["dropped"] == 10
    assert view["arrivals"]["started"] == 40
    assert view["arrivals"]["started_per_s"] == pytest.approx(4, abs=0.5)
    # Arrivals began at 4, and their last stage is over 60 s after that.
    assert view["time_left"] == {"seconds": 50.0, "until": "last stage"}


def test_what_ends_the_run_first_is_the_time_left() -> None:
    state = _state(run_time_s=600.0, budget_s=100.0)
    assert state.view(10.0)["time_left"] == {"seconds": 590.0, "until": "run time"}
    state.figures(engine(stages={"connected": 20}), 11.0)
    left = state.view(11.0)["time_left"]
    assert left["until"].startswith("budget")
    assert left["seconds"] == pytest.approx((100 - 20) / 20)
    assert _state(run_time_s=5.0).view(9.0)["time_left"] == {"seconds": 0.0, "until": "run time"}
    assert _state(run_time_s=5.0).view(99.0)["time_left"]["until"] is None, "nobody keeps to it"


def test_the_plan_is_read_off_the_settings() -> None:
    settings = make_settings({"stages": "60s:1/s,30s:2/s", "max_call_minutes": 2, "limit_late_ms": 0})
    plan = Plan.of(settings, run_id="a", host="b", run_time_s=None)
    assert (plan.stages_s, plan.budget_s, plan.run_time_s) == (90, 120, None)
    assert plan.limits == Limits(None, 50, 0.9)


def test_a_mark_is_shown_with_its_second_and_nothing_that_a_terminal_obeys() -> None:
    state = _state()
    state.mark({"at": 1_800_000_012.5, "text": "fail\x1b[2Jover"})
    (mark,) = state.view(13.0)["marks"]
    assert mark["second"] == 12.5
    assert mark["text"] == "fail\\x1b[2Jover"


def test_after_its_end_a_run_stays_as_it_was_with_its_exit_code() -> None:
    state = _state(run_time_s=10.0)
    state.figures(engine(stages={"connected": 3}), 9.0)
    state.ending(10.0)
    assert state.view(15.0)["phase"] == "ending"
    state.ended(ExitCode.UNFIT)
    view = state.view(99.0)
    assert (view["phase"], view["exit_code"], view["exit_name"]) == ("ended", 4, "UNFIT")
    assert view["seconds"] == 10.0
    assert view["calls"]["in_progress"] == 0


def test_a_row_of_an_older_engine_tells_less_and_breaks_nothing() -> None:
    state = _state()
    state.figures({"engine": "local.0", "cpu_share": None, "late_histogram": None}, 1.0)
    state.figures(locust(), 1.0)
    assert state.view(1.0)["generator"]["workers"][0]["calls"] == 0


def test_memory_stays_flat_at_a_thousand_calls_a_second_and_ten_thousand_codes() -> None:
    state = _state()

    def second(now: int) -> None:
        for number in range(1_000):
            state.record(failure(f"CODE_{(now * 1_000 + number) % 10_000}", message="x" * 5_000))
        setups = {str(bucket): 3 for bucket in range(200, 500)}
        state.figures(engine(placed=1_000, setup_histogram=setups, turn_histogram=setups), float(now))

    for now in range(70):
        second(now)
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        for now in range(70, 90):
            second(now)
        after = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    grown = sum(stat.size_diff for stat in after.compare_to(before, "filename"))
    assert grown < 2_000_000
    view = state.view(90.0)
    assert len(view["failures"]["codes"]) == 30
    assert view["failures"]["total"] == 90_000
    told = sum(code["calls"] for code in view["failures"]["codes"]) + view["failures"]["other_codes_calls"]
    assert told == 90_000
    assert len(json.dumps(view)) < 60_000
