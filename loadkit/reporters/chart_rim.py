"""Where the vertical axis of a picture ends when a few values lie far above the rest.

A reader of latencies expects a linear axis from 0, on which p50 and p95 can be told apart and limits can be compared.
One call of 8 s would press them flat. The axis ends above what is usual then; what is higher is drawn at the upper rim
as a triangle, with its true value under the mouse and in the numbers, and a sentence counts it. It is never left out.

Like marks and limits it is put into a finished specification.
"""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from loadkit.reporters.chart_spec import layered, nodes
from loadkit.reporters.chart_style import Picture
from loadkit.reporters.wording import plural

#: A point more than so many times above the lines is beyond the rim.
_FAR_POINT = 3.0
#: A line is what a reader came for: only a spike that would leave it an eighth of the height is cut,
_FAR_LINE = 8.0
#: and only when at most one in so many of its values is one.
_USUAL_OF = 20
#: Space for the triangles, below the crosses of failed calls, and above a limit and its words.
_ROOM = 1.15
_ROOM_ABOVE_A_LIMIT = 1.24
_TRIANGLES_AT = 0.93


def rim_of(picture: Picture) -> float | None:
    """Up to where values are drawn to scale; ``None`` when that is all of them."""
    if not picture.rim or picture.spec is None:
        return None
    lines = [values for values in _values(picture.spec, "line").values() if values]
    points = [value for values in _values(picture.spec, "point").values() for value in values]
    if not lines:
        return None
    usual = max(sorted(values)[math.ceil(len(values) * (1 - 1 / _USUAL_OF)) - 1] for values in lines)
    # A limit that is drawn anyway gives a spike that much room.
    usual = max([usual, *_limits(picture.spec)])
    of_lines = [value for values in lines for value in values]
    kept = max((value for value in of_lines if value <= usual * _FAR_LINE), default=0.0)
    shown = max([kept, *(value for value in points if value <= kept * _FAR_POINT)])
    return shown if 0.0 < shown < max(of_lines + points) else None


def with_rim(picture: Picture, rim: float | None) -> Picture:
    """The picture with what is beyond the rim drawn at it, and a sentence that says so.

    :param rim: of :func:`rim_of`; the axis ends above it, or above a limit that is drawn higher.
    """
    if rim is None or picture.spec is None:
        return picture
    spec = layered(picture.spec)
    end = max([rim * _ROOM, *(limit * _ROOM_ABOVE_A_LIMIT for limit in _limits(spec))])
    beyond: dict[str, list[float]] = {}
    for node in _drawn(spec):
        y = node["encoding"]["y"]
        name, field = _dataset(node, spec), y["field"]
        values = [row[field] for row in spec["datasets"][name] if row[field] is not None]
        beyond[name] = [value for value in values if value > end]
        for row in spec["datasets"][name]:
            value = row[field]
            row["drawn"] = value if value is None or value <= end else end * _TRIANGLES_AT
        y["field"] = "drawn"
        y["scale"] = {"domain": [0, end], "nice": False}
        if beyond[name]:
            _add_triangles(spec, node, field)
    told = [value for values in beyond.values() for value in values]
    if not told:
        return picture
    highest = f"{max(told):,.0f} {picture.rim}"
    text = (
        f" {plural(len(told), 'value')} {'is' if len(told) == 1 else 'are'} beyond the upper rim, the highest "
        f"{highest}: triangles there, with the true value under the mouse and in the numbers below."
    )
    return replace(picture, spec=spec, text=picture.text + text)


def _add_triangles(spec: dict[str, Any], node: dict[str, Any], field: str) -> None:
    """A layer with the values of a layer that are beyond the rim; points are triangles instead, lines besides."""
    triangles = copy.deepcopy(node)
    # The zoom belongs to the layer of this name: a second one would be a second zoom.
    triangles.pop("name", None)
    triangles.pop("params", None)
    triangles["encoding"].pop("strokeDash", None)
    triangles["encoding"].pop("detail", None)
    triangles["data"] = {"name": _dataset(node, spec)}
    colour = {"color": node["mark"]["color"]} if "color" in node["mark"] else {}
    triangles["mark"] = {"type": "point", "shape": "triangle-up", "filled": True, "size": 70, "opacity": 1}
    triangles["mark"] |= colour
    triangles["transform"] = [{"filter": f"datum.{field} > datum.drawn"}]
    if node["mark"]["type"] == "point":
        node["transform"] = [{"filter": f"datum.{field} <= datum.drawn"}]
    spec["layer"].append(triangles)


def _drawn(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The layers with lines or points along a measured ``y``."""
    return [
        node
        for node in nodes(spec)
        if isinstance(node.get("mark"), Mapping)
        and node["mark"].get("type") in ("line", "point")
        and "field" in node["encoding"].get("y", {})
    ]


def _dataset(node: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    return str((node.get("data") or spec.get("data") or {}).get("name"))


def _values(spec: Mapping[str, Any], kind: str) -> dict[tuple[str, str], list[float]]:
    """What is drawn as lines or as points, each line by itself."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for node in _drawn(spec):
        if node["mark"]["type"] == kind:
            name = _dataset(node, spec)
            for row in spec["datasets"][name]:
                value = row[node["encoding"]["y"]["field"]]
                if value is not None:
                    found[name, str(row.get("percentile"))].append(float(value))
    return found


def _limits(spec: Mapping[str, Any]) -> Sequence[float]:
    return [float(row["limit"]) for rows in spec["datasets"].values() for row in rows if "limit" in row]
