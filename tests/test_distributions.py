from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.distributions import Distribution, parse_distribution

DRAWS = 4000

milliseconds = st.integers(0, 5000)
constants = st.builds("{}ms".format, milliseconds)
normals = st.builds("normal(mean={}ms, sd={}ms)".format, milliseconds, st.integers(0, 2000))
uniforms = st.tuples(milliseconds, milliseconds).map(
    lambda pair: f"uniform(min={min(pair)}ms, max={max(pair)}ms)"
)
lognormals = st.tuples(
    st.integers(1, 3000), st.integers(0, 5000), st.sampled_from(["p75", "p90", "p95", "p99"])
).map(lambda t: f"lognormal(p50={t[0]}ms, {t[2]}={t[0] + t[1]}ms)")
short = st.one_of(
    st.builds("exponential:{}ms".format, milliseconds),
    st.builds("lognormal:{}ms,{}".format, st.integers(1, 3000), st.sampled_from(["0", "0.3", "0.5", "0.8"])),
    st.builds("normal:{}ms,{}ms".format, milliseconds, st.integers(0, 2000)),
)
distributions = st.one_of(constants, normals, uniforms, lognormals, short).map(parse_distribution)
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


@given(distributions)
def test_a_distribution_is_written_as_it_was_read(latency: Distribution) -> None:
    assert parse_distribution(str(latency)) == latency


@given(st.text(max_size=40))
def test_whatever_is_written_is_read_or_refused_in_a_sentence(text: str) -> None:
    try:
        latency = parse_distribution(text)
    except ValueError:
        return
    assert latency.quantile(0.5) >= 0


def test_spaces_case_and_order_do_not_matter() -> None:
    latency = parse_distribution(" LogNormal( p95 = 1200ms , p50=0.6 ) ")
    assert latency.quantile(0.5) == pytest.approx(0.6)
    assert latency.quantile(0.95) == pytest.approx(1.2)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "'' is not a duration; write 30, 30s, 250ms, 2m or 1h30m"),
        ("fast", "'fast' is not a duration; write 30, 30s, 250ms, 2m or 1h30m"),
        ("-5ms", "'-5ms' is not a duration; write 30, 30s, 250ms, 2m or 1h30m"),
        ("30h", "30h is longer than a day"),
        (
            "normal(mean=1s",
            "it is no distribution; write one of 600ms, lognormal(p50=600ms, p95=1200ms),"
            " normal(mean=600ms, sd=100ms), uniform:10s,30s, exponential:90s, lognormal:60s,0.5",
        ),
        (
            "poisson(mean=1s)",
            "there is no distribution 'poisson'; there are lognormal, exponential, normal, uniform",
        ),
        ("normal()", "'' in normal() is not of the form key=duration"),
        ("normal(1s, 2s)", "'1s' in normal() is not of the form key=duration"),
        ("normal(mean=1s)", "normal() needs mean and sd, and is given mean"),
        ("normal(mean=1s, mean=2s)", "normal() is given mean twice"),
        ("lognormal(p50=1s, p80=2s)", "lognormal() needs p50 and p95, and is given p50, p80"),
        ("lognormal(p50=1s, p95=500ms)", "lognormal() needs 0 < p50 <= p95, not p50=1 s and p95=0.5 s"),
        ("lognormal(p50=0, p95=1)", "lognormal() needs 0 < p50 <= p95, not p50=0 s and p95=1 s"),
        ("uniform(min=2s, max=1s)", "uniform() needs min <= max, not min=2 s and max=1 s"),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is compared in full
        parse_distribution(text)
    assert str(caught.value) == sentence


# As calls are told


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


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("exponential:", "exponential takes mean, as in exponential:90s"),
        ("lognormal:60s", "lognormal takes median and sigma, as in lognormal:60s,0.5"),
        (
            "lognormal:60s,0.5s",
            "'0.5s' is no number: after the median comes sigma, the standard deviation of the logarithm",
        ),
        ("lognormal:0,0.5", "lognormal: needs a median of more than 0"),
        ("lognormal:60s,9", "sigma must be from 0 to 3, not 9"),
        ("lognormal:60s,nan", "sigma must be from 0 to 3, not nan"),
        ("uniform:30s,10s", "uniform() needs min <= max, not min=30 s and max=10 s"),
        ("gamma:1s", "there is no distribution 'gamma'; there are lognormal, exponential, normal, uniform"),
    ],
)
def test_a_short_form_that_cannot_be_read_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the sentence is compared in full
        parse_distribution(text)
    assert str(caught.value) == sentence
