"""What stands across a picture: the run's marks as labelled rules, and the limits of its thresholds.

They are put into a finished specification, so that every picture gets them, whoever drew it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loadkit.printable import printable
from loadkit.reporters.chart_spec import layered, nodes
from loadkit.reporters.chart_style import INK, PAPER, RED, Elapsed, Picture
from loadkit.reporters.page_tables import CallTable, Column
from loadkit.reporters.wording import clocks

#: Marks that are drawn and told; a run can be given any number.
MOST_MARKS = 60
#: Up to so many have their text at the rule; more have their number, and the text in the table of marks.
_WRITTEN_OUT = 8
_TEXT_LENGTH = 80
_LABEL_LENGTH = 26
#: Limits drawn in one picture.
_MOST_LIMITS = 4
#: A limit further above the values than this would squeeze them to a line at the bottom.
_FAR_ABOVE = 4.0
#: Unit of a threshold → what its limit is multiplied by in a picture.
_SCALES = {"ms": 1.0, "s": 1_000.0, "": 1.0}
#: A channel whose values are pixels already.
_PIXELS = {"type": "quantitative", "scale": None, "axis": None}


@dataclass(frozen=True)
class Mark:
    """One mark of a run."""

    number: int
    """From 1, by time."""
    at: float
    """Unix time, s."""
    offset_s: float
    """Since the start of the run."""
    text: str


def marks_of(run: Mapping[str, Any], started_at: float | None) -> list[Mark]:
    """The marks of ``run.json``, printable, by time; what is no mark is left out."""
    found = run.get("marks")
    if not isinstance(found, (list, tuple)) or started_at is None:
        return []
    known = [
        (float(mark["at"]), printable(str(mark.get("text") or "mark"), _TEXT_LENGTH))
        for mark in found
        if isinstance(mark, Mapping) and isinstance(mark.get("at"), (int, float))
    ]
    by_time = sorted(known, key=lambda mark: mark[0])
    return [Mark(number, at, at - started_at, text) for number, (at, text) in enumerate(by_time, 1)]


def marks_tables(marks: Sequence[Mark]) -> list[CallTable]:
    """The marks as a table; none without marks."""
    if not marks:
        return []
    heads = [
        Column("Mark", "n", "the number beside the rule in the pictures over time"),
        Column("At, s", "n", "seconds since the start of the run"),
        Column("UTC", "", "the same moment by the clock"),
        Column("Text", "text", "as it was given with --mark, or sent to the page of the run"),
    ]
    shown = marks[:MOST_MARKS]
    rows = [
        (str(mark.number), f"{mark.offset_s:,.1f}", clock, mark.text)
        for mark, clock in zip(shown, clocks([mark.at for mark in shown]), strict=True)
    ]
    left = len(marks) - len(rows)
    caption = "Moments that somebody marked; they are rules in every picture over time."
    caption += f" The last {left:,} are left out here and there; all are in run.json." if left else ""
    return [CallTable("marks-table", "Marks", caption, heads, rows, "", sortable=True)]


def with_marks(picture: Picture, marks: Sequence[Mark], axis: Elapsed) -> Picture:
    """The picture with a rule at each mark; as it was when it is not over time."""
    inside = [mark for mark in marks[:MOST_MARKS] if 0 <= mark.offset_s <= axis.span_s]
    if not inside or not picture.zooms or picture.spec is None:
        return picture
    spec = layered(picture.spec)
    x = next((node["encoding"]["x"] for node in nodes(spec) if "x" in node.get("encoding", {})), None)
    if x is None or x.get("field") != "offset_s":
        return picture
    written = len(inside) <= _WRITTEN_OUT
    spec["datasets"]["marks"] = [
        {
            "offset_s": round(mark.offset_s / axis.unit_s, 4),
            "label": f"{mark.number} {printable(mark.text, _LABEL_LENGTH)}" if written else str(mark.number),
            "mark": f"{mark.number}: {mark.text}",
            "y": 4 if written else 8 + 11 * (place % 3),
        }
        for place, mark in enumerate(inside)
    ]
    tooltip = [{"field": "mark", "type": "nominal", "title": "mark"}, axis.tooltip().to_dict()]
    rule = {"type": "rule", "color": INK, "strokeDash": [2, 2], "strokeWidth": 1.5}
    spec["layer"].append(_layer("marks", rule, {"x": x, "tooltip": tooltip}))
    place = {"angle": 270, "align": "right", "dx": 0, "dy": -5} if written else {"align": "left", "dx": 3}
    text = {"type": "text", "fontSize": 11, "baseline": "middle", "limit": 190, **place}
    encoding = {"x": x, "y": {"field": "y", **_PIXELS}, "text": {"field": "label", "type": "nominal"}}
    labels = _readable("marks", text, encoding)
    # The labels have heights in pixels, and no part in the picture's own axis.
    told = {"layer": labels, "resolve": {"scale": {"y": "shared"}}}
    spec = {
        **{key: value for key, value in spec.items() if key not in ("layer", "resolve")},
        "layer": [_inner(spec), told],
        "resolve": {"scale": {"y": "independent"}},
    }
    return replace(picture, spec=spec)


def with_limits(
    picture: Picture, thresholds: Sequence[Mapping[str, Any]], top: float | None = None
) -> Picture:
    """The picture with a rule at the limit of each threshold on its measure.

    :param top: up to where values are drawn to scale; up to the largest when not given.
    """
    asked = [one for one in thresholds if _is_of(one, picture.measure) and one["unit"] in _SCALES]
    if not asked or not picture.measure or picture.spec is None:
        return picture
    spec = layered(picture.spec)
    along = "y" if picture.zooms or picture.upright else "x"
    top = top or _largest(spec, along)
    drawn: list[dict[str, Any]] = []
    far: list[dict[str, Any]] = []
    for one in asked[:_MOST_LIMITS]:
        limit = one["limit"] * _SCALES[one["unit"]]
        where = "".join(f", {value}" for value in (one.get("where") or {}).values())
        shown = f"{one['limit']:,g} {one['unit']}".strip()
        label = f"{one['subject'].partition(' ')[2]} {one['operator']} {shown}{where}"
        row = {"limit": limit, "label": printable(label, 60), "threshold": printable(str(one["text"]), 200)}
        (far if limit > top * _FAR_ABOVE or (along == "x" and limit > top) else drawn).append(row)
    text = picture.text
    if far:
        told = "; ".join(row["label"] for row in far)
        text += f" Above what is drawn: the {'limit' if len(far) == 1 else 'limits'} {told}."
    if drawn:
        _make_room(spec, max(row["limit"] for row in drawn), along, top)
        _add_limits(spec, drawn, along)
        text += " Dashed red: the limit of a threshold."
    return replace(picture, spec=spec, text=text)


def _add_limits(spec: dict[str, Any], rows: list[dict[str, Any]], along: str) -> None:
    # Along x the words stand below those of the percentiles, each limit's in a line of its own.
    spec["datasets"]["limits"] = [{**row, "lane": 46 + 13 * place} for place, row in enumerate(rows)]
    value = {"field": "limit", "type": "quantitative"}
    tooltip = [
        {"field": "threshold", "type": "nominal", "title": "threshold"},
        {**value, "title": "limit"},
    ]
    rule = {"type": "rule", "color": RED, "strokeDash": [7, 4], "strokeWidth": 1.75}
    spec["layer"].append(_layer("limits", rule, {along: value, "tooltip": tooltip}))
    place = {"x": 4, "dy": -3} if along == "y" else {"dx": 5}
    text = {"type": "text", "fontSize": 11, "baseline": "bottom", "align": "left", "limit": 220, **place}
    encoding: dict[str, Any] = {along: value, "text": {"field": "label", "type": "nominal"}}
    if along == "x":
        encoding["y"] = {"field": "lane", **_PIXELS}
    spec["layer"] += _readable("limits", text, encoding)


def _readable(dataset: str, text: Mapping[str, Any], encoding: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Words with a margin in the colour of the paper, which keeps them readable across lines."""
    margin = {"stroke": PAPER, "strokeWidth": 4, "opacity": 0.85}
    return [_layer(dataset, {**text, **margin}, encoding), _layer(dataset, {**text, "color": INK}, encoding)]


def _is_of(threshold: Mapping[str, Any], measure: str) -> bool:
    """Whether it bounds values of the measure, and not how many there are."""
    name, _, aggregate = str(threshold.get("subject", "")).partition(" ")
    return name == measure and aggregate != "count"


def _inner(spec: Mapping[str, Any]) -> dict[str, Any]:
    """All layers so far as one, with the scales they had."""
    return {key: spec[key] for key in ("layer", "resolve") if key in spec}


def _layer(dataset: str, mark: Mapping[str, Any], encoding: Mapping[str, Any]) -> dict[str, Any]:
    return {"data": {"name": dataset}, "mark": dict(mark), "encoding": dict(encoding)}


def _largest(spec: Mapping[str, Any], along: str) -> float:
    """The largest value along an axis, of all datasets drawn along it."""
    found = [0.0]
    for node in nodes(spec):
        # Layers of the same rows have them from above.
        rows = spec["datasets"].get((node.get("data") or spec.get("data") or {}).get("name"), ())
        for channel in (along, f"{along}2"):
            field = node.get("encoding", {}).get(channel, {}).get("field")
            found += [row[field] for row in rows if isinstance(row.get(field), (int, float))]
    return max(found)


def _make_room(spec: Mapping[str, Any], limit: float, along: str, top: float) -> None:
    """Above a limit that would lie on the edge, with its words outside.

    :param top: the largest value that is drawn.
    """
    end = limit * 1.08
    for node in nodes(spec):
        scale = node.get("encoding", {}).get(along, {}).get("scale")
        if not scale:
            continue
        if isinstance(scale.get("domain"), list):
            scale["domain"][1] = max(scale["domain"][1], end)
        elif end > top:
            scale["domainMax"] = end
