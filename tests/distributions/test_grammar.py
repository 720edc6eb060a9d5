"""What is written is read, or refused in a sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.distributions.families import Distribution
from loadkit.distributions.grammar import parse_distribution

from .strategies import distributions


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
