"""Pictures of a run by arrivals: traffic offered and carried, and what became of the arrivals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from loadkit.analysis.timeline import Timeline, timeline
from loadkit.analysis.traffic import LATE_MS, Load, connected_over, first_delays, load_of
from loadkit.reporters.chart_bars import stacked_over_time
from loadkit.reporters.chart_findings import parts_of, range_of
from loadkit.reporters.chart_style import (
    BLUE,
    GREEN,
    INK,
    ORANGE,
    RED,
    Elapsed,
    Picture,
    data,
    finished,
    rows,
    zoom,
)
from loadkit.reporters.traffic_words import erlang

#: Offered traffic is worked out in finer steps than are drawn.
_FINER = 20
_FATES = {"on time": GREEN, "late": ORANGE, "dropped": RED}


def traffic_pictures(
    calls: pd.DataFrame,
    figures: pd.DataFrame,
    arrivals: pd.DataFrame,
    summary: Mapping[str, Any],
    run: Mapping[str, Any],
) -> list[Picture]:
    """Both pictures; none for a run by users."""
    load = load_of(run)
    times = timeline(calls, figures, summary["run"]["started_at"])
    if load is None or times is None:
        return []
    return [_traffic(calls, load, times), _fates(calls, arrivals, times)]


def _traffic(calls: pd.DataFrame, load: Load, times: Timeline) -> Picture:
    axis = Elapsed(times.span_s)
    table = pd.DataFrame({"offset_s": times.offsets_s + times.width_s / 2})
    table["carried"] = connected_over(calls, times.edges)
    table["offered"] = offered_over(load, times)
    values = data(rows(axis.scaled(table)))
    top = max(float(table["carried"].max()), float(table["offered"].max(skipna=True)), 1.0)
    y = alt.Y(scale=alt.Scale(domain=[0, top * 1.05]), title="erlang (calls connected)")
    tooltip = [
        axis.tooltip(),
        alt.Tooltip("offered:Q", title="offered", format=".1f"),
        alt.Tooltip("carried:Q", title="carried", format=".1f"),
    ]
    names = alt.Scale(domain=["carried", "offered"], range=[BLUE, INK])
    colour = alt.Color(
        "name:N", scale=names, legend=alt.Legend(symbolType="stroke", symbolOpacity=1, symbolStrokeWidth=2)
    )
    dashes = alt.Scale(domain=["carried", "offered"], range=[[1, 0], [6, 4]])
    carried = (
        alt.Chart(values)
        .transform_calculate(name="'carried'")
        .mark_area(opacity=0.3, line={"strokeWidth": 2})
        .encode(x=axis.x(), y=y.field("carried").type("quantitative"), color=colour)
    )
    offered = (
        alt.Chart(values)
        .transform_calculate(name="'offered'")
        .mark_line(strokeWidth=2)
        .encode(
            x=axis.x(),
            y=y.field("offered").type("quantitative"),
            color=colour,
            strokeDash=alt.StrokeDash("name:N", scale=dashes),
            tooltip=tooltip,
        )
    )
    text = (
        "Mean number of connected calls, beside what the arrivals offer at that moment when none is dropped and each "
        "is talked for its --call-duration. Below the dashed line, calls were dropped, late, failed or cut short."
    )
    chart = (carried + offered).add_params(zoom("traffic_zoom"))
    finding = range_of("Carried traffic", axis.scaled(table), "carried", axis, erlang)
    return Picture(
        "traffic", "Traffic offered and carried", text, finished(chart), zooms=True, finding=finding
    )


def offered_over(load: Load, times: Timeline) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Offered traffic in the middle of each bin; not a number outside the time in which calls arrived."""
    middles = times.edges[:-1] + times.width_s / 2 - load.began_at
    until = min(load.schedule.end_s, times.span_s + times.start - load.began_at)
    if until <= 0:
        return np.full(len(middles), np.nan)
    edges = np.linspace(0.0, until, max(200, times.bins * _FINER) + 1)
    within = (middles >= 0) & (middles <= until)
    return np.where(within, np.interp(middles, edges[1:], load.offered(edges)), np.nan)


def _fates(calls: pd.DataFrame, arrivals: pd.DataFrame, times: Timeline) -> Picture:
    title = "Arrivals, and what became of them"
    text = (
        f"Arrivals over time: started within {LATE_MS:g} ms of the moment that was meant, started later, or dropped. "
        "What is not here left no call that started."
    )
    axis = Elapsed(times.span_s)
    table = axis.scaled(fates_over(calls, arrivals, times))
    if table.empty:
        return Picture("arrivals", title, text, None)
    chart = stacked_over_time(table, axis, "fate", "arrivals", _FATES, times.width_s, "arrivals_zoom")
    totals = table.groupby("fate", sort=False)["arrivals"].sum()
    finding = f"{parts_of({str(name): int(number) for name, number in totals.items()})}.".capitalize()
    return Picture("arrivals", title, text, finished(chart), zooms=True, finding=finding)


def fates_over(calls: pd.DataFrame, arrivals: pd.DataFrame, times: Timeline) -> pd.DataFrame:
    """Per bin and fate that occurs in it: ``offset_s`` of its beginning, ``fate``, ``arrivals``."""
    delays = first_delays(calls)
    late = delays["start_delay_ms"] > LATE_MS
    dropped = arrivals["dropped_max_concurrent"].fillna(0) + arrivals["dropped_no_engine"].fillna(0)
    counts = {
        "on time": times.bin_of(delays["intended_at"][~late]).value_counts(),
        "late": times.bin_of(delays["intended_at"][late]).value_counts(),
        # A row is written when its second is over.
        "dropped": dropped.groupby(times.bin_of(arrivals["at"] - 0.5)).sum(),
    }
    tables = [
        pd.DataFrame({"offset_s": series.index * times.width_s, "fate": fate, "arrivals": series.astype(int)})
        for fate, series in counts.items()
    ]
    table = pd.concat(tables)
    table = table[table["arrivals"] > 0]
    order = table["fate"].map(list(_FATES).index)
    return (
        table.assign(order=order)
        .sort_values(["offset_s", "order"])
        .drop(columns="order")
        .reset_index(drop=True)
    )
