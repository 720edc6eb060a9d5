"""How all pictures look: colours, axes, zoom; and how one becomes a Vega-Lite specification.

Colours are names of CSS variables: the page decides what they are in light, in dark and on paper, and a change
of theme needs no new drawing. The hues are Okabe and Ito's, which colour-blind people can tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd
from altair.utils import schemapi

# Altair holds each piece of each picture against Vega-Lite's schema, which takes a third of the time of a report. What
# we draw depends on what was measured by its numbers alone: tests let it (tests/conftest.py), and reports do not.
schemapi.disable_debug_mode()

BLUE = "var(--blue)"
ORANGE = "var(--orange)"
GREEN = "var(--green)"
RED = "var(--red)"
PURPLE = "var(--purple)"
SKY = "var(--sky)"
YELLOW = "var(--yellow)"
GREY = "var(--grey)"
PAPER = "var(--paper)"
INK = "var(--ink)"
MUTED = "var(--muted)"
GRID = "var(--line)"

#: Of things that are told apart, those that matter most first; lines have a dash of their own besides.
GROUP_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, INK, SKY, GREY, RED)

HEIGHT = 240

NOTHING_MEASURED = "No data: nothing of this was measured in this run."

_CONFIG: dict[str, Any] = {
    "background": None,
    "font": "system-ui, sans-serif",
    "aria": False,  # the figure around it is described as a whole
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "titleFontWeight": "normal",
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titlePadding": 8,
        "labelOverlap": "greedy",
        "labelSeparation": 6,
    },
    "axisX": {"grid": False},
    "legend": {
        "labelColor": INK,
        "titleColor": MUTED,
        "orient": "top",
        "direction": "horizontal",
        "labelFontSize": 12,
        "symbolStrokeWidth": 2,
        "title": None,
        "labelLimit": 220,
    },
    "text": {"color": INK, "fontSize": 12},
}


@dataclass(frozen=True)
class Picture:
    """One picture of the report with the words under it."""

    name: str
    """Unique in the page, fit for an ``id``."""
    title: str
    text: str
    """What it shows and how to read it."""
    spec: dict[str, Any] | None
    """Vega-Lite; ``None`` when there is nothing to draw."""
    empty: str = NOTHING_MEASURED
    """What stands in its place then."""
    wide: bool = False
    """It takes the whole width of the page."""
    zooms: bool = False
    """It is over the time of the run: it zooms with the others, and shows the run's marks."""
    finding: str = ""
    """What it shows of this run, in a sentence: what a reader who cannot see it has to know."""
    measure: str = ""
    """The column it shows along ``y`` (over time, or ``upright``) or ``x``; limits of thresholds on it are drawn."""
    upright: bool = False
    """Its ``measure`` is along ``y`` although it is not over time."""
    rim: str = ""
    """The unit along ``y``, when a few values far above the rest may be drawn at the upper rim."""


def rows(table: pd.DataFrame, digits: int = 3) -> list[dict[str, Any]]:
    """A small table as rows of plain values, unmeasured as ``None``."""
    plain = table.round(digits).astype(object)
    plain = plain.where(plain.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def data(values: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Rows as the data of a picture."""
    return alt.InlineData(values=[dict(value) for value in values])


def finished(chart: Any, height: int | None = HEIGHT) -> dict[str, Any]:
    """The specification of an Altair chart, as wide as its place in the page."""
    sized = chart.properties(width="container", **({} if height is None else {"height": height}))
    spec: dict[str, Any] = sized.to_dict(validate=schemapi.DEBUG_MODE)
    spec["config"] = _CONFIG
    spec["autosize"] = {"type": "fit-x", "contains": "padding", "resize": True}
    spec.pop("$schema", None)
    return spec


def whole(top: int) -> alt.Axis:
    """The axis of a count up to ``top``: no ticks between whole numbers."""
    return (
        alt.Axis(values=list(range(top + 1)), format=",d") if top <= 5 else alt.Axis(tickCount=5, format=",d")
    )


def zoom(name: str) -> alt.Parameter:
    """Drag to move along x, Shift and the wheel to zoom: the bare wheel scrolls the page."""
    return alt.selection_interval(
        name=name, bind="scales", encodings=["x"], zoom="wheel![event.shiftKey]", clear="dblclick"
    )


@dataclass(frozen=True)
class Elapsed:
    """The axis of time since the start of the run, in the unit that suits its length."""

    span_s: float

    @property
    def unit(self) -> str:
        """Name of the unit."""
        if self.span_s <= 300:
            return "seconds"
        if self.span_s <= 3 * 3_600:
            return "minutes"
        return "hours" if self.span_s <= 4 * 86_400 else "days"

    @property
    def unit_s(self) -> float:
        """Seconds of one unit."""
        return {"seconds": 1.0, "minutes": 60.0, "hours": 3_600.0, "days": 86_400.0}[self.unit]

    def x(self, field: str = "offset_s", **options: Any) -> alt.X:
        """The channel of a field in these units."""
        return alt.X(
            f"{field}:Q",
            scale=alt.Scale(domain=[0, self.span_s / self.unit_s], nice=False),
            title=f"{self.unit} since the start of the run",
            axis=alt.Axis(tickCount={"expr": "max(2, floor(width / 80))"}),
            **options,
        )

    def tooltip(self, field: str = "offset_s") -> alt.Tooltip:
        """What the time is called under the mouse."""
        return alt.Tooltip(f"{field}:Q", title=f"{self.unit} since start", format=".4~g")

    def scaled(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with its ``offset_s`` in these units."""
        return table.assign(offset_s=table["offset_s"] / self.unit_s)
