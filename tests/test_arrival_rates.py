from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.arrival_rates import Schedule, parse_arrival_rate, parse_rate, parse_stages

rates = st.integers(0, 40)
lengths = st.integers(1, 60)
steps = st.tuples(lengths, rates).map(lambda t: f"{t[0]}s:{t[1]}/s")
ramps = st.tuples(lengths, rates, rates).map(lambda t: f"{t[0]}s:{t[1]}/s..{t[2]}/s")
onward = st.tuples(lengths, rates).map(lambda t: f"{t[0]}s:..{t[1]}/s")
schedules = (
    st.lists(st.one_of(steps, ramps, onward), min_size=1, max_size=4)
    .map(",".join)
    .filter(lambda text: any(f"{rate}/s" in text.replace(":0/s", "") for rate in range(1, 41)))
    .map(parse_stages)
)


def moments(schedule: Schedule, seed: int | None = None, most: int = 10_000) -> list[float]:
    rng = None if seed is None else np.random.default_rng(seed)
    return list(itertools.islice(schedule.moments(rng), most))


# Constant


@given(st.integers(1, 400), st.sampled_from(["s", "min", "h"]), st.integers(0, 5000))
def test_constant_arrivals_come_at_exact_multiples_and_never_drift(
    count: int, unit: str, number: int
) -> None:
    schedule = parse_arrival_rate(f"{count}/{unit}")
    moment = next(itertools.islice(schedule.moments(), number, None))
    assert moment == number / parse_rate(f"{count}/{unit}")


@settings(deadline=None)
@given(schedules)
def test_of_any_stages_as_many_arrive_as_the_area_under_the_rate(schedule: Schedule) -> None:
    found = moments(schedule)
    assert len(found) == math.ceil(schedule.expected(schedule.end_s) - 1e-6)


@settings(deadline=None)
@given(schedules)
def test_moments_rise_and_lie_within_the_stages(schedule: Schedule) -> None:
    found = moments(schedule)
    assert all(0 <= moment <= schedule.end_s for moment in found)
    assert all(first <= second for first, second in itertools.pairwise(found))


@settings(deadline=None)
@given(schedules)
def test_each_moment_is_where_the_area_reaches_its_number(schedule: Schedule) -> None:
    for number, moment in enumerate(moments(schedule, most=300)):
        assert schedule.expected(moment) == pytest.approx(number, abs=1e-6)


def test_a_stage_without_arrivals_is_a_pause() -> None:
    assert moments(parse_stages("2s:1/s,10s:0/s,2s:1/s")) == [0, 1, 12, 13]


def test_a_ramp_that_says_no_beginning_goes_on_from_the_stage_before() -> None:
    schedule = parse_stages("10s:..4/s,10s:4/s,10s:..2/s")
    assert [schedule.rate(at) for at in (0, 5, 10, 15, 25)] == [0, 2, 4, 4, 3]
    assert schedule.rate(30) == 0
    assert schedule.expected(30) == 20 + 40 + 30


def test_steps_of_the_issue_are_read() -> None:
    schedule = parse_stages("60s:1/s,300s:10/s")
    assert (schedule.end_s, schedule.peak) == (360, 10)
    assert len(moments(schedule)) == 60 + 3000
    assert str(schedule) == "60s:1/s,300s:10/s"


# Poisson


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_poisson_arrivals_keep_to_the_rate_and_are_as_irregular_as_they_should(seed: int) -> None:
    found = np.array(moments(parse_stages("1000s:4/s"), seed))
    # Five standard deviations of a Poisson count.
    assert abs(len(found) - 4000) <= 5 * math.sqrt(4000)
    gaps = np.diff(found)
    assert np.std(gaps) == pytest.approx(np.mean(gaps), rel=0.15)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_poisson_arrivals_follow_a_ramp(seed: int) -> None:
    found = np.array(moments(parse_stages("100s:0/s..40/s"), seed))
    # A quarter of the area lies in the first half.
    first = int((found < 50).sum())
    assert abs(first - 500) <= 5 * math.sqrt(500)
    assert abs(len(found) - 2000) <= 5 * math.sqrt(2000)


def test_a_seed_repeats_poisson_arrivals_and_another_does_not() -> None:
    schedule = parse_arrival_rate("5/s")
    assert moments(schedule, 7, 50) == moments(schedule, 7, 50)
    assert moments(schedule, 7, 50) != moments(schedule, 8, 50)


# Reading


@pytest.mark.parametrize(
    ("text", "per_second"),
    [("5/s", 5), ("300/min", 5), ("1800/h", 0.5), (" 0.5 / s ", 0.5), ("90/m", 1.5)],
)
def test_a_rate_is_read(text: str, per_second: float) -> None:
    assert parse_rate(text) == per_second


@pytest.mark.parametrize("text", ["5", "5/d", "/s", "-1/s", "five/s", "", "5/s/s", "1e3/s"])
def test_what_is_no_rate_is_refused_with_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="is no rate; write 5/s, 300/min or 1000/h"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("60s", "'60s' is no stage; write 60s:1/s,300s:10/s for steps"),
        ("60s:1/s,", "'' is no stage"),
        (":1/s", "':1/s' is no stage"),
        ("0s:1/s", "the stage '0s:1/s' has no length"),
        ("soon:1/s", "'soon' is not a duration"),
        ("60s:1/s..", "'' is no rate"),
        ("60s:0/s,60s:0/s", "every stage has a rate of 0: no call would ever arrive"),
        ("169h:1/s", "longer than a week"),
        ("60s:20000/s", "is more than 10,000 arrivals per second"),
    ],
)
def test_what_is_no_stage_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is compared below
        parse_stages(text)
    assert sentence in str(caught.value)


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no call would ever arrive"):
        parse_arrival_rate("0/s")
