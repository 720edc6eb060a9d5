"""The sections of a run's report, in the order of reading: the load, what went wrong, then cause by cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from loadkit.analysis.timeline import timeline
from loadkit.reporters.call_tables import failed_calls, slowest_calls
from loadkit.reporters.chart_marks import marks_of, marks_tables, with_limits, with_marks
from loadkit.reporters.chart_rim import rim_of, with_rim
from loadkit.reporters.chart_style import Elapsed, Picture
from loadkit.reporters.charts import pictures
from loadkit.reporters.charts_of_drift import drift_pictures
from loadkit.reporters.charts_of_load import load_pictures
from loadkit.reporters.charts_of_splits import split_panels
from loadkit.reporters.charts_of_traffic import traffic_pictures
from loadkit.reporters.definitions import AGAINST_LOAD
from loadkit.reporters.drift_tables import drift_tables
from loadkit.reporters.engine_table import engine_tables
from loadkit.reporters.error_table import error_table
from loadkit.reporters.page_sections import Section, section_of
from loadkit.reporters.page_tables import distributions
from loadkit.reporters.path_table import path_tables
from loadkit.reporters.quality_part import quality_tables
from loadkit.reporters.threshold_table import threshold_tables
from loadkit.reporters.totals_tables import generator_totals, media_totals


def run_sections(
    summary: Mapping[str, Any],
    calls: pd.DataFrame,
    turns: pd.DataFrame,
    figures: pd.DataFrame,
    run: Mapping[str, Any],
    arrivals: pd.DataFrame,
) -> list[Section]:
    """All sections that have something in them; more are added here, one line each."""
    started_at = summary["run"]["started_at"]
    drawn = {picture.name: picture for picture in pictures(calls, turns, figures, summary)}
    drawn |= {picture.name: picture for picture in traffic_pictures(calls, figures, arrivals, summary, run)}
    times = timeline(calls, figures, started_at)
    marks = marks_of(run, started_at)

    def some(*names: str) -> list[Picture]:
        return [drawn[name] for name in names if name in drawn]

    errors = error_table(summary)
    overall = some("setup-over-time", "turn-latency", "failures")
    stages, *spreads = distributions(summary)
    sections = [
        Section("thresholds", "Thresholds", threshold_tables(summary)),
        Section("why", "Why calls failed", [*errors, *(some("error-codes") if errors else [])]),
        Section(
            "over-time", "Calls over the run", split_panels(calls, turns, times, overall) if times else []
        ),
        Section("marks", "Marks", marks_tables(marks)),
        Section("load", "The load", some("traffic", "arrivals", "in-progress", "outcomes")),
        Section("against-load", "Against the load", load_pictures(summary), AGAINST_LOAD),
        Section(
            "set-up",
            "Set-up, stage by stage",
            [*some("stages-over-time", "setup-distribution", "typical-call", "slowest-calls"), stages],
        ),
        Section("paths", "Paths of the media", [*path_tables(summary), *some("ice-pairs")]),
        Section(
            "media",
            "Talk and media",
            [*some("mos", "turn-distribution"), *quality_tables(summary), *spreads, media_totals(summary)],
        ),
        Section(
            "generator",
            "The load generator",
            [
                *some("lateness", "loop-lag", "cpu", "packets"),
                *engine_tables(summary),
                generator_totals(summary),
            ],
        ),
        Section("drift", "Drift over the run", [*drift_pictures(summary), *drift_tables(summary)]),
        section_of(slowest_calls(calls, started_at)),
        section_of(failed_calls(calls, started_at)),
    ]
    axis = Elapsed(times.span_s) if times else Elapsed(1.0)

    def crossed(picture: Picture) -> Picture:
        rim = rim_of(picture)
        limited = with_limits(picture, summary.get("thresholds") or [], rim)
        return with_marks(with_rim(limited, rim), marks, axis)

    return [section.redrawn(crossed) for section in sections if section.parts]
