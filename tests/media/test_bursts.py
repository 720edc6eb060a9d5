"""How many packets are lost in a row."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.media.bursts import LossBursts


def mean_of(arrived: list[int], first: int = 0) -> float | None:
    bursts = LossBursts()
    for number in arrived:
        bursts.packet(1, (first + number) & 0xFFFF)
    return bursts.mean


def expected(lost: list[bool]) -> float | None:
    """Of the packets between the first and the last that arrived."""
    arrived = [number for number, gone in enumerate(lost) if not gone]
    inside = lost[arrived[0] : arrived[-1]] if arrived else []
    lengths = [sum(1 for _ in run) for gone, run in itertools.groupby(inside) if gone]
    return sum(lengths) / len(lengths) if lengths else None


@given(lost=st.lists(st.booleans(), max_size=400), first=st.integers(0, 0xFFFF))
def test_any_pattern_of_loss_has_its_mean_burst(lost: list[bool], first: int) -> None:
    assert mean_of([number for number, gone in enumerate(lost) if not gone], first) == expected(lost)


@given(
    lost=st.lists(st.booleans(), min_size=10, max_size=300),
    swaps=st.lists(st.integers(0, 298), max_size=40),
    first=st.integers(0, 0xFFFF),
)
def test_packets_that_are_overtaken_or_doubled_are_not_lost(
    lost: list[bool], swaps: list[int], first: int
) -> None:
    arrived = [number for number, gone in enumerate(lost) if not gone]
    # The first packet stays the first: what is before it was never expected.
    for swap in swaps:
        if 0 < swap < len(arrived) - 1:
            arrived[swap], arrived[swap + 1] = arrived[swap + 1], arrived[swap]
    doubled = [number for number in arrived for _ in range(2)]
    assert mean_of(doubled, first) == expected(lost)


def test_nothing_lost_has_no_burst() -> None:
    assert mean_of([]) is None
    assert mean_of(list(range(1000))) is None


def test_a_packet_that_comes_far_too_late_was_lost() -> None:
    assert mean_of([0, *range(2, 200), 1]) == 1


def test_a_source_that_starts_anew_goes_on_in_the_same_figure() -> None:
    bursts = LossBursts()
    for ssrc, number in ((1, 10), (1, 13), (2, 60_000), (2, 60_005), (2, 5), (2, 6)):
        bursts.packet(ssrc, number)
    # Two, four, and then a jump that is no loss.
    assert bursts.mean == pytest.approx(3)
