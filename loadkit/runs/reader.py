"""The raw files of a run as tables, whatever state a run left them in.

A run that was killed leaves half a line; a disk can spoil one in the middle; a file of an older version
lacks columns. What can be read is read, what cannot is counted, and a missing column is all ``None``.

Column types follow :mod:`loadkit.runs.schemas`: text is ``string`` (``category`` where calls
hardly differ: :data:`~loadkit.runs.schemas.ALIKE`), ``int`` is ``Int64``, ``float`` is ``float64``
(unmeasured is NaN), ``bool`` is ``boolean``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from loadkit.late_counts import LateCounts, pack_rows
from loadkit.runs.folder import RunFolder
from loadkit.runs.frames import Piece, Pile, as_frame
from loadkit.runs.json_lines import as_table, give_back, line_by_line, parsed
from loadkit.runs.schemas import (
    ALIKE,
    ARRIVALS,
    CALLS_SCHEMA,
    FIGURES,
    FIGURES_LINE,
    HEALTH,
    RECORD_LINE,
    TURNS_SCHEMA,
    fitted,
)
from loadkit.runs.versions import check_record_version, check_run_version


@dataclass(frozen=True)
class Records:
    """What ``records.jsonl`` holds."""

    calls: pd.DataFrame
    """One row per call, each call once, in the order in which they ended."""
    turns: pd.DataFrame
    """One row per turn of talk."""
    unreadable_lines: int
    """Lines that could not be read and were left out."""


def read_records(folder: RunFolder) -> Records:
    """Calls and turns in one pass over ``records.jsonl``; empty tables when there is none.

    :raises RunFolderError: they were written by a newer loadkit.
    """
    calls, turns, unreadable = Pile(CALLS_SCHEMA, ALIKE), Pile(TURNS_SCHEMA), 0

    def pieces(block: bytes) -> tuple[Piece, Piece, int]:
        table, failed = _parse(block)
        call, turn = table["call"].combine_chunks(), table["turns"].combine_chunks().flatten()
        return calls.piece(call.flatten()), turns.piece(turn.flatten()), failed

    for call, turn, failed in parsed(folder.records, pieces):
        calls.add(call)
        turns.add(turn)
        unreadable += failed
    call_frame, turn_frame = _each_once(calls, ["call_id"]), _each_once(turns, ["call_id", "turn"])
    check_record_version(call_frame["record_version"])
    give_back()
    call_frame.attrs["unreadable_lines"] = turn_frame.attrs["unreadable_lines"] = unreadable
    return Records(call_frame, turn_frame, unreadable)


def _each_once(pile: Pile, key: list[str]) -> pd.DataFrame:
    """The first row of each; copied only when there are others."""
    once, frame = pile.once(key), pile.taken()
    return frame if once else frame[~frame.duplicated(key)].reset_index(drop=True)


def read_calls(folder: RunFolder) -> pd.DataFrame:
    """One row per call; ``attrs["unreadable_lines"]`` counts the lines left out."""
    return read_records(folder).calls


def read_turns(folder: RunFolder) -> pd.DataFrame:
    """One row per turn of talk; ``attrs["unreadable_lines"]`` counts the lines left out."""
    return read_records(folder).turns


def read_figures(folder: RunFolder) -> pd.DataFrame:
    """One row per process and second; ``late_histogram`` holds bucket → count of packets, or ``None``.

    ``kind`` is ``engine``, also in files that were written before other processes told of themselves, or ``locust``.
    """
    tables, histograms, unreadable = [], [], 0

    def pieces(block: bytes) -> tuple[pa.Table, list[LateCounts | None], int]:
        table, failed = _parse_figures(block)
        return table.drop_columns("late_histogram"), _packed(table["late_histogram"].combine_chunks()), failed

    for table, packed, failed in parsed(folder.figures, pieces):
        tables.append(table)
        histograms += packed
        unreadable += failed
    frame = as_frame(pa.concat_tables([FIGURES.empty_table(), *tables]))
    give_back()
    frame["kind"] = frame["kind"].fillna("engine")
    frame["late_histogram"] = pd.Series(histograms, dtype=object)
    frame.attrs["unreadable_lines"] = unreadable
    return frame


def read_arrivals(folder: RunFolder) -> pd.DataFrame:
    """One row per second of a run by arrivals; an empty table for a run by users."""
    return _read_plain(folder.arrivals, ARRIVALS)


def read_health(folder: RunFolder) -> pd.DataFrame:
    """One row per look at the gateway's ``/health``; an empty table when nobody looked.

    ``at`` is the Unix time in the middle of the look, ``status`` the HTTP status, ``error`` why there is none.
    """
    frame = _read_plain(folder.health, HEALTH)
    return frame[frame["at"].notna()].sort_values("at", kind="stable", ignore_index=True)


def no_figures() -> pd.DataFrame:
    """The table of a run of which no process told anything."""
    frame = as_frame(FIGURES.empty_table())
    return frame.assign(late_histogram=pd.Series(dtype=object))


def read_run(folder: RunFolder) -> dict[str, Any]:
    """``run.json`` with all its keys; empty when it is missing or spoilt.

    :raises RunFolderError: it was written by a newer loadkit.
    """
    try:
        run = json.loads(folder.run.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(run, dict):
        return {}
    check_run_version(run)
    return run


def _read_plain(path: Path, schema: pa.Schema) -> pd.DataFrame:
    """A file of one plain object a line; ``attrs["unreadable_lines"]`` counts the lines left out."""
    tables, unreadable = [schema.empty_table()], 0

    def pieces(block: bytes) -> tuple[pa.Table, int]:
        try:
            return as_table(block, schema), 0
        except (pa.ArrowException, ValueError):
            return line_by_line(block, lambda row: fitted(row, schema), schema)

    for table, failed in parsed(path, pieces):
        tables.append(table)
        unreadable += failed
    frame = as_frame(pa.concat_tables(tables))
    frame.attrs["unreadable_lines"] = unreadable
    return frame


def _parse(block: bytes) -> tuple[pa.Table, int]:
    """A block of records as a table, and how many lines could not be read."""
    try:
        table = as_table(block, RECORD_LINE)
        call_ids = table["call"].combine_chunks().field("call_id")
        if table["call"].null_count or call_ids.null_count:
            raise pa.ArrowInvalid("a line holds no call")
    except (pa.ArrowException, ValueError):
        return _parse_each(block)
    return table, 0


def _parse_each(block: bytes) -> tuple[pa.Table, int]:
    """The same line by line."""
    return line_by_line(block, _record, RECORD_LINE)


def _record(row: Any) -> dict[str, Any]:
    call = fitted(row["call"], CALLS_SCHEMA)
    if call["call_id"] is None:
        raise ValueError("no call_id")
    return {"call": call, "turns": [fitted(turn, TURNS_SCHEMA) for turn in row.get("turns") or ()]}


def _parse_figures(block: bytes) -> tuple[pa.Table, int]:
    """A block of figures as a table, and how many lines could not be read."""
    try:
        table = as_table(block, FIGURES_LINE)
        if table["at"].null_count:
            raise pa.ArrowInvalid("a line has no time")
    except (pa.ArrowException, ValueError):
        return line_by_line(block, _figures_row, FIGURES_LINE)
    return table, 0


def _figures_row(row: Any) -> dict[str, Any]:
    typed = fitted(row, FIGURES)
    if typed["at"] is None:
        raise ValueError("no time")
    counts = row.get("late_histogram")
    histogram = None if counts is None else {str(int(bucket)): int(n) for bucket, n in counts.items()}
    return {**typed, "late_histogram": histogram}


def _packed(histograms: pa.StructArray) -> list[LateCounts | None]:
    """Each row's buckets as few bytes."""
    columns = histograms.flatten()
    # A punctual engine fills few of them.
    filled = [bucket for bucket, column in enumerate(columns) if column.null_count < len(column)]
    dense = np.zeros((len(histograms), len(filled)), dtype=np.int64)
    for place, bucket in enumerate(filled):
        dense[:, place] = columns[bucket].fill_null(0).to_numpy(zero_copy_only=False)
    known = histograms.is_valid().to_numpy(zero_copy_only=False)
    return pack_rows(dense, np.array(filled, dtype=np.int64), known)
