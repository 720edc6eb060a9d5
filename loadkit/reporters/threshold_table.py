"""The thresholds of a run as a table of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadkit.printable import printable
from loadkit.reporters.page_tables import CallTable, Column
from loadkit.reporters.wording import in_unit

#: The mark and a word: nothing is said by colour alone. What is broken comes first.
_WORDS = {"fail": "✗ broken", "no data": "? no data", "pass": "✓ holds"}


def threshold_tables(summary: Mapping[str, Any]) -> list[CallTable]:
    """One table; none for a run without thresholds."""
    found = sorted(summary.get("thresholds") or (), key=lambda row: list(_WORDS).index(row["status"]))
    if not found:
        return []
    heads = [
        Column("Threshold", "head"),
        Column("Result", "word"),
        Column("Value", "n"),
        Column("Limit", "n"),
        Column("Values", "n", "how many values it was worked out of; with too few there is no result"),
        Column("In full", "text"),
    ]
    rows = [_row(row) for row in found]
    if not any(row[-1] for row in rows):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    caption = "What the run was held against, what is broken first."
    return [CallTable("thresholds-table", "Thresholds", caption, heads, rows, "", sortable=True)]


def _row(row: Mapping[str, Any]) -> list[str]:
    # A name does not say what was asked, and a dash not why there is no value.
    in_full = row["sentence"] if row["status"] == "no data" else row["text"]
    return [
        printable(str(row["name"]), 400),
        _WORDS[row["status"]],
        in_unit(row["value"], row["unit"]),
        f"{row['operator']} {in_unit(row['limit'], row['unit'])}",
        f"{row['count']:,}",
        "" if in_full == row["name"] else printable(in_full, 800),
    ]
