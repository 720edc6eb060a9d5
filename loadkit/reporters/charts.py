"""All pictures of a report, in their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from loadkit.analysis.timeline import timeline
from loadkit.reporters.chart_style import Picture
from loadkit.reporters.charts_of_generator import charts_of_generator
from loadkit.reporters.charts_of_run import (
    calls_in_progress,
    error_codes,
    failures,
    ice_pairs,
    outcomes,
    turn_latency,
)
from loadkit.reporters.charts_of_setup import setup_over_time
from loadkit.reporters.charts_of_spread import distribution_of
from loadkit.reporters.charts_of_stages import slowest_calls, stages_over_time, typical_call
from loadkit.reporters.quality_part import quality_picture


def pictures(
    calls: pd.DataFrame, turns: pd.DataFrame, figures: pd.DataFrame, summary: Mapping[str, Any]
) -> list[Picture]:
    """The pictures, each drawn from at most a few hundred numbers however many calls there were; none at all when
    nothing happened."""
    times = timeline(calls, figures, summary["run"]["started_at"])
    if times is None or calls.empty:
        return []
    drawn = [
        setup_over_time(calls, times),
        distribution_of(calls["setup_ms"], "setup-distribution", "Set-up time: distribution", "set-up time"),
        stages_over_time(calls, times),
        typical_call(calls),
        slowest_calls(calls),
        calls_in_progress(calls, times),
        outcomes(calls, times),
        failures(calls, times),
        error_codes(summary["errors"]),
        ice_pairs(summary["ice"]["pairs"]),
        quality_picture(calls, times),
    ]
    if len(turns):
        drawn += [
            turn_latency(calls, turns, times),
            distribution_of(
                turns["turn_latency_ms"],
                "turn-distribution",
                "Turn latency: distribution",
                "turn latency",
                "turns",
            ),
        ]
    return [*drawn, *charts_of_generator(figures, times, summary["generator"]["limits"])]
