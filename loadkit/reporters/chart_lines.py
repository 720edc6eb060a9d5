"""Lines over the time of a run, with the limit that they are held against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from loadkit.reporters.chart_style import RED, Elapsed, data, finished, rows, zoom

#: One for each line of a picture, up to seven stages, so that none is told by its colour alone.
_DASHES = ([1, 0], [6, 3], [2, 2], [9, 3, 2, 3], [14, 4], [1, 5], [9, 3, 2, 3, 2, 3])

#: Of the usual step between two points: a line over more would look like a measurement.
_FAR = 3.5


def lines_over_time(
    table: pd.DataFrame,
    axis: Elapsed,
    what: str,
    colours: Mapping[str, str],
    zoom_name: str,
    of: str | None,
    number: str = ",.1f",
    limit: float | None = None,
    domain: tuple[float, float] | None = None,
) -> Any:
    """A line for each name in ``percentile``, of the values in ``ms``, over ``offset_s``; with room for a limit.

    It is broken where nothing was measured for longer than usual.

    :param domain: ends of the vertical axis; from 0 to what is there when not given.
    """
    names = list(colours)
    dashes = [_DASHES[place % len(_DASHES)] for place in range(len(names))]
    tooltip: list[Any] = [
        axis.tooltip(),
        alt.Tooltip("percentile:N", title="line"),
        alt.Tooltip("ms:Q", title=what, format=number),
    ]
    if of is not None:
        tooltip.append(alt.Tooltip("count:Q", title=of))
    shown = alt.Legend(symbolType="stroke") if len(names) > 1 else None
    y_axis = alt.Axis(tickCount=5, format=".2~%") if number.endswith("%") else alt.Axis(tickCount=5)
    limit = limit or 0.0
    # Room above, so that a limit does not lie on the edge.
    ends = list(domain) if domain else [0, max(table["ms"].max(), limit) * 1.1 or 1.0]
    nice = not limit and domain is None
    return (
        alt.Chart(data(rows(table.assign(stretch=_stretches(table)))))
        .mark_line(strokeWidth=2, point={"size": 18})
        .encode(
            x=axis.x(),
            y=alt.Y("ms:Q", title=what, axis=y_axis, scale=alt.Scale(domain=ends, nice=nice)),
            color=alt.Color(
                "percentile:N", scale=alt.Scale(domain=names, range=list(colours.values())), legend=shown
            ),
            strokeDash=alt.StrokeDash(
                "percentile:N", scale=alt.Scale(domain=names, range=dashes), legend=shown
            ),
            detail="stretch:N",
            tooltip=tooltip,
        )
        .add_params(zoom(zoom_name))
    )


def _stretches(table: pd.DataFrame) -> pd.Series[int]:
    """The number of each point's piece of its line, which ends where the next point is far away."""
    lines = table["percentile"]
    steps = table.groupby(lines, sort=False)["offset_s"].diff()
    # Of two steps the shorter one is the usual.
    usual = steps.groupby(lines, sort=False).transform(lambda own: own.quantile(0.5, interpolation="lower"))
    far = (steps > _FAR * usual).astype("int64")
    return far.groupby(lines, sort=False).cumsum()


def with_limit(chart: Any, limit: float | None) -> dict[str, Any]:
    """The chart's specification, with a dashed line at the limit when there is one."""
    if not limit:
        return finished(chart)
    rule = alt.Chart(data([{"limit": limit}])).mark_rule(color=RED, strokeDash=[6, 4], strokeWidth=1.5)
    return finished(alt.layer(chart, rule.encode(y="limit:Q", tooltip=[alt.Tooltip("limit:Q")])))
