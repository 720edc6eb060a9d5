"""The E-model against values worked out by hand from ITU-T G.107.2."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.media.quality import mos


def test_a_clean_path_costs_nothing_but_the_codec() -> None:
    # R = 148 - 10.67 = 137.33, r = 92.79: 1 + 3.2477 + 92.79 * 32.79 * 7.21 * 7e-6
    assert mos(500, 0, 0, None, 0.001) == pytest.approx(4.401, abs=0.001)


def test_five_percent_of_random_loss() -> None:
    # Ie,eff = 10.67 + 121.33 * 5 / (5 + 9.79) = 51.69; r = 65.07
    assert mos(1000, 50, 0, 1 / 0.95, 0.01) == pytest.approx(3.359, abs=0.003)


def test_what_comes_too_late_counts_as_lost() -> None:
    assert mos(1000, 25, 25, None, 0.01) == mos(1000, 50, 0, None, 0.01)


def test_loss_in_bursts_is_worse_than_random_loss() -> None:
    random, bursts = mos(1000, 50, 0, 1.05, 0.01), mos(1000, 50, 0, 5.0, 0.01)
    assert random is not None
    assert bursts is not None
    assert bursts < random


def test_a_round_trip_of_half_a_second_is_heard() -> None:
    # Ta = 86.5 + 250 = 336.5 ms, X = 1.7506: Idd = 25 * (1.7604 - 3.0195 + 2) = 18.52; R = 109.92, r = 74.27
    assert mos(500, 0, 0, None, 0.5) == pytest.approx(3.791, abs=0.003)


def test_without_packets_or_without_a_round_trip_there_is_no_score() -> None:
    assert mos(0, 0, 0, None, 0.01) is None
    assert mos(500, 0, 0, None, None) is None


@given(
    st.integers(1, 100_000),
    st.integers(-10, 100_000),
    st.integers(0, 1000),
    st.one_of(st.none(), st.floats(1, 1000)),
    st.floats(0, 60),
)
def test_a_score_lies_between_1_and_4_5(
    expected: int, lost: int, late: int, burst: float | None, trip: float
) -> None:
    score = mos(expected, lost, late, burst, trip)
    assert score is not None
    assert 1 <= score <= 4.5
