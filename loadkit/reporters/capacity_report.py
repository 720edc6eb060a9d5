"""``capacity.json`` and ``capacity.html``: what a search for a limit found, as numbers and as a page."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadkit.printable import printable
from loadkit.reporters.charts_of_capacity import capacity_pictures
from loadkit.reporters.json_document import json_document
from loadkit.reporters.page_shell import rendered
from loadkit.reporters.wording import NOT_MEASURED, length, moment, plain, plural, share
from loadkit.runs import write_text

DOCUMENT = "capacity.json"
PAGE = "capacity.html"

#: Outcome of a step → its word, and a class of the page for its colour.
_WORDS = {
    "held": ("held", "good"),
    "broken": ("broken", "bad"),
    "unfit": ("generator not fit", ""),
    "no data": ("too few values", ""),
}
#: Ending → headline, and the class of its box.
_HEADLINES = {
    "found": ("Limit found", "pass"),
    "not even one": ("Not even the least load held", "fail"),
    "generator": ("The generator was the limit", "unfit"),
    "ceiling": ("No limit found up to the highest load allowed", "pass"),
    "steps": ("Ended early: as many steps as allowed", "nodata"),
    "time": ("Ended early: its time was over", "nodata"),
    "budget": ("Ended early: its call minutes are used up", "nodata"),
    "interrupted": ("Interrupted", "nodata"),
    "no data": ("Ended early: too few values to judge by", "nodata"),
    "step died": ("Ended early: a step did not come to its end", "nodata"),
    "unreachable": ("Ended early: the gateway does not answer", "fail"),
}
_METHOD = (
    "Made by loadkit from capacity.json. Only calls that were meant to start while the load was held count; the ramp "
    "is left out. Percentiles interpolate between the two values next to the rank. What was not measured is shown as "
    "–, never as 0."
)


def write_capacity(folder: Path, document: Mapping[str, Any]) -> None:
    """Both files, each whole or not at all."""
    write_text(folder / DOCUMENT, json_document(document))
    write_text(folder / PAGE, capacity_page(document))


def capacity_page(document: Mapping[str, Any]) -> str:
    """The whole page: one file that opens offline and asks nobody for anything."""
    drawn = capacity_pictures(document) if document["steps"] else []
    result = document["result"]
    word, css_class = _headline(document)
    return rendered(
        "capacity.html.j2",
        drawn,
        capacity_id=printable(str(document["capacity_id"]), 100),
        about=_about(document),
        status_word=word,
        status_class=css_class,
        sentence=printable(result["sentence"], 2_000),
        tiles=_tiles(document),
        pictures=drawn,
        columns=[slo["text"] for slo in document["slo"]],
        unit=document["unit"],
        steps=[_row(step, document) for step in document["steps"]],
        command=printable(shlex.join(document["command"]), 2_000),
        search=[(name.replace("_", " "), _value(value)) for name, value in document["search"].items()],
        method=_METHOD,
    )


def _headline(document: Mapping[str, Any]) -> tuple[str, str]:
    reached = document["result"]["at_least_reached"]
    if reached is not None:
        load = f"{document['search']['at_least']:g} {document['unit']}"
        return (f"Reached: {load}", "pass") if reached else (f"Not reached: {load}", "fail")
    return _HEADLINES[document["result"]["ending"]]


def _about(document: Mapping[str, Any]) -> str:
    host = document["host"]
    parts = [
        f"against {printable(str(host), 200)}" if host else "against a gateway of its own for each step",
        moment(document["started_at"]),
        length(document["duration_s"]),
        plural(len(document["steps"]), "step"),
    ]
    return " · ".join(parts)


def _tiles(document: Mapping[str, Any]) -> list[dict[str, str]]:
    result, unit = document["result"], document["unit"]
    held = {
        "name": "Highest load that held",
        "figure": _value(result["low"]),
        "detail": unit
        if result["carried"] is None
        else f"{unit}; {plain(result['carried'])} carried in the mean",
        "mood": "good" if result["low"] is not None else "",
    }
    broke = {
        "name": "Lowest load that did not",
        "figure": _value(result["high"]),
        "detail": {"broken": unit, "unfit": f"{unit}; the generator's limit"}.get(
            result["high_is"] or "", ""
        ),
        "mood": "bad" if result["high_is"] == "broken" else "",
    }
    low, high = (_value(result[key]) for key in ("sure_low", "sure_high"))
    # Where the generator ended, the gateway's limit may be anywhere above.
    open_ended = result["high"] is None or result["high_is"] == "unfit"
    sure = {
        "name": "The gateway's limit lies",
        "figure": f"{low} to {high}"
        if not open_ended
        else NOT_MEASURED
        if low == NOT_MEASURED
        else f"from {low} on",
        "detail": "the border contradicted itself" if result["unsure"] else "all trials agree",
        "mood": "",
    }
    return [held, broke, sure]


def _row(step: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    word, mood = _WORDS[step["outcome"]]
    checks = {check["slo"]: check for check in step["checks"]}
    cells = [_cell(checks[slo["text"]], slo) for slo in document["slo"]]
    codes = [f"{printable(code, 60)} {count:,}" for code, count in list(step["errors"].items())[:3]]
    return {
        "number": step["number"],
        "run": step["run"],
        "load": _value(step["load"]),
        "carried": plain(step["carried"]),
        "calls": f"{step['calls']:,}",
        "hold": length(step["hold_s"]),
        "cells": cells,
        "word": word,
        "mood": mood,
        "notes": "; ".join([*codes, *(printable(reason, 400) for reason in step["reasons"])]),
    }


def _cell(check: Mapping[str, Any], slo: Mapping[str, Any]) -> dict[str, str]:
    value = check["value"]
    if value is None:
        return {"text": "too few" if check["count"] else NOT_MEASURED, "mood": ""}
    text = share(value) if slo["unit"] == "%" else f"{plain(value)} {slo['unit']}".strip()
    return {"text": text, "mood": "" if check["passed"] else "bad"}


def _value(value: Any) -> str:
    if value is None:
        return NOT_MEASURED
    return f"{value:,g}" if isinstance(value, (int, float)) else str(value)
