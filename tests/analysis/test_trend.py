from __future__ import annotations

import math

import numpy as np
import pytest

from loadkit.analysis.trend import MOST_BINS, Series, mean, series, trend


@pytest.fixture
def luck() -> np.random.Generator:
    """The same for each test, whichever others ran before it."""
    return np.random.default_rng(7)


def _of(values: np.ndarray, length: float = 3_600.0) -> Series:
    at = (np.arange(values.size) + 0.5) * length / values.size
    return Series(at, values.astype(np.float64), 0.0, length)


def test_a_planted_slope_lies_within_its_interval_and_zero_does_not(luck: np.random.Generator) -> None:
    found = trend(_of(100 + np.linspace(0, 60, 96) + luck.normal(0, 10, 96)))
    assert found is not None
    assert 0 < found.low < 60 < found.high
    assert found.last - found.first == pytest.approx(45, abs=12)


def test_noise_alone_has_an_interval_around_zero(luck: np.random.Generator) -> None:
    found = trend(_of(100 + luck.normal(0, 10, 96)))
    assert found is not None
    assert found.low < 0 < found.high


def test_a_burst_in_a_fifth_of_the_run_does_not_turn_the_slope(luck: np.random.Generator) -> None:
    values = 100 + luck.normal(0, 1, 96)
    values[70:89] += 5_000
    found = trend(_of(values))
    assert found is not None
    assert abs(found.slope) < 5


def test_neighbours_that_know_of_each_other_widen_the_interval(luck: np.random.Generator) -> None:
    steps = luck.normal(0, 1, 96)
    walk = np.cumsum(steps)
    alone, together = trend(_of(luck.permutation(walk))), trend(_of(walk))
    assert alone is not None
    assert together is not None
    assert together.correlation > 0.6 > alone.correlation
    width = together.high - together.low
    assert width > 1.5 * (alone.high - alone.low)


def test_what_never_changes_has_no_correlation_and_no_spread() -> None:
    found = trend(_of(np.full(48, 26.0)))
    assert found is not None
    assert (found.slope, found.low, found.high, found.correlation, found.spread) == (0, 0, 0, 0, 0)


def test_a_daily_pattern_of_three_days_is_taken_away_and_a_drift_is_not(luck: np.random.Generator) -> None:
    days = 3 * 86_400.0
    hours = np.arange(96) * days / 96
    daily = 30 * np.sin(2 * np.pi * hours / 86_400) + luck.normal(0, 1, 96)
    steady, drifting = trend(_of(100 + daily, days)), trend(_of(100 + daily + np.linspace(0, 20, 96), days))
    assert steady is not None
    assert drifting is not None
    assert steady.low < 0 < steady.high
    assert steady.high - steady.low < 10
    assert drifting.low > 10
    assert drifting.last - drifting.first == pytest.approx(15, abs=4)


@pytest.mark.parametrize("hours", [50, 60, 84, 130])
def test_few_pieces_over_days_keep_their_noise_and_have_a_trend(hours: int) -> None:
    # Twelve pieces of some hours: hardly two are of the same hour.
    noise = np.random.default_rng(hours).normal(0, 1, 12)
    found, never = trend(_of(100 + noise, hours * 3_600.0)), trend(_of(np.zeros(12), hours * 3_600.0))
    assert found is not None
    assert never is not None
    assert found.spread > 0.5 * np.ptp(noise)
    assert found.low < 0 < found.high
    assert (never.slope, never.low, never.high) == (0, 0, 0)


def test_a_million_values_become_at_most_so_many_pieces(luck: np.random.Generator) -> None:
    at = luck.uniform(0, 3_600, 1_000_000)
    found = series(at, np.ones(at.size), 0, 3_600)
    assert found is not None
    assert len(found.at) == MOST_BINS


def test_too_few_values_make_no_series() -> None:
    assert series(np.arange(100.0), np.ones(100), 0, 100) is None
    assert series(np.array([]), np.array([]), 0, 100) is None


def test_a_gap_in_the_run_leaves_its_pieces_out() -> None:
    at = np.concatenate([np.arange(0, 300, 0.1), np.arange(600, 1_000, 0.1)])
    found = series(at, np.ones(at.size), 0, 1_000, fold=mean)
    assert found is not None
    assert not ((found.at > 315) & (found.at < 585)).any()
    assert all(math.isfinite(value) for value in found.values)


def test_a_quarter_without_values_has_no_trend() -> None:
    at = np.arange(300, 1_000, 0.1)
    found = series(at, np.ones(at.size), 0, 1_000)
    assert found is not None
    assert trend(found) is None
