"""How values spread: a histogram with its percentiles."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from loadkit.analysis.histogram import Histogram, histogram
from loadkit.analysis.percentiles import distribution, measured
from loadkit.reporters.chart_style import BLUE, INK, Picture, data, finished, whole
from loadkit.reporters.wording import milliseconds, slow_end


def distribution_of(values: pd.Series[Any], name: str, title: str, what: str, of: str = "calls") -> Picture:
    """A histogram of ``what``, counting ``of``, with its percentiles."""
    numbers = measured(values)
    spread = histogram(numbers)
    text = f"How many {of} had which {what}."
    if spread is None:
        return Picture(name, title, text, None)
    if spread.logarithmic:
        text += " The axis is logarithmic."
    told = distribution(values)
    marks = [
        {"name": name, "ms": told[name], "lane": lane} for lane, name in enumerate(("p50", "p95", "p99"))
    ]
    finding = f"The only one took {milliseconds(told['max'])}."
    if numbers.size > 1:
        finding = f"Of {numbers.size:,} {of}, half were within {milliseconds(told['p50'])}{slow_end(told)}."
    chart = _histogram_chart(spread, marks, what, of)
    return Picture(name, title, text, finished(chart), finding=finding, measure=str(values.name or ""))


def _histogram_chart(spread: Histogram, marks: list[dict[str, Any]], what: str, of: str) -> Any:
    bars = [
        {"from": low, "to": high, "calls": count}
        for low, high, count in zip(spread.edges, spread.edges[1:], spread.counts, strict=False)
        if count
    ]
    low, high = spread.edges[0], spread.edges[-1]
    if spread.logarithmic:
        low, high = low / 1.15, high * 1.15
        ticks: dict[str, Any] = {"values": _round_values(low, high)}
        scale = alt.Scale(type="log", domain=[low, high], nice=False)
    else:
        ticks = {"tickCount": 5}
        scale = alt.Scale(domain=[low, high], nice=False, zero=False)
    x = alt.X(
        "from:Q",
        scale=scale,
        title=f"{what}, ms",
        axis=alt.Axis(**ticks),
    )
    top = max(spread.counts)
    columns = (
        alt.Chart(data(bars))
        .mark_bar(color=BLUE, binSpacing=1)
        .encode(
            x=x,
            x2="to:Q",
            y=alt.Y("calls:Q", title=of, scale=alt.Scale(domain=[0, top * 1.25]), axis=whole(top)),
            y2=alt.datum(0),
            tooltip=[
                alt.Tooltip("from:Q", title="from, ms", format=",.1f"),
                alt.Tooltip("to:Q", title="to, ms", format=",.1f"),
                alt.Tooltip("calls:Q", title=of),
            ],
        )
    )
    where = alt.Chart(data(marks)).encode(x=alt.X("ms:Q"))
    tooltip = [
        alt.Tooltip("name:N", title="percentile"),
        alt.Tooltip("ms:Q", title=f"{what}, ms", format=",.1f"),
    ]
    rules = where.mark_rule(color=INK, strokeDash=[3, 3]).encode(tooltip=tooltip)
    # Percentiles can lie close together: each has a line of its own, on the side where there is room.
    middle = (low * high) ** 0.5 if spread.logarithmic else (low + high) / 2
    labels = [
        where.transform_filter(f"datum.ms {'>' if side == 'right' else '<='} {middle!r}")
        .mark_text(align=side, dx=-4 if side == "right" else 4, fontWeight="bold")
        .encode(text="name:N", y=alt.Y("lane:Q", scale=None, axis=None).stack(None))
        .transform_calculate(lane="6 + 13 * datum.lane")
        for side in ("left", "right")
    ]
    return alt.layer(columns, rules, *labels).resolve_scale(y="independent")


def _round_values(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten that lie between."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    values = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    return [value for value in values if low <= value <= high]
