"""What docs/arrivals.md says of rates, durations and traffic is what the code makes of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loadkit.analysis.traffic import LATE_MS
from loadkit.distributions.grammar import parse_distribution
from loadkit.settings import make_settings
from loadkit.swarm.offer import offer, offered

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "arrivals.md").read_text(encoding="utf-8")
DURATIONS = re.findall(r"^\| `([^`-][^`]*)` \| ([\d.]+) s \|$", PAGE, re.MULTILINE)
LOADS = re.findall(r"`--(arrival-rate|stages) (\S+)`", PAGE)


@pytest.mark.parametrize(("text", "mean"), DURATIONS)
def test_each_duration_has_the_mean_that_the_page_says(text: str, mean: str) -> None:
    assert parse_distribution(text).mean == pytest.approx(float(mean), abs=0.001)


@pytest.mark.parametrize(("option", "text"), LOADS)
def test_each_load_of_the_page_can_be_read(option: str, text: str) -> None:
    settings = make_settings({option.replace("-", "_"): text})
    assert str(settings.schedule) == text


def test_the_page_has_examples_of_all_kinds() -> None:
    assert len(DURATIONS) >= 6
    assert {option for option, _ in LOADS} == {"arrival-rate", "stages"}
    assert sum(".." in text for _, text in LOADS) >= 2


def test_offered_traffic_is_rate_times_mean_duration() -> None:
    settings = make_settings({"arrival_rate": "5/s", "call_duration": "lognormal:60s,0.5"})
    assert f"{offered(settings)['offered_erlang']} erlang" in PAGE
    assert offer(settings).startswith("5/s constant arrivals offer 339.945 erlang (rate × 67.989 s")
    stages = make_settings({"stages": "60s:1/s,300s:10/s", "call_duration": "60s", "arrivals": "poisson"})
    # (60 × 1 + 300 × 10) / 360 calls a second of 60 s each.
    assert offer(stages) == (
        "poisson arrivals in the stages 60s:1/s,300s:10/s offer 510 erlang in the mean and 600 at most "
        "(rate × 60 s, the mean --call-duration)"
    )


def test_the_limit_of_lateness_is_the_one_that_is_told() -> None:
    assert f"within {LATE_MS:g} ms of the moment that was meant" in PAGE
