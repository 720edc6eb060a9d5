"""Pictures of a search for a limit: what was measured at each load, against the limit of each threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from loadkit.reporters.chart_style import BLUE, GREEN, GREY, INK, MUTED, RED, Picture, data, finished

HELD, BROKEN, UNFIT = "holds", "broken", "generator not fit"
_COLOURS = {HELD: GREEN, BROKEN: RED, UNFIT: GREY}
_SHAPES = {HELD: "circle", BROKEN: "cross", UNFIT: "triangle-up"}
#: From this ratio of the largest to the smallest value on, a linear axis would squeeze most of them.
_LOGARITHMIC_FROM = 16.0
_POINT_SIZE = 110
#: Room above the values and the limit, for the words at the border.
_ROOM = 1.25


def capacity_pictures(document: Mapping[str, Any]) -> list[Picture]:
    """One picture per threshold."""
    return [_picture(number, slo, document) for number, slo in enumerate(document["slo"], 1)]


def _picture(number: int, slo: Mapping[str, Any], document: Mapping[str, Any]) -> Picture:
    unit = document["unit"]
    text = (
        f"Each point is a step. The dashed line is the limit; the border between what held and what did not, as "
        f"all thresholds together say it, is marked. Load in {unit}."
    )
    name, title = f"slo-{number}", slo["text"]
    scale = 100.0 if slo["unit"] == "%" else 1.0
    points = _points(slo, document, scale)
    if not points:
        return Picture(name, title, text, None, wide=True)
    limit = slo["limit"] * scale
    x = alt.X(
        "load:Q",
        title=unit,
        scale=_scale([point["load"] for point in points], _bounds(document)),
        # There is no half a call.
        axis=alt.Axis(tickMinStep=1) if unit == "calls" else alt.Axis(),
    )
    shown = f"{slo['subject']}, {slo['unit']}" if slo["unit"] else slo["subject"]
    y = alt.Y("value:Q", title=shown, scale=_scale([point["value"] for point in points], [limit], _ROOM))
    layers = [
        *_border(document, x),
        _limit(f"limit {slo['text'].removeprefix(slo['subject']).strip()}", limit, y),
        *_dots(points, x, y, shown),
    ]
    return Picture(name, title, text, finished(alt.layer(*layers), 300), wide=True)


def _points(slo: Mapping[str, Any], document: Mapping[str, Any], scale: float) -> list[dict[str, Any]]:
    """The steps in which it was measured."""
    points = []
    for step in document["steps"]:
        check = next((check for check in step["checks"] if check["slo"] == slo["text"]), None)
        if check is None or check["value"] is None:
            continue
        told = UNFIT if step["outcome"] == "unfit" else HELD if check["passed"] else BROKEN
        points.append(
            {
                "load": step["load"],
                "value": round(check["value"] * scale, 3),
                "told": told,
                "step": step["number"],
                "carried": step["carried"],
                "count": check["count"],
            }
        )
    return points


def _dots(points: Sequence[Mapping[str, Any]], x: alt.X, y: alt.Y, shown: str) -> list[Any]:
    there = [name for name in _COLOURS if any(point["told"] == name for point in points)]
    base = alt.Chart(data(points)).encode(
        x=x,
        y=y,
        color=alt.Color("told:N", scale=alt.Scale(domain=there, range=[_COLOURS[name] for name in there])),
        shape=alt.Shape("told:N", scale=alt.Scale(domain=there, range=[_SHAPES[name] for name in there])),
        tooltip=[
            alt.Tooltip("step:Q", title="step"),
            alt.Tooltip("load:Q", title="load asked for"),
            alt.Tooltip("carried:Q", title="load carried"),
            alt.Tooltip("value:Q", title=shown),
            alt.Tooltip("count:Q", title="values"),
            alt.Tooltip("told:N", title="outcome"),
        ],
    )
    return [base.mark_point(filled=True, size=_POINT_SIZE, opacity=0.9)]


def _limit(text: str, limit: float, y: alt.Y) -> Any:
    rule = alt.Chart(data([{"value": limit, "text": text}]))
    line = rule.mark_rule(color=INK, strokeDash=[6, 4], strokeWidth=1.5).encode(y=y)
    words = rule.mark_text(color=INK, align="left", dx=4, dy=-10, x=0).encode(y=y, text="text:N")
    return line + words


def _border(document: Mapping[str, Any], x: alt.X) -> list[Any]:
    """The highest load that held and the lowest that did not, with the stretch between them."""
    result = document["result"]
    low, high = result["low"], result["high"]
    layers = []
    if low is not None and high is not None:
        stretch = alt.Chart(data([{"load": low, "to": high}]))
        layers.append(stretch.mark_rect(color=BLUE, opacity=0.18).encode(x=x, x2="to:Q"))
    if low is not None:
        layers += _mark(low, f"{low:g} held", BLUE, x)
    elif high is not None:
        layers += _mark(high, f"{high:g} did not hold", BLUE, x)
    if high is not None and result["high_is"] == "unfit":
        layers += _mark(high, "generator's limit", MUTED, x, below=True)
    return layers


def _mark(load: float, text: str, colour: str, x: alt.X, *, below: bool = False) -> list[Any]:
    base = alt.Chart(data([{"load": load, "text": text}]))
    return [
        base.mark_rule(color=colour, strokeWidth=2).encode(x=x),
        base.mark_text(color=colour, align="right", dx=-5, y=26 if below else 10, fontWeight="bold").encode(
            x=x, text="text:N"
        ),
    ]


def _bounds(document: Mapping[str, Any]) -> list[float]:
    return [load for load in (document["result"]["low"], document["result"]["high"]) if load is not None]


def _scale(values: Sequence[float], others: Sequence[float], room: float = 1.08) -> alt.Scale:
    """Logarithmic when the values spread far; from nothing on when they do not.

    :param room: where the axis ends, in parts of the largest value.
    """
    every = [*values, *others]
    low, high = min(every), max(every)
    if low > 0 and high / low >= _LOGARITHMIC_FROM:
        return alt.Scale(type="log", domain=[low / 1.25, high * (high / low) ** (room - 1)], nice=False)
    return alt.Scale(domain=[min(0.0, low * room), high * room if high > 0 else 1.0], nice=False)
