"""The search finds any limit, and does not believe a single trial that lies."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.capacity.search import Ending, Search, SearchPlan, Trial, most_steps_needed

HELD, BROKEN, UNFIT = Trial.HELD, Trial.BROKEN, Trial.UNFIT

plans = st.builds(
    SearchPlan,
    start=st.integers(1, 300),
    factor=st.floats(1.2, 4),
    resolution=st.floats(0.01, 0.3),
    most=st.integers(300, 3000),
    most_steps=st.just(200),
)


def searched(plan: SearchPlan, gateway: Callable[[int], Trial]) -> Search:
    search = Search(plan)
    while (load := search.next()) is not None:
        assert 1 <= load <= plan.most
        search.add(load, gateway(load))
    return search


def limited(limit: int) -> Callable[[int], Trial]:
    """A gateway that holds so many calls."""
    return lambda load: HELD if load <= limit else BROKEN


@given(plan=plans, limit=st.integers(1, 3500))
def test_any_limit_is_found_within_the_resolution_and_in_a_bounded_number_of_steps(
    plan: SearchPlan, limit: int
) -> None:
    search = searched(plan, limited(limit))
    bounds = search.bounds
    assert not bounds.unsure
    assert search.steps <= most_steps_needed(plan, min(limit, plan.most))
    if limit >= plan.most:
        assert (search.ending, bounds.low, bounds.high) == (Ending.CEILING, plan.most, None)
        return
    assert search.ending is Ending.FOUND
    assert bounds.low is not None
    assert bounds.high is not None
    assert bounds.low <= limit < bounds.high
    assert limit - bounds.low <= plan.resolution * limit
    assert bounds.high_is is BROKEN
    # Each border was believed only when two trials agreed.
    assert search.trials[bounds.low] == [HELD, HELD]
    assert search.trials[bounds.high] == [BROKEN, BROKEN]


@given(plan=plans, limit=st.integers(1, 299), lie=st.integers(0, 25))
def test_one_trial_that_lies_is_set_right(plan: SearchPlan, limit: int, lie: int) -> None:
    honest, numbers = limited(limit), iter(range(1000))

    def gateway(load: int) -> Trial:
        told = honest(load)
        if next(numbers) != lie:
            return told
        return BROKEN if told is HELD else HELD

    search = searched(plan, gateway)
    bounds = search.bounds
    assert search.ending is Ending.FOUND
    assert bounds.low is not None
    assert bounds.high is not None
    assert bounds.low <= limit < bounds.high
    assert bounds.high - bounds.low <= max(1, plan.resolution * bounds.low)


@given(plan=plans, limit=st.integers(20, 290), noise=st.floats(0, 0.15), seed=st.integers(0, 2**32))
def test_a_border_that_is_blurred_is_found_within_its_blur_and_the_resolution(
    plan: SearchPlan, limit: int, noise: float, seed: int
) -> None:
    luck = random.Random(seed)
    low, high = limit * (1 - noise), limit * (1 + noise)

    def gateway(load: int) -> Trial:
        chance = 1.0 if load <= low else 0.0 if load > high else (high - load) / (high - low)
        return HELD if luck.random() < chance else BROKEN

    search = searched(plan, gateway)
    bounds = search.bounds
    assert search.ending is Ending.FOUND
    assert bounds.low is not None
    assert low * (1 - plan.resolution) - 1 <= bounds.low <= high
    assert bounds.sure_low is None or bounds.sure_low <= high
    assert bounds.sure_high is None or bounds.sure_high > low


@given(plan=plans, limit=st.integers(1, 299), gateway_limit=st.integers(1, 299))
def test_an_unfit_generator_is_never_blamed_on_the_gateway(
    plan: SearchPlan, limit: int, gateway_limit: int
) -> None:
    honest = limited(gateway_limit)
    search = searched(plan, lambda load: UNFIT if load > limit else honest(load))
    bounds = search.bounds
    if gateway_limit < limit:
        # The generator is the limit further up: the gateway's own is found below it, or is too close to tell apart.
        assert bounds.low is not None
        assert bounds.low <= gateway_limit
        assert search.ending is Ending.FOUND or (bounds.high or 0) > limit
    else:
        assert search.ending is Ending.GENERATOR
        assert bounds.high_is is UNFIT
        assert bounds.low is not None
        assert bounds.low <= limit < (bounds.high or 0)


@pytest.mark.parametrize("start", [1, 10, 64])
def test_when_not_even_one_call_holds_that_is_said_after_it_was_tried_twice(start: int) -> None:
    search = searched(SearchPlan(start=start), lambda _load: BROKEN)
    assert search.ending is Ending.NOT_EVEN_ONE
    assert search.bounds.low is None
    assert search.trials[1] == [BROKEN, BROKEN]


def test_a_generator_that_is_never_fit_says_nothing_about_the_gateway() -> None:
    search = searched(SearchPlan(start=4), lambda _load: UNFIT)
    assert (search.ending, search.bounds.low, search.bounds.high_is) == (Ending.GENERATOR, None, UNFIT)


def test_the_loads_are_these() -> None:
    tried = []

    def gateway(load: int) -> Trial:
        tried.append(load)
        return limited(80)(load)

    searched(SearchPlan(start=10, factor=2, resolution=0.05), gateway)
    assert tried == [10, 20, 40, 80, 160, 120, 100, 90, 85, 82, 80, 82]


def test_a_limit_below_the_start_is_found() -> None:
    search = searched(SearchPlan(start=100), limited(7))
    assert (search.ending, search.bounds.low, search.bounds.high) == (Ending.FOUND, 7, 8)


def test_a_border_that_contradicts_itself_is_told_as_an_interval() -> None:
    answers = {10: [HELD], 20: [BROKEN], 15: [HELD], 17: [BROKEN], 16: [HELD, BROKEN, HELD]}
    search = searched(SearchPlan(start=10), lambda load: answers[load].pop(0) if answers[load] else BROKEN)
    bounds = search.bounds
    assert search.ending is Ending.FOUND
    assert (bounds.low, bounds.high) == (16, 17)
    assert bounds.unsure
    assert (bounds.sure_low, bounds.sure_high) == (15, 17)


def test_the_search_ends_when_there_were_enough_steps() -> None:
    search = searched(SearchPlan(start=10, most_steps=3), limited(500))
    assert (search.steps, search.ending) == (3, Ending.STEPS)
    assert (search.bounds.low, search.bounds.high) == (40, None)


def test_with_one_trial_per_border_the_first_is_believed() -> None:
    search = searched(SearchPlan(start=10, factor=1.2, repeats=1), limited(11))
    assert search.trials == {10: [HELD], 12: [BROKEN], 11: [HELD]}
    assert search.ending is Ending.FOUND
