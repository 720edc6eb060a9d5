"""Thresholds: what is read as what, what is refused and where, and what is decided."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.analysis.threshold_checks import check
from loadkit.runs.reader import read_records
from loadkit.thresholds import Threshold, ThresholdError, parse_threshold, parse_thresholds
from loadkit.thresholds.measures import MEASURES
from tests.synthetic import call_row, failed_row, turn_row, write_run_folder

OPERATORS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def frames(calls: list[dict[str, Any]], turns: Sequence[dict[str, Any]] = ()) -> tuple[Any, Any]:
    """Tables with the columns that a test needs."""
    return pd.DataFrame(calls), pd.DataFrame(list(turns))


def setups(*values: float | None) -> Any:
    return pd.DataFrame({"setup_ms": pd.Series(values, dtype="float64")})


NO_TURNS = pd.DataFrame()


# What is read


@pytest.mark.parametrize(
    ("text", "form", "limit"),
    [
        ("setup_ms p95 < 800", "setup_ms p95 < 800 ms", 800),
        ("setup_ms p95<0.8s", "setup_ms p95 < 800 ms", 800),
        ("  setup_ms   p99.9  <=  1.5 s ", "setup_ms p99.9 <= 1500 ms", 1500),
        ("jitter p95 < 30ms", "jitter p95 < 0.03 s", 0.03),
        ("jitter max < 0.03", "jitter max < 0.03 s", 0.03),
        ("failed < 1%", "failed < 1%", 0.01),
        ("failed < 0.01", "failed < 1%", 0.01),
        ("failed rate<1 %", "failed < 1%", 0.01),
        ("failed count <= 3", "failed count <= 3", 3),
        ("failed(ICE_TIMEOUT) < 0.5%", "failed(ICE_TIMEOUT) < 0.5%", 0.005),
        ("failed ( 486 Busy here ) < 50%", "failed(486 Busy here) < 50%", 0.5),
        ("no_audio < 0.1%", "no_audio < 0.1%", 0.001),
        ("no_response count < 1", "no_response count < 1", 1),
        ("turn_latency_ms p50 < 1200ms", "turn_latency_ms p50 < 1200 ms", 1200),
        ("audio_level min > 5%", "audio_level min > 5%", 0.05),
        ("clock_drift_ppm mean > -100", "clock_drift_ppm mean > -100", -100),
        ("packets_lost max < 1e3", "packets_lost max < 1000", 1000),
    ],
)
def test_a_threshold_is_read(text: str, form: str, limit: float) -> None:
    threshold = parse_threshold(text)
    assert str(threshold) == form
    assert threshold.limit == limit


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 1, "a measure is missing; a threshold is a text such as 'setup_ms p95 < 800'"),
        ("   ", 1, "a measure is missing"),
        ("< 800", 1, "a measure is missing, and there is '<'"),
        ("setup p95 < 800", 1, "there is no measure 'setup'; did you mean setup_ms"),
        ("setup_mss p95 < 800", 1, "did you mean setup_ms"),
        ("xyzzy p95 < 800", 1, "there is no measure 'xyzzy'; the columns are listed in docs/record.md"),
        ("call_id max < 1", 1, "there is no measure 'call_id'"),
        (
            "setup_ms < 800",
            10,
            "it is not said which value of setup_ms is meant, and there is '<'; there are p50 to p99.9, mean, max, "
            "min, count, as in 'setup_ms p95 < 800'",
        ),
        ("setup_ms p49 < 800", 10, "setup_ms has no 'p49'; there are p50 to p99.9, mean, max, min"),
        ("setup_ms p100 < 800", 10, "setup_ms has no 'p100'"),
        ("setup_ms rate < 1%", 10, "setup_ms has no 'rate'"),
        ("failed p95 < 1%", 8, "failed is true or false, which has no 'p95'; there are rate, count"),
        ("setup_ms p95 800", 14, "an operator is missing, and there is '800'; there are <, <=, >, >="),
        ("setup_ms p95 == 800", 14, "'==' is no operator"),
        ("setup_ms p95 <> 800", 14, "'<>' is no operator"),
        ("setup_ms p95", 13, "an operator is missing; there are"),
        ("setup_ms p95 <", 15, "a limit, which is a number, is missing"),
        ("setup_ms p95 < fast", 16, "a limit, which is a number, is missing, and there is 'fast'"),
        ("setup_ms p95 < 80%", 18, "'%' is no unit of it; a limit of setup_ms takes 'ms' or 's'"),
        ("setup_ms p95 < 8 min", 18, "'min' is no unit of it"),
        ("packets_lost max < 8 ms", 22, "'ms' is no unit of it; a limit of packets_lost has none"),
        ("failed count < 8%", 17, "'%' is no unit of it; a limit of failed has none"),
        ("failed < 5", 10, "a share lies between 0 and 1, or 0% and 100%; 5 does not"),
        ("failed < 101%", 10, "101% does not"),
        ("failed() < 1%", 7, "the brackets hold no error code; write failed(ICE_TIMEOUT), or failed alone"),
        ("no_audio(X) < 1%", 9, "only 'failed' takes an error code in brackets"),
        ("failed(X < 1%", 7, "an operator is missing, and there is '('"),
        ("setup_ms p95 < 800 and more", 20, "'and' is no unit of it"),
        ("setup_ms p95 < 800 ms more", 23, "nothing may follow the limit but 'where', and there is 'more'"),
        ("setup_ms p95 < 1e999", 16, "1e999 is too large"),
    ],
)
def test_what_is_no_threshold_is_refused_with_the_place_and_what_may_stand_there(
    text: str, position: int, reason: str
) -> None:
    with pytest.raises(ThresholdError) as caught:
        parse_threshold(text)
    assert caught.value.position == position
    assert reason in str(caught.value)
    assert f"{text!r}, at character {position}: " in str(caught.value)


@given(st.text(max_size=60))
def test_any_other_text_is_refused_in_a_sentence(text: str) -> None:
    try:
        parse_threshold(text)
    except ThresholdError as exc:
        fault = exc
    else:
        return
    assert 1 <= fault.position <= len(text) + 1
    assert fault.reason


@st.composite
def thresholds(draw: st.DrawFn) -> str:
    measure = draw(st.sampled_from(list(MEASURES.values())))
    if measure.boolean:
        aggregate = draw(st.sampled_from(["", "rate", "count"]))
    else:
        percentiles = st.integers(500, 999).map(lambda tenths: f"p{tenths / 10:g}")
        aggregate = draw(st.sampled_from(["mean", "max", "min"]) | percentiles)
    limit = draw(st.floats(0, 1) if measure.boolean or measure.unit == "0..1" else st.floats(-1e6, 1e6))
    blank = draw(st.sampled_from(["", " "]))
    return f"{measure.name} {aggregate}{blank}{draw(st.sampled_from(list(OPERATORS)))}{blank}{limit!r}"


@given(thresholds())
def test_the_one_form_of_a_threshold_means_the_same(text: str) -> None:
    threshold = parse_threshold(text)
    again = parse_threshold(str(threshold))
    assert (again.measure, again.aggregate, again.operator) == (
        threshold.measure,
        threshold.aggregate,
        threshold.operator,
    )
    assert math.isclose(again.limit, threshold.limit, rel_tol=1e-9, abs_tol=1e-12)
    assert str(again) == str(threshold)


def test_all_faults_are_told_and_what_is_said_twice_counts_once() -> None:
    found, faults = parse_thresholds(["failed < 1%", "failed rate < 0.01", "x < 1", "failed <"])
    assert [str(threshold) for threshold in found] == ["failed < 1%"]
    assert len(faults) == 2


def test_moments_and_numbers_that_only_name_a_row_are_no_measures() -> None:
    assert not {"intended_at", "started_at", "ended_at", "record_version", "turn", "outcome"} & set(MEASURES)
    assert {"setup_ms", "turn_latency_ms", "packets_lost", "no_audio", "barge_in_missed"} <= set(MEASURES)


# What is decided


@pytest.mark.parametrize(
    ("aggregate", "needs"),
    [
        ("p50", 2),
        ("p90", 10),
        ("p95", 20),
        ("p99", 100),
        ("p99.9", 1000),
        ("mean", 1),
        ("max", 1),
        ("min", 1),
    ],
)
def test_an_aggregate_needs_enough_values_and_less_is_no_pass(aggregate: str, needs: int) -> None:
    threshold = parse_threshold(f"setup_ms {aggregate} < 800")
    assert threshold.needs == needs
    assert check(threshold, setups(*[1.0] * needs), NO_TURNS).passed is True
    short = check(threshold, setups(*[1.0] * (needs - 1), None), NO_TURNS)
    assert short.passed is None
    assert short.value is None
    wanted = (
        "no data" if needs == 1 else f"too few, {needs - 1:,} of the {needs:,} values that {aggregate} needs"
    )
    assert short.sentence == f"setup_ms {aggregate} < 800 ms: {wanted}"


def test_no_data_is_never_a_pass_whatever_the_operator() -> None:
    calls = pd.DataFrame({"outcome": [], "error_code": [], "setup_ms": []})
    for text in ("failed < 1%", "failed count < 1", "setup_ms mean > 0", "setup_ms p95 < 1"):
        assert check(parse_threshold(text), calls, NO_TURNS).passed is None


@given(
    st.lists(st.floats(0, 1e5), min_size=20, max_size=60), st.floats(0, 1e5), st.sampled_from(list(OPERATORS))
)
def test_a_percentile_is_held_against_the_limit_as_numpy_computes_it(
    values: list[float], limit: float, sign: str
) -> None:
    threshold = parse_threshold(f"setup_ms p95 {sign} {limit!r}")
    held = check(threshold, setups(*values), NO_TURNS)
    assert held.value == float(np.percentile(values, 95))
    assert held.passed == OPERATORS[sign](held.value, threshold.limit)
    assert held.count == len(values)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_failures_are_a_share_of_the_calls_that_came_to_an_end_of_their_own(
    good: int, bad: int, cancelled: int
) -> None:
    outcomes = ["completed"] * good + ["failed"] * bad + ["cancelled"] * cancelled
    calls = pd.DataFrame(
        {"outcome": outcomes, "error_code": ["X" if o == "failed" else None for o in outcomes]}
    )
    held = check(parse_threshold("failed < 50%"), calls, NO_TURNS)
    assert held.count == good + bad
    assert held.passed == (None if good + bad == 0 else bad < good)
    assert check(parse_threshold("failed count >= 0"), calls, NO_TURNS).value == (bad if good + bad else None)


def test_the_failures_of_one_code_are_a_share_of_all_calls() -> None:
    codes = ["ICE_TIMEOUT", "ICE_TIMEOUT", "NO_AUDIO", None]
    calls, _ = frames([{"outcome": "failed", "error_code": code} for code in codes])
    share = {code: check(parse_threshold(f"failed({code}) < 1%"), calls, NO_TURNS).value for code in
             ("ICE_TIMEOUT", "NO_AUDIO", "UNKNOWN", "OTHER")}  # fmt: skip
    assert share == {"ICE_TIMEOUT": 0.5, "NO_AUDIO": 0.25, "UNKNOWN": 0.25, "OTHER": 0.0}


def test_a_run_folder_is_held_against_thresholds_of_calls_and_of_turns(tmp_path: Path) -> None:
    calls = [call_row(number, setup_ms=float(number), no_audio=number < 5) for number in range(1, 40)]
    calls.append(failed_row(40))
    turns = [turn_row(str(calls[0]["call_id"]), number, turn_latency_ms=100.0 * number) for number in (1, 2)]
    records = read_records(write_run_folder(tmp_path, calls, turns))
    said = {
        text: check(parse_threshold(text), records.calls, records.turns).sentence
        for text in ("setup_ms max < 39.5", "failed < 1%", "no_audio count < 9", "turn_latency_ms mean < 150")
    }
    assert said == {
        "setup_ms max < 39.5": "setup_ms max < 39.5 ms: holds, it is 39 ms over 39",
        "failed < 1%": "failed < 1%: broken, it is 2.5% over 40",
        "no_audio count < 9": "no_audio count < 9: holds, it is 4 over 39",
        "turn_latency_ms mean < 150": "turn_latency_ms mean < 150 ms: broken, it is 150 ms over 2",
    }


def test_equal_thresholds_are_equal() -> None:
    assert parse_threshold("failed<1%") == parse_threshold("failed < 0.01")
    assert isinstance(parse_threshold("failed<1%"), Threshold)
