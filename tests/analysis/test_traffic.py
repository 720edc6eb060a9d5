from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.analysis.traffic import connected_over, load_of
from loadkit.reporters import write_reports
from tests.arriving import FACTS, SECONDS, arriving_run
from tests.synthetic import clean_run


def traffic_of(reports_dir: Path, **options: Any) -> dict[str, Any]:
    traffic: dict[str, Any] = write_reports(arriving_run(reports_dir, **options))["traffic"]
    return traffic


def test_every_arrival_is_on_time_late_dropped_or_not_started(tmp_path: Path) -> None:
    assert traffic_of(tmp_path)["arrivals"] == {
        "intended": 400,
        "on_time": 358,
        "late": 1,
        "late_limit_ms": 100.0,
        "dropped": 40,
        "dropped_max_concurrent": 40,
        "dropped_no_engine": 0,
        "not_started": 1,
    }


def test_carried_traffic_is_held_against_offered_where_the_run_is_steady(tmp_path: Path) -> None:
    traffic = traffic_of(tmp_path)
    assert traffic["offered_erlang"] == 100
    # A call of 10 s is built up to 95 % in 9.5 s.
    assert traffic["steady"]["seconds"] == pytest.approx(SECONDS - 9.5, abs=0.1)
    assert traffic["steady"]["offered_erlang"] == pytest.approx(100)
    # One of ten was dropped.
    assert traffic["steady"]["carried_erlang"] == pytest.approx(90, abs=0.5)
    # Over all, the 10 s of building up count by half: (10 × 50 + 30 × 100) / 40.
    assert traffic["expected_erlang"] == pytest.approx(87.5, abs=0.5)
    assert traffic["carried_erlang"] == pytest.approx(87.5 * 0.9, abs=0.7)


def test_a_run_shorter_than_its_calls_is_never_steady(tmp_path: Path) -> None:
    traffic = traffic_of(tmp_path, call_duration="1h", mean_call_duration_s=3600.0, offered_erlang=36_000.0)
    assert traffic["steady"] is None
    assert traffic["expected_erlang"] == pytest.approx(200, rel=0.01)


@pytest.mark.parametrize(
    "duration", ["1s", "exponential:1s", "lognormal:60s,0.5", "uniform:10s,30s", "normal:9s,3s"]
)
def test_days_offer_what_hours_do_however_coarsely_they_are_looked_at(duration: str) -> None:
    facts = {"began_at": 0.0, "rate": "3/s", "stages": None, "call_duration": duration}
    load = load_of({"arrivals": facts})
    assert load is not None
    for hours in (1, 72):
        offered = load.offered(np.linspace(0, hours * 3_600, 1_001))
        assert offered[-1] == pytest.approx(3 * load.duration.mean, rel=1e-3)


def test_a_killed_run_counts_what_its_files_hold(tmp_path: Path) -> None:
    arrivals = traffic_of(tmp_path, killed=True)["arrivals"]
    # The last second's count and its dropped one are missing; its calls are there.
    assert arrivals["dropped"] == 39
    assert arrivals["intended"] == 359 + 39
    assert arrivals["not_started"] == 0


def test_dropped_arrivals_are_in_the_verdict(tmp_path: Path) -> None:
    verdict = write_reports(arriving_run(tmp_path))["verdict"]
    assert verdict["status"] == "pass"
    assert verdict["sentence"].endswith(
        "40 of 400 arrivals were dropped (40 over --max-concurrent), so the run offered less load than it was asked to."
    )


def test_a_run_by_users_has_no_traffic(tmp_path: Path) -> None:
    assert write_reports(clean_run(tmp_path, 20))["traffic"] is None


@pytest.mark.parametrize(
    "facts",
    [
        None,
        [],
        {**FACTS, "began_at": None},
        {**FACTS, "rate": "quick"},
        {**FACTS, "call_duration": "long"},
        {"began_at": 1},
    ],
)
def test_what_cannot_be_read_of_the_arrivals_is_left_out(facts: Any) -> None:
    assert load_of({"arrivals": facts}) is None


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), max_size=20), st.integers(1, 8))
def test_connected_time_is_cut_into_pieces_and_none_is_lost(
    intervals: list[tuple[int, int]], pieces: int
) -> None:
    calls = pd.DataFrame(
        {
            "ended_at": [float(start + length) for start, length in intervals],
            "connected_ms": [length * 1000.0 for _, length in intervals],
        },
        dtype="float64",
    )
    edges = np.linspace(0, 100, pieces + 1)
    means = connected_over(calls, edges)
    assert float((means * np.diff(edges)).sum()) == pytest.approx(sum(length for _, length in intervals))
    for first, last, mean in zip(edges[:-1], edges[1:], means, strict=True):
        overlap = sum(max(0.0, min(s + n, last) - max(s, first)) for s, n in intervals)
        assert mean == pytest.approx(overlap / (last - first), abs=1e-6)
