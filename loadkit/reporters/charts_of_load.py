"""Set-up time and failed calls against the load: by how many calls were in progress when a call began."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from loadkit.analysis.against_load import ENOUGH, ENOUGH_FOR_P95
from loadkit.reporters.chart_style import BLUE, ORANGE, RED, Picture, data, finished, rows
from loadkit.reporters.wording import milliseconds, plural, share

Bins = Sequence[Mapping[str, Any]]

_RANKS = {"p50": (BLUE, [1, 0]), "p95": (ORANGE, [6, 3])}
#: When the lowest load is more than this part of the highest, an axis from nothing would be empty there.
_FAR_FROM_NOTHING = 0.4
#: Of a point of no call, and of the one with most.
_AREAS = [24, 140]


def load_pictures(summary: Mapping[str, Any]) -> list[Picture]:
    """Set-up, and failures where there are any, drawn from the rows of the summary; none when the load did not vary."""
    found = summary["against_load"]
    if found is None:
        return []
    left_out = found["calls_left_out"]
    text = f" Not shown: {plural(left_out, 'call')} that began at rarer loads." if left_out else ""
    bins = found["bins"]
    failures = [_failed(bins, text)] if any(row["failed_share"] for row in bins) else []
    return [_setup(bins, text), *failures]


def _setup(bins: Bins, left_out: str) -> Picture:
    name, title = "setup-by-load", "Set-up time against the load"
    text = (
        "p50 and p95 of the set-up time, by how many calls were in progress when a call began. Each point is a range "
        f"of loads, at their mean, with at least {ENOUGH} calls, {ENOUGH_FOR_P95} for p95; a larger one has more calls."
        f"{left_out}"
    )
    lines = {
        rank: _points([{**row, "ms": row["setup_ms"][rank]} for row in bins], "ms").assign(percentile=rank)
        for rank in _RANKS
    }
    if all(line.empty for line in lines.values()):
        return Picture(name, title, text, None, "At no load were enough calls set up.")
    points = pd.concat([line for line in lines.values() if len(line)])
    points["count"] = [spread["count"] for spread in points.pop("setup_ms")]
    domain, looks = list(_RANKS), list(_RANKS.values())
    colours = alt.Scale(domain=domain, range=[colour for colour, _ in looks])
    dashes = alt.Scale(domain=domain, range=[dash for _, dash in looks])
    legend = alt.Legend(symbolType="stroke")
    base = _base(points, bins, "ms", "set-up, ms", alt.Axis(tickCount=5)).encode(
        color=alt.Color("percentile:N", scale=colours, legend=legend)
    )
    line = _line(base).encode(strokeDash=alt.StrokeDash("percentile:N", scale=dashes, legend=legend))
    tooltip = [
        alt.Tooltip("percentile:N", title="line"),
        alt.Tooltip("ms:Q", title="set-up, ms", format=",.1f"),
        alt.Tooltip("count:Q", title="calls set up"),
    ]
    chart = line + _dots(base, points, "count", tooltip)
    told = (_told(f"Set-up {rank}", line, "ms", milliseconds) for rank, line in lines.items())
    without = all(row["failed_share"] == 0 for row in bins)
    finding = " ".join(filter(None, [*told, "No call failed at any of these loads." if without else ""]))
    return Picture(name, title, text, finished(chart), finding=finding, measure="setup_ms", upright=True)


def _failed(bins: Bins, left_out: str) -> Picture:
    name, title = "failed-by-load", "Failed calls against the load"
    text = (
        "Share of failed calls, by how many calls were in progress when a call began; of the calls that came to an end "
        f"of their own, at least {ENOUGH} for each point. A larger point has more calls.{left_out}"
    )
    points = _points(bins, "failed_share").drop(columns="setup_ms")
    axis = alt.Axis(tickCount=5, format=".2~%")
    base = _base(points, bins, "failed_share", "failed", axis).encode(color=alt.value(RED))
    tooltip = [
        alt.Tooltip("failed_share:Q", title="share failed", format=".1%"),
        alt.Tooltip("failed:Q", title="calls failed"),
        alt.Tooltip("finished:Q", title="calls ended"),
    ]
    chart = _line(base) + _dots(base, points, "finished", tooltip)
    finding = _told("The share of failed calls", points, "failed_share", share)
    return Picture(name, title, text, finished(chart), finding=finding)


def _points(bins: Bins, value: str) -> pd.DataFrame:
    """The ranges in which it was measured, with the ``stretch`` that each belongs to: a line over many loads without
    calls would look like a measurement."""
    table = pd.DataFrame(bins)
    known = table[table[value].notna()]
    width = known["to"] - known["from"] + 1
    between = known["from"] - known["to"].shift() - 1
    apart = between > np.maximum(width, width.shift())
    return known.assign(stretch=apart.cumsum())


def _base(points: pd.DataFrame, bins: Bins, value: str, what: str, axis: alt.Axis) -> alt.Chart:
    low, high = bins[0]["from"], bins[-1]["to"]
    begin = low - 0.5 if low > _FAR_FROM_NOTHING * high else 0
    x = alt.X(
        "mean:Q",
        title="calls in progress when a call began",
        scale=alt.Scale(domain=[begin, high + 0.5], nice=False, zero=False),
        # There is no half a call.
        axis=alt.Axis(tickMinStep=1, format=",d", tickCount={"expr": "max(2, floor(width / 60))"}),
    )
    # Room above, for the largest point.
    top = float(points[value].max()) * 1.1 or 1.0
    y = alt.Y(f"{value}:Q", title=what, axis=axis, scale=alt.Scale(domain=[0, top], nice=False))
    base: alt.Chart = alt.Chart(data(rows(points, 6))).encode(x=x, y=y)
    return base


def _line(base: alt.Chart) -> alt.Chart:
    line: alt.Chart = base.mark_line(strokeWidth=2).encode(detail="stretch:N")
    return line


def _dots(base: alt.Chart, points: pd.DataFrame, count: str, tooltip: Sequence[alt.Tooltip]) -> alt.Chart:
    """A point for each range, its area by how many calls it has."""
    area = alt.Scale(domain=[0, int(points[count].max())], range=_AREAS)
    loads = [alt.Tooltip("from:Q", title="calls in progress, from"), alt.Tooltip("to:Q", title="to")]
    dots: alt.Chart = base.mark_circle(opacity=1).encode(
        size=alt.Size(f"{count}:Q", scale=area, legend=None), tooltip=[*loads, *tooltip]
    )
    return dots


def _told(what: str, points: pd.DataFrame, value: str, written: Callable[[float], str]) -> str:
    """What it was at the lowest and the highest load, and where it was highest when that is at neither."""
    if points.empty:
        return ""
    parts = [(_loads(row), row[value]) for row in points.to_dict("records")]
    (first, begin), (last, end) = parts[0], parts[-1]
    told = f"{what} was {written(begin)} at {first} {'call' if first == '1' else 'calls'} in progress"
    if len(parts) == 1:
        return f"{told}."
    told += f" and {written(end)} at {last}"
    worst, most = max(parts, key=lambda part: part[1])
    return f"{told}; highest, {written(most)}, at {worst}." if most > max(begin, end) else f"{told}."


def _loads(row: Mapping[Any, Any]) -> str:
    low, high = row["from"], row["to"]
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
