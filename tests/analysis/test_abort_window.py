"""Whether a run is hopeless: the window over the calls that ended lately."""

from __future__ import annotations

import random
import tracemalloc
from typing import Any

import numpy as np
import pytest

from loadkit.analysis.abort_window import Met, Window
from loadkit.thresholds.abort import AbortCondition, parse_condition


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


def test_a_filter_chooses_the_calls_that_count() -> None:
    condition = "failed > 50% where mode = echo for 10s"
    calls = [
        (second / 2, call("failed", "X", mode="echo" if second % 2 else "agent")) for second in range(44)
    ]
    found = met_after(condition, calls)
    assert found is not None
    assert found.count == 10
    others = [(second / 2, call("failed", "X", mode="agent")) for second in range(44)]
    assert met_after(condition, others) is None


def test_the_share_of_packets_that_were_lost_is_worked_out_for_each_call() -> None:
    calls = [(float(second), call(packets_received=90, packets_lost=10)) for second in range(13)]
    found = met_after("fraction_lost mean > 9% for 11s", calls)
    assert found is not None
    assert found.value == pytest.approx(0.1)
    unmeasured = [(float(second), call(packets_received=None, packets_lost=None)) for second in range(13)]
    assert met_after("fraction_lost mean >= 0 for 11s", unmeasured) is None


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
        true = {"mean": float(kept.mean()), "max": float(kept.max()), "min": float(kept.min())}[aggregate]
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
