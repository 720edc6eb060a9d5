"""A comparison as plain text, for a terminal and for the log of a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loadkit.compare.wording import HEAD, about, cells, left_out, measured, method

_WIDTH = 15


def compare_text(document: Mapping[str, Any]) -> str:
    """The runs, the table, and the result in the last line."""
    rows = [cells(one) for one in measured(document)]
    table = [*_aligned([HEAD, *rows]), ""] if rows else []
    result = document["result"]
    notes = [
        ("baseline", about(document["baseline"])),
        ("new run", about(document["run"])),
        # Without a table the result says it.
        *[("not comparable", reason) for reason in document["not_comparable"] if rows],
        *[("remark", remark) for remark in document["remarks"]],
    ]
    after = [("not compared", text) for text in [left_out(document)] if text]
    after += [("method", method(document))] if rows else []
    lines = [*_named(notes), "", *table, *_named(after)]
    return "\n".join([*lines, *_named([("result", f"{result['status'].upper()}: {result['sentence']}")])])


def _named(lines: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{name:<{_WIDTH}} {text}" for name, text in lines]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as they must be: names and words to the left, numbers to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    last = len(widths) - 1
    return [
        "  ".join(
            cell.ljust(width) if place in (0, last) else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
