"""When a run is hopeless: the grammar, and the window over the calls that end."""

from __future__ import annotations

import random
import tracemalloc
from typing import Any

import numpy as np
import pytest

from loadkit.analysis.abort_conditions import AbortCondition, Met, Window, parse_condition, parse_conditions


def call(outcome: str = "completed", code: str | None = None, **columns: Any) -> dict[str, Any]:
    return {"outcome": outcome, "error_code": code, **columns}


def met_after(
    condition: str, calls: list[tuple[float, dict[str, Any]]], now: float | None = None
) -> Met | None:
    """What is said of calls that ended at these moments; at the last of them, when not told otherwise."""
    window = Window(parse_condition(condition), 0.0)
    for at, row in calls:
        window.add(row, [], at)
    return window.met(calls[-1][0] if now is None else now)


@pytest.mark.parametrize(
    ("text", "understood"),
    [
        ("failed > 20% for 60s", "failed > 20% for 60s"),
        ("failed(ICE_TIMEOUT)>=0.5 for 2m", "failed(ICE_TIMEOUT) >= 50% for 120s"),
        ("  setup_ms p95 > 5s for   1h ", "setup_ms p95 > 5000 ms for 3600s"),
        ("failed count > 100 for 90", "failed count > 100 for 90s"),
    ],
)
def test_a_condition_is_a_threshold_and_a_duration(text: str, understood: str) -> None:
    condition = parse_condition(text)
    assert str(condition) == understood
    assert parse_condition(str(condition)) == condition


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("failed > 20%", 13, "write 'for 60s' after it"),
        ("failed > 20% for", 17, "'' is no duration"),
        ("failed > 20% for ever", 18, "'ever' is no duration"),
        ("failed > 20% for 0s", 18, "1 s to 1 h long"),
        ("failed > 20% for 2h", 18, "1 s to 1 h long"),
        ("setup p95 > 1 for 60s", 1, "did you mean setup_ms"),
        ("failed > 120% for 60s", 10, "a share lies between"),
        ("for 60s", 1, "a measure is missing"),
        ("", 1, "a measure is missing"),
    ],
)
def test_a_fault_is_named_with_its_position(text: str, position: int, words: str) -> None:
    found, (fault,) = parse_conditions([text])
    assert found == []
    assert f"{text!r}, at character {position}: " in fault
    assert words in fault


def test_a_share_that_holds_during_the_whole_window_is_met_with_its_value() -> None:
    calls = [(float(second), call("failed" if second % 2 else "completed", "X")) for second in range(61)]
    found = met_after("failed > 20% for 60s", calls)
    assert found is not None
    # Second 0 is leaving the window just now.
    assert (found.value, found.count) == (0.5, 60)
    assert found.sentence == "failed > 20% for 60s: it was 50% over 60"


def test_a_run_that_is_younger_than_the_window_is_not_ended() -> None:
    calls = [(second / 2, call("failed", "X")) for second in range(118)]
    assert met_after("failed > 20% for 60s", calls) is None
    assert met_after("failed > 20% for 60s", calls, now=60.0) is not None


def test_a_burst_of_failures_ends_no_run() -> None:
    good = [(float(second), call()) for second in range(50)]
    burst = [(50 + part / 10, call("failed", "X")) for part in range(100)]
    assert met_after("failed > 20% for 60s", [*good, *burst], now=60.0) is None


def test_too_few_calls_decide_nothing() -> None:
    calls = [(float(second * 7), call("failed", "X")) for second in range(9)]
    assert met_after("failed > 20% for 1m", calls, now=62.0) is None


def test_failures_that_are_long_past_are_forgotten() -> None:
    calls = [(float(second), call("failed", "X")) for second in range(60)]
    assert met_after("failed > 20% for 60s", calls, now=60.0) is not None
    assert met_after("failed > 20% for 60s", calls, now=125.0) is None


def test_a_count_is_met_as_soon_as_it_is_reached() -> None:
    calls = [(number / 10, call("failed", "X")) for number in range(5)]
    assert met_after("failed count > 4 for 60s", calls) is not None
    assert met_after("failed count > 5 for 60s", calls) is None


def test_cancelled_calls_and_those_with_other_codes_do_not_count() -> None:
    cancelled = [(float(second), call("cancelled")) for second in range(60)]
    assert met_after("failed < 100% for 60s", cancelled, now=60.0) is None
    others = [(float(second), call("failed", "OTHER")) for second in range(60)]
    assert met_after("failed(X) > 0% for 60s", others, now=60.0) is None
    assert met_after("failed(OTHER) > 99% for 60s", others, now=60.0) is not None


def test_unmeasured_values_are_left_out() -> None:
    calls = [
        (float(second), call(setup_ms=900.0 if second % 5 == 0 else None, no_audio=None))
        for second in range(60)
    ]
    found = met_after("setup_ms mean > 800 for 60s", calls, now=59.9)
    assert found is None
    found = met_after("setup_ms mean > 800 for 59s", calls, now=59.9)
    assert found is not None
    assert found.count == 11
    assert met_after("no_audio < 50% for 59s", calls, now=59.9) is None


def test_values_of_turns_are_those_of_all_turns() -> None:
    window = Window(parse_condition("turn_latency_ms max > 2s for 10s"), 0.0)
    for second in range(11):
        window.add(call(), [{"turn_latency_ms": 3_000.0}, {"turn_latency_ms": None}], float(second))
    found = window.met(10.0)
    assert found is not None
    assert found.count == 10
    assert found.sentence == "turn_latency_ms max > 2000 ms for 10s: it was 3000 ms over 10"


@pytest.mark.parametrize("aggregate", ["p50", "p95", "p99.9", "mean", "max", "min"])
def test_an_aggregate_is_that_of_the_values_within_one_in_a_hundred(aggregate: str) -> None:
    dice = random.Random(7)
    values = [dice.lognormvariate(6, 1.5) * dice.choice((-1, 1, 1)) for _ in range(5_000)]
    calls = [(number / 100, call(setup_ms=value)) for number, value in enumerate(values)]
    found = met_after(f"setup_ms {aggregate} > -1e9 for 60s", calls, now=59.9)
    assert found is None
    found = met_after(f"setup_ms {aggregate} > -1e9 for 55s", calls, now=54.9999)
    assert found is None
    found = met_after(f"setup_ms {aggregate} > -1e9 for 55s", calls, now=55.0)
    assert found is not None
    kept = np.array(values[92:])
    if aggregate.startswith("p"):
        true = float(np.percentile(kept, float(aggregate[1:]), method="inverted_cdf"))
    else:
        true = float({"mean": kept.mean, "max": kept.max, "min": kept.min}[aggregate]())
    assert found.value == pytest.approx(true, rel=0.011)


def test_memory_does_not_grow_with_the_rate_of_calls() -> None:
    condition: AbortCondition = parse_condition("setup_ms p99 > 1 for 1h")
    window, dice = Window(condition, 0.0), random.Random(7)
    tracemalloc.start()
    for number in range(40_000):
        window.add(call(setup_ms=dice.lognormvariate(6, 1)), [], number / 1_000)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # One slice of a minute: 40,000 values in some hundred buckets.
    assert kept < 200_000
