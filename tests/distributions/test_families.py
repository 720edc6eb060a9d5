"""Draws, quantiles and means agree with each other and with what was asked for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.distributions.families import Distribution
from loadkit.distributions.grammar import parse_distribution

from .strategies import constants, distributions, normals, short, uniforms

DRAWS = 4000

seeds = st.integers(0, 2**32)


def draws(latency: Distribution, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array([latency.sample(rng) for _ in range(DRAWS)])


@settings(max_examples=40, deadline=None)
@given(distributions, seeds)
def test_no_draw_is_negative_and_all_are_finite(latency: Distribution, seed: int) -> None:
    drawn = draws(latency, seed)
    assert np.all(drawn >= 0)
    assert np.all(np.isfinite(drawn))


@settings(max_examples=40, deadline=None)
@given(distributions, seeds, st.sampled_from([0.1, 0.5, 0.75, 0.95]))
def test_of_many_draws_the_asked_share_is_below_the_quantile(
    latency: Distribution, seed: int, share: float
) -> None:
    drawn = draws(latency, seed)
    quantile = latency.quantile(share)
    # Five standard deviations of a share out of so many draws.
    slack = 5 * (share * (1 - share) / DRAWS) ** 0.5
    assert np.mean(drawn <= quantile + 1e-9) >= share - slack
    assert np.mean(drawn < quantile - 1e-9) <= share + slack


@given(
    st.integers(1, 3000), st.integers(0, 5000), st.sampled_from([("p75", 0.75), ("p90", 0.9), ("p99", 0.99)])
)
def test_the_quantiles_of_a_lognormal_are_those_that_were_asked_for(
    p50: int, more: int, upper: tuple[str, float]
) -> None:
    latency = parse_distribution(f"lognormal(p50={p50}ms,{upper[0]}={p50 + more}ms)")
    assert latency.quantile(0.5) == pytest.approx(p50 / 1000)
    assert latency.quantile(upper[1]) == pytest.approx((p50 + more) / 1000)


@given(distributions, seeds)
@settings(max_examples=20, deadline=None)
def test_the_same_seed_draws_the_same(latency: Distribution, seed: int) -> None:
    assert np.array_equal(draws(latency, seed), draws(latency, seed))


@pytest.mark.parametrize(
    ("text", "mean", "median"),
    [
        ("lognormal:60s,0.5", 60 * math.exp(0.125), 60),
        ("exponential:90s", 90, 90 * math.log(2)),
        ("exponential(mean=90s)", 90, 90 * math.log(2)),
        ("uniform:10s,30s", 20, 20),
        ("normal:60s,10s", 60, 60),
        ("lognormal(p50=60s, p95=60s)", 60, 60),
        ("2m", 120, 120),
    ],
)
def test_mean_and_median_are_those_of_the_text(text: str, mean: float, median: float) -> None:
    distribution = parse_distribution(text)
    assert distribution.mean == pytest.approx(mean)
    assert distribution.quantile(0.5) == pytest.approx(median)
    assert str(distribution) == text


@settings(max_examples=40, deadline=None)
@given(st.one_of(constants, normals, uniforms, short).map(parse_distribution), seeds)
def test_the_mean_is_that_of_many_draws(distribution: Distribution, seed: int) -> None:
    drawn = draws(distribution, seed)
    # Six standard errors. A lognormal with a long tail is left out: its draws come near their mean only slowly.
    assert abs(float(np.mean(drawn)) - distribution.mean) <= 6 * float(np.std(drawn)) / DRAWS**0.5 + 1e-6


@given(distributions, st.floats(0.01, 0.99))
def test_the_limited_mean_is_that_of_the_quantiles_cut_at_the_limit(
    distribution: Distribution, share: float
) -> None:
    limit = distribution.quantile(share)
    middles = (np.arange(2_000) + 0.5) / 2_000
    cut = [min(distribution.quantile(float(middle)), limit) for middle in middles]
    # Below the limit the quantiles rise; each stands for its two-thousandth part of the draws.
    assert distribution.limited_mean(limit) == pytest.approx(float(np.mean(cut)), abs=limit / 2_000 + 1e-9)
    assert distribution.limited_mean(0) == pytest.approx(0, abs=1e-9)
    assert distribution.limited_mean(limit) <= distribution.mean + 1e-9
