"""Which call has which faults."""

from __future__ import annotations

import math
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from loadkit.gateway.faults.kinds import Silent, WrongFingerprint
from loadkit.gateway.faults.plan import FaultPlan, InProgress

seeds = st.integers(0, 2**32)


def dealt(share: float, seed: int, calls: int) -> list[bool]:
    plan = FaultPlan([Silent(share=share)], seed)
    return [bool(plan.next_call()) for _ in range(calls)]


@given(seed=seeds)
def test_ten_percent_of_twenty_calls_are_two_calls(seed: int) -> None:
    assert sum(dealt(0.1, seed, 20)) == 2


@given(percent=st.integers(0, 100), seed=seeds, skipped=st.integers(0, 50), calls=st.integers(1, 200))
def test_any_calls_in_a_row_have_their_share_to_within_one(
    percent: int, seed: int, skipped: int, calls: int
) -> None:
    had = sum(dealt(percent / 100, seed, skipped + calls)[skipped:])
    exact = Fraction(percent, 100) * calls
    assert math.floor(exact) <= had <= math.ceil(exact)


@given(share=st.floats(0, 1), seed=seeds)
def test_the_same_seed_deals_the_same(share: float, seed: int) -> None:
    assert dealt(share, seed, 50) == dealt(share, seed, 50)


def test_another_seed_deals_the_same_share_to_other_calls() -> None:
    assert len({tuple(dealt(0.1, seed, 10)) for seed in range(50)}) > 5


def test_faults_of_the_same_share_do_not_all_meet_in_the_same_calls() -> None:
    plan = FaultPlan([Silent(share=0.1)] * 5, seed=1)
    assert max(len(plan.next_call()) for _ in range(10)) < 5


def test_a_call_may_have_several_faults_in_the_order_in_which_they_were_given() -> None:
    plan = FaultPlan([Silent(), WrongFingerprint(share=0), WrongFingerprint()], seed=1)
    for _ in range(3):
        assert [one.fault.kind for one in plan.next_call()] == ["silent", "wrong-fingerprint"]


def test_each_fault_of_each_call_has_a_seed_of_its_own() -> None:
    plan = FaultPlan([Silent(), Silent()], seed=1)
    chosen = [one.seed for _ in range(10) for one in plan.next_call()]
    assert len(set(chosen)) == 20


def test_a_fault_above_a_number_of_calls_is_had_by_those_that_make_more_than_that() -> None:
    plan = FaultPlan([Silent(above=2)], seed=1)
    assert [bool(plan.next_call(in_progress)) for in_progress in (1, 2, 3, 2, 4, 1)] == [
        False,
        False,
        True,
        False,
        True,
        False,
    ]


@given(seed=seeds)
def test_a_share_of_those_above_counts_no_others(seed: int) -> None:
    plan = FaultPlan([Silent(above=1, share=0.5)], seed)
    had = [bool(plan.next_call(in_progress)) for in_progress in (1, 2) * 10]
    assert not any(had[::2])
    assert sum(had[1::2]) == 5


def test_a_call_leaves_once_however_often_it_is_said() -> None:
    in_progress = InProgress()
    leave, stay = in_progress.enter(), in_progress.enter()
    leave()
    leave()
    assert in_progress.calls == 1
    stay()
    assert in_progress.calls == 0
