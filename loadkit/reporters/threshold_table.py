"""The thresholds of a run as a table of the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadkit.printable import printable
from loadkit.reporters.page_tables import CallTable, Column
from loadkit.reporters.wording import NOT_MEASURED

_WORDS = {"pass": ("✓ holds", "good"), "fail": ("✗ broken", "bad"), "no data": ("? no data", "")}


@dataclass(frozen=True)
class ThresholdRow:
    """One threshold."""

    name: str
    text: str
    """Empty when the name says it all."""
    value: str
    limit: str
    count: str
    word: str
    """The mark and a word: nothing is said by colour alone."""
    mood: str
    sentence: str


def threshold_rows(summary: Mapping[str, Any]) -> list[ThresholdRow]:
    """A row for each threshold, broken ones first; none for a run without."""
    rows = sorted(
        summary.get("thresholds") or (), key=lambda row: ("fail", "no data", "pass").index(row["status"])
    )
    return [_row(row) for row in rows]


def threshold_tables(summary: Mapping[str, Any]) -> list[CallTable]:
    """The rows as one table of the page; none for a run without thresholds."""
    found = threshold_rows(summary)
    if not found:
        return []
    heads = [
        Column("Threshold", "head"),
        Column("Result", "word"),
        Column("Value", "n"),
        Column("Limit", "n"),
        Column("Values", "n", "how many values it was worked out of; with too few there is no result"),
    ]
    rows = [
        (
            row.name,
            row.word,
            row.value,
            row.limit,
            row.count,
            " ".join(filter(None, (row.text, row.sentence))),
        )
        for row in found
    ]
    caption = "What the run was held against, what is broken first."
    return [CallTable("thresholds-table", "Thresholds", caption, heads, rows, "", sortable=True)]


def _row(row: Mapping[str, Any]) -> ThresholdRow:
    word, mood = _WORDS[row["status"]]
    text = "" if row["name"] == row["text"] else printable(row["text"], 400)
    return ThresholdRow(
        name=printable(str(row["name"]), 400),
        text=text,
        value=_shown(row["value"], row["unit"]),
        limit=f"{row['operator']} {_shown(row['limit'], row['unit'])}",
        count=f"{row['count']:,}",
        word=word,
        mood=mood,
        sentence=printable(row["sentence"], 800) if row["status"] == "no data" else "",
    )


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return NOT_MEASURED
    number = f"{value:,.4g}" if abs(value) < 1_000 else f"{value:,.0f}"
    return f"{number} {unit}" if unit else number
