"""The thresholds of a run in the text at its end: one line each, with its value and a mark."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadkit.printable import printable

_MARKS = {"pass": "ok", "fail": "FAIL", "no data": "no data"}


def threshold_lines(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and text of each line; none for a run without thresholds."""
    lines = []
    for row in summary.get("thresholds") or ():
        named = "" if row["name"] == row["text"] else f"{printable(str(row['name']), 60)}: "
        lines.append(("threshold", f"{_MARKS[row['status']]:<7} {named}{printable(row['sentence'], 500)}"))
    return lines
