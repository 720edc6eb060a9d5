"""What a step says: which of its calls count, and who was the limit."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from loadkit.capacity.options import By, LoadUnit
from loadkit.capacity.search import Trial
from loadkit.capacity.step import StepResult, Window, judge_step
from loadkit.thresholds import parse_threshold

FIT: dict[str, Any] = {"fit": True, "unfit_reasons": [], "limits": {"late_ms": 10.0}}
UNFIT: dict[str, Any] = {"fit": False, "unfit_reasons": ["An engine was late."], "limits": {"late_ms": 10.0}}
WINDOW = Window(10.0, 20.0)


def call(
    at: float, *, lasts: float = 10.0, setup_ms: float | None = 100.0, code: str | None = None
) -> dict[str, Any]:
    return {
        "call_id": f"{at}-{code}-{setup_ms}",
        "intended_at": at,
        "started_at": at,
        "ended_at": at + lasts,
        "outcome": "failed" if code else "completed",
        "error_code": code,
        "setup_ms": setup_ms,
    }


def judged(
    calls: list[dict[str, Any]],
    *slo: str,
    generator: dict[str, Any] = FIT,
    asked: float = 1,
    by: By = By.CALLS,
) -> StepResult:
    return judge_step(
        pd.DataFrame(calls),
        pd.DataFrame(),
        generator,
        [parse_threshold(text) for text in slo],
        window=WINDOW,
        asked=asked,
        unit=LoadUnit(by),
    )


def test_only_calls_meant_to_start_within_the_window_count() -> None:
    calls = [call(9.9, setup_ms=5000), call(10.0), call(19.9, lasts=60), call(20.0, code="X", setup_ms=None)]
    result = judged(calls, "setup_ms max < 800", "failed < 1%")
    assert (result.calls, result.failed, result.trial) == (2, 0, Trial.HELD)
    assert [held.value for held in result.checks] == [100.0, 0.0]


def test_what_was_carried_is_the_mean_of_the_calls_in_progress() -> None:
    calls = [call(5, lasts=10), call(15, lasts=1), call(16, lasts=100), call(0, lasts=1)]
    assert judged(calls, "failed < 1%").carried == pytest.approx((5 + 1 + 4) / 10)


def test_a_load_that_was_not_placed_is_not_one_that_held() -> None:
    calls = [call(10.0, lasts=8.9)]
    result = judged(calls, "failed < 1%", asked=1)
    assert result.trial is Trial.UNFIT
    assert "only 0.9 of the 1 call were in progress" in result.reasons[0]
    assert judged([call(10.0, lasts=9.1)], "failed < 1%", asked=1).trial is Trial.HELD


def test_a_rate_is_carried_when_as_many_calls_were_begun() -> None:
    calls = [call(10 + n / 2, lasts=0.1) for n in range(20)]
    result = judged(calls, "failed < 1%", asked=2, by=By.RATE)
    assert (result.carried, result.concurrent, result.trial) == (2.0, 0.2, Trial.HELD)
    assert judged(calls, "failed < 1%", asked=3, by=By.RATE).trial is Trial.UNFIT


def test_arrivals_that_became_no_call_are_a_load_that_was_not_placed() -> None:
    result = judge_step(
        pd.DataFrame([call(10)]),
        pd.DataFrame(),
        FIT,
        [parse_threshold("failed < 1%")],
        window=WINDOW,
        asked=0.1,
        unit=LoadUnit(By.RATE),
        dropped=2,
    )
    assert result.trial is Trial.UNFIT
    assert "2 arrivals became no call: as many as --max-calls were in progress" in result.reasons[0]


def test_one_threshold_that_is_broken_breaks_the_step() -> None:
    result = judged([call(10, setup_ms=900)], "failed < 1%", "setup_ms max < 800")
    assert (result.trial, result.reasons) == (Trial.BROKEN, ())


@pytest.mark.parametrize("setup_ms", [100.0, 900.0])
def test_an_unfit_generator_proves_nothing_either_way(setup_ms: float) -> None:
    result = judged([call(10, setup_ms=setup_ms)], "setup_ms max < 800", generator=UNFIT)
    assert (result.trial, result.reasons) == (Trial.UNFIT, ("An engine was late.",))


@pytest.mark.parametrize(
    ("code", "trial"),
    [
        ("FULL", Trial.BROKEN),  # the gateway's own, verbatim
        ("AGENT_FAILURE", Trial.BROKEN),
        ("ICE_TIMEOUT", Trial.UNFIT),  # a generator that is late brings that about, too
        ("ENGINE_LOST", Trial.UNFIT),
    ],
)
def test_with_an_unfit_generator_only_what_the_gateway_declared_is_its_failure(
    code: str, trial: Trial
) -> None:
    calls = [call(10, code=code, setup_ms=None), call(11)]
    assert judged(calls, "failed < 1%", generator=UNFIT).trial is trial


def test_failures_of_the_generator_itself_are_not_the_gateway_s() -> None:
    result = judged([call(10, code="ENGINE_LOST", setup_ms=None)], "failed < 1%")
    assert result.trial is Trial.UNFIT
    assert result.reasons == ("1 call failed with ENGINE_LOST, which is the generator's own",)


def test_too_few_values_decide_nothing() -> None:
    result = judged([call(10 + n / 10) for n in range(19)], "setup_ms p95 < 800", asked=10)
    assert result.trial is None
    assert result.reasons == ("setup_ms p95 < 800 ms: too few, 19 of the 20 values that p95 needs",)


def test_too_few_values_of_a_load_that_was_not_placed_are_the_generator_s_limit() -> None:
    result = judged([call(10)], "setup_ms p95 < 800", asked=40)
    assert result.trial is Trial.UNFIT
    assert "only 1.0 of the 40 calls were in progress" in result.reasons[0]


def test_values_that_failed_calls_have_not_left_are_no_lack_of_data() -> None:
    calls = [
        call(10 + n / 10, code="X" if n % 2 else None, setup_ms=None if n % 2 else 100) for n in range(20)
    ]
    assert judged(calls, "setup_ms p95 < 800").trial is Trial.BROKEN


def test_a_generator_whose_punctuality_nobody_measured_was_not_fit() -> None:
    unknown: dict[str, Any] = {"fit": None, "unfit_reasons": [], "limits": {"late_ms": 10.0}}
    assert judged([call(10)], "failed < 1%", generator=unknown).trial is Trial.UNFIT
    not_judged: dict[str, Any] = {"fit": None, "unfit_reasons": [], "limits": {"late_ms": None}}
    assert judged([call(10)], "failed < 1%", generator=not_judged).trial is Trial.HELD
