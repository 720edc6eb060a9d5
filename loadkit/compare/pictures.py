"""Pictures of a comparison, both runs in each: how measures changed, how times spread, and how they went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from loadkit.analysis.timeline import Timeline, percentiles_over, width_for
from loadkit.compare.judgement import Word
from loadkit.compare.measures import Kind
from loadkit.compare.run_data import RunData
from loadkit.compare.wording import interval, measured, value
from loadkit.records import Outcome
from loadkit.reporters.chart_style import (
    BLUE,
    GREEN,
    GREY,
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

BASELINE, NEW = "baseline", "new run"
_COLOURS = {BASELINE: BLUE, NEW: ORANGE}
_WORDS = {Word.WORSE: RED, Word.BETTER: GREEN, Word.SAME: GREY}
#: Long enough to tell a dashed line from a solid one.
_LINES = alt.Legend(symbolType="stroke", symbolSize=700)
#: Points of a curve: more than a screen shows beside each other would only make the page larger.
_POINTS = 200
#: From this ratio of the largest to the smallest value on, a linear axis would squeeze most of them.
_LOGARITHMIC_FROM = 16.0


def pictures(document: Mapping[str, Any], a: RunData, b: RunData) -> list[Picture]:
    """Those of which there is something to draw."""
    drawn = [_changes(document)]
    for table, column, what in (
        ("calls", "setup_ms", "set-up time"),
        ("turns", "turn_latency_ms", "turn latency"),
    ):
        tables = {BASELINE: getattr(a, table), NEW: getattr(b, table)}
        drawn += [_spread(tables, column, what), _over_time(tables, column, what)]
    drawn.append(_failures({BASELINE: a.finished, NEW: b.finished}))
    return [picture for picture in drawn if picture.spec is not None]


def _changes(document: Mapping[str, Any]) -> Picture:
    """What the interval of each time comes to in parts of the baseline's value."""
    title = "Change of each time"
    text = (
        "The new run's value against the baseline's: a dot, and the 95 % interval as a line. Right of 0 is slower. "
        "What ends within the grey band may be no larger than the floor, and is not called better or worse."
    )
    times = [
        one
        for one in measured(document)
        if one["kind"] == Kind.TIMES and one["baseline"] and one["low"] is not None
    ]
    if not times:
        return Picture("changes", title, text, None, wide=True)
    table = [_change(one) for one in times]
    # One wild interval must not squeeze all others.
    far = min(1.0, max(0.2, *(abs(row[key]) for row in table for key in ("low", "high")))) * 1.05
    present = [str(word) for word in _WORDS if any(row["word"] == word for row in table)]
    scale = alt.Scale(domain=[-far, far], clamp=True, nice=False)
    base = alt.Chart(data(table)).encode(
        y=alt.Y(
            "measure:N",
            sort=None,
            title=None,
            axis=alt.Axis(labelColor=INK, ticks=False, domain=False, labelLimit=180, labelPadding=6),
        ),
        color=alt.Color(
            "word:N",
            scale=alt.Scale(domain=present, range=[_WORDS[Word(word)] for word in present]),
            # On a phone the names of the measures leave no room for more than a word each.
            legend=alt.Legend(
                symbolOpacity=1,
                labelExpr=f"datum.label == '{Word.SAME}' && width < 300 ? 'neither' : datum.label",
            ),
        ),
        tooltip=[
            alt.Tooltip("measure:N"),
            alt.Tooltip("word:N"),
            alt.Tooltip("baseline:N"),
            alt.Tooltip("new:N", title="new run"),
            alt.Tooltip("interval:N", title="95 % interval"),
        ],
    )
    axis = alt.Axis(
        format="+.0%",
        tickCount={"expr": "width < 300 ? 3 : 7"},
        labelExpr="datum.value == 0 ? '0 %' : datum.label",
    )
    lines = base.mark_rule(strokeWidth=3, opacity=0.6).encode(
        x=alt.X("low:Q", scale=scale, title="change", axis=axis), x2="high:Q"
    )
    dots = base.mark_point(filled=True, size=60, opacity=1).encode(x=alt.X("change:Q", scale=scale))
    bands = (
        base.transform_calculate(less="-datum.floor")
        .mark_bar(opacity=0.18, height=18)
        .encode(x=alt.X("less:Q", scale=scale), x2="floor:Q", color=alt.value(GREY))
    )
    rule = alt.Chart(data([{"x": 0.0}])).mark_rule(color=INK, strokeWidth=1).encode(x="x:Q")
    spec = finished(alt.layer(bands, rule, lines, dots), height=22 * len(table) + 20)
    return Picture("changes", title, text, spec, wide=True)


def _change(one: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the picture of changes."""
    return {
        "measure": one["label"],
        "change": round(one["change"], 4),
        "low": round(one["low"] / one["baseline"], 4),
        "high": round(one["high"] / one["baseline"], 4),
        "word": one["word"],
        "baseline": value(one["baseline"], one["unit"]),
        "new": value(one["run"], one["unit"]),
        "interval": interval(one),
        "floor": round(max(one["floor_relative"], one["floor_absolute"] / one["baseline"]), 4),
    }


def _spread(tables: Mapping[str, pd.DataFrame], column: str, what: str) -> Picture:
    """Share of values that are not above x."""
    name = f"spread-{column.replace('_', '-')}"
    text = (
        f"Share of all values that stayed within a {what}. The curve further to the left is the faster run."
    )
    curves: list[dict[str, Any]] = [
        {"run": run, "ms": round(float(ms), 3), "share": round(float(part), 5)}
        for run, table in tables.items()
        for ms, part in _curve(table[column])
    ]
    title = f"{what.capitalize()}: how it spreads"
    if len({curve["run"] for curve in curves}) < 2:
        return Picture(name, title, text, None)
    low, high = min(curve["ms"] for curve in curves), max(curve["ms"] for curve in curves)
    logarithmic = low > 0 and high / low >= _LOGARITHMIC_FROM
    scale = alt.Scale(type="log", nice=False) if logarithmic else alt.Scale(zero=False)
    chart = (
        alt.Chart(data(curves))
        .mark_line(strokeWidth=2, interpolate="step-after")
        .encode(
            x=alt.X("ms:Q", title=f"{what}, ms", scale=scale, axis=alt.Axis(tickCount=6)),
            y=alt.Y("share:Q", title="share of values", axis=alt.Axis(format=".0%", tickCount=5)),
            color=_colour(),
            strokeDash=_dash("run:N", list(_COLOURS)),
            tooltip=[
                alt.Tooltip("run:N"),
                alt.Tooltip("share:Q", format=".1%"),
                alt.Tooltip("ms:Q", title=f"{what}, ms", format=",.1f"),
            ],
        )
        .add_params(zoom(name.replace("-", "_")))
    )
    text += " The axis is logarithmic." if logarithmic else ""
    return Picture(name, title, text, finished(chart), zooms=True)


def _curve(values: pd.Series[Any]) -> Sequence[tuple[float, float]]:
    """Points of the distribution, nearer to each other where few values are: at its upper end."""
    known = values.dropna().to_numpy(dtype=np.float64)
    if not known.size:
        return []
    half = np.linspace(0, 95, _POINTS // 2, endpoint=False)
    percents = np.concatenate([half, np.linspace(95, 100, _POINTS // 2)])
    return list(zip(np.percentile(known, percents), percents / 100, strict=True))


def _over_time(tables: Mapping[str, pd.DataFrame], column: str, what: str) -> Picture:
    name = f"over-time-{column.replace('_', '-')}"
    title = f"{what.capitalize()} over the run"
    text = f"p50 (solid) and p95 (dashed) of the {what} of both runs, each from its own first call on."
    times = _times(tables)
    axis = Elapsed(times.span_s)
    lines = [
        percentiles_over(times, table["offset_s"], table[column]).assign(run=run)
        for run, table in tables.items()
        if table[column].notna().any()
    ]
    if len(lines) < 2:
        return Picture(name, title, text, None)
    table = axis.scaled(pd.concat(lines)).melt(
        ["offset_s", "count", "run"], ["p50", "p95"], "percentile", "ms"
    )
    chart = (
        alt.Chart(data(rows(table)))
        .mark_line(strokeWidth=2, point={"size": 14})
        .encode(
            x=axis.x(),
            y=alt.Y("ms:Q", title=f"{what}, ms", axis=alt.Axis(tickCount=5)),
            color=_colour(),
            strokeDash=_dash("percentile:N", ["p50", "p95"], told=False),
            tooltip=[
                alt.Tooltip("run:N"),
                axis.tooltip(),
                alt.Tooltip("percentile:N"),
                alt.Tooltip("ms:Q", title=f"{what}, ms", format=",.1f"),
                alt.Tooltip("count:Q", title="values"),
            ],
        )
        .add_params(zoom(name.replace("-", "_")))
    )
    return Picture(name, title, text, finished(chart), zooms=True)


def _failures(tables: Mapping[str, pd.DataFrame]) -> Picture:
    title = "Failed calls over the run"
    text = (
        "Share of the calls begun in each piece of time that failed; not drawn where no call of a run began."
    )
    times = _times(tables)
    axis = Elapsed(times.span_s)
    if not any((table["outcome"] == Outcome.FAILED).any() for table in tables.values()):
        return Picture("failures", title, text, None)
    lines = []
    for run, table in tables.items():
        binned = (table["outcome"] == Outcome.FAILED).groupby(times.bin_of(table["offset_s"]))
        found = pd.DataFrame({"failed": binned.mean(), "count": binned.count(), "run": run})
        found.insert(0, "offset_s", (found.index.to_numpy() + 0.5) * times.width_s)
        lines.append(found)
    chart = (
        alt.Chart(data(rows(axis.scaled(pd.concat(lines)), 4)))
        .mark_line(strokeWidth=2, point={"size": 14})
        .encode(
            x=axis.x(),
            y=alt.Y("failed:Q", title="failed", axis=alt.Axis(format=".0%", tickCount=5)),
            color=_colour(),
            strokeDash=_dash("run:N", list(_COLOURS)),
            tooltip=[
                alt.Tooltip("run:N"),
                axis.tooltip(),
                alt.Tooltip("failed:Q", format=".1%"),
                alt.Tooltip("count:Q", title="calls"),
            ],
        )
        .add_params(zoom("failures_zoom"))
    )
    return Picture("failures", title, text, finished(chart), zooms=True)


def _times(tables: Mapping[str, pd.DataFrame]) -> Timeline:
    """Pieces of time that suit the longer run, and hold enough values for a p95 to mean something."""
    longest = max([1.0, *(float(table["offset_s"].max()) for table in tables.values() if len(table))])
    width = width_for(longest, 60)
    return Timeline(0.0, width, max(1, int(np.ceil(longest / width))))


def _colour() -> alt.Color:
    return alt.Color(
        "run:N",
        scale=alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values())),
        legend=_LINES,
    )


def _dash(field: str, names: list[str], *, told: bool = True) -> alt.StrokeDash:
    """
    :param told: False when the text tells which is which: beside points a legend of dashes is drawn without a stroke.
    """
    return alt.StrokeDash(
        field,
        scale=alt.Scale(domain=names, range=[[1, 0], [6, 3]]),
        legend=_LINES if told else None,
    )
