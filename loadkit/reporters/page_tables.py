"""What the page's tables are made of, and the spreads of what was measured, every row with its definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadkit.analysis.percentiles import STATISTICS
from loadkit.printable import printable
from loadkit.records import CallRecord, TurnRecord, columns
from loadkit.reporters.charts_of_setup import STAGE_LABELS
from loadkit.reporters.wording import NOT_MEASURED, count, plain

#: Column of a record → what it means, in the words of :mod:`loadkit.records`, for people who do not know Python's None.
MEANINGS = {
    name: meaning.replace("None ", "not measured ")
    for name, (_, meaning) in {**columns(TurnRecord), **columns(CallRecord)}.items()
}


@dataclass(frozen=True)
class DistributionRow:
    """One measure, spread over calls."""

    name: str
    meaning: str
    cells: Sequence[str]
    total: bool = False


@dataclass(frozen=True)
class DistributionTable:
    """Measures of one kind and unit."""

    title: str
    caption: str
    head: str
    rows: Sequence[DistributionRow]


@dataclass(frozen=True)
class Column:
    """One column of a table; ``kind`` is its class: ``n``, ``id``, ``text``, ``muted``, or ``head`` of the row."""

    title: str
    kind: str
    meaning: str = ""
    """What it holds, shown on demand."""


@dataclass(frozen=True)
class CallTable:
    """A table of text: some calls, or whatever a section has, one row each."""

    name: str
    title: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    empty: str
    sortable: bool = False
    """The reader can sort it by any column."""


def distributions(summary: Mapping[str, Any]) -> list[DistributionTable]:
    """Stages, turns of talk and media, with percentiles."""
    stages = [
        _spread(STAGE_LABELS[name], MEANINGS[name], spread, total=name == "setup_ms")
        for name, spread in summary["stages"].items()
    ]
    caption = "in milliseconds, over the calls that got so far; a failed call counts in the stages it passed."
    tables = [DistributionTable("Stages of a call,", caption, "Stage", stages)]
    turns = summary["turns"]
    if turns["count"]:
        rows = [_spread("turn latency", MEANINGS["turn_latency_ms"], turns["turn_latency_ms"])]
        if turns["barge_in_missed"] is not None:
            rows.append(
                _spread("stop when interrupted", MEANINGS["barge_in_stop_ms"], turns["barge_in_stop_ms"])
            )
        tables.append(DistributionTable("Turns of talk,", "in milliseconds.", "Measure", rows))
    media = summary["media"]
    measures = (
        ("jitter", "jitter_ms", "jitter"),
        ("jitter at the gateway", "remote_jitter_ms", "remote_jitter"),
        ("round trip time", "round_trip_time_ms", "round_trip_time"),
        ("longest gap", "longest_gap_ms", "longest_gap_ms"),
    )
    rows = [_spread(name, MEANINGS[column], media[key]) for name, key, column in measures]
    tables.append(DistributionTable("Media,", "in milliseconds, one value per call.", "Measure", rows))
    return tables


def _spread(name: str, meaning: str, spread: Mapping[str, Any], total: bool = False) -> DistributionRow:
    cells = [count(spread["count"]), *(plain(spread[statistic]) for statistic in STATISTICS[1:])]
    return DistributionRow(name, meaning, cells, total)


def flattened(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as rows of dotted names and text."""
    rows: list[tuple[str, str]] = []
    for name, value in values.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            rows += flattened(value, f"{path}.")
        else:
            shown = NOT_MEASURED if value is None or value == "" else printable(str(value), 500)
            rows.append((printable(path, 100), shown))
    return rows
