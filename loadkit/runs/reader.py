"""The raw files of a run as tables, whatever state a run left them in.

A run that was killed leaves half a line; a disk can spoil one in the middle; a file of an older version
lacks columns. What can be read is read, what cannot is counted, and a missing column is all ``None``.

Column types follow :mod:`loadkit.records`: text is ``string`` (``category`` where calls
hardly differ: :data:`ALIKE`), ``int`` is ``Int64``, ``float`` is ``float64``
(unmeasured is NaN), ``bool`` is ``boolean``.
"""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.json as arrow_json

from loadkit.late_counts import LateCounts, pack_rows
from loadkit.lateness import OVERFLOW
from loadkit.records import CallRecord, TurnRecord
from loadkit.runs.folder import RunFolder
from loadkit.runs.versions import check_record_version, check_run_version

#: Bytes of ``records.jsonl`` that are parsed at once: bounds the memory for a million calls.
BLOCK_BYTES = 16 * 1024 * 1024

#: Columns of text in which calls hardly differ: ``category`` in the table, a byte a call in place of fifty.
ALIKE = (
    "run_id",
    "sample",
    "local_address",
    "turn_url",
    "dtls_role",
    "tls_version",
    "dtls_cipher",
    "srtp_cipher",
    "codec",
)

#: Of a line that does not end in the block in which it begins, the most that is read beyond it.
LONGEST_LINE_BYTES = 16 * 1024 * 1024

#: Stands for a line that is not worth keeping.
_UNREADABLE = b"?\n"

_ARROW = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
_PANDAS = {pa.string(): pd.StringDtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}

_FIGURES = pa.schema(
    [
        ("at", pa.float64()),
        ("worker", pa.string()),
        ("engine", pa.string()),
        ("kind", pa.string()),
        ("pid", pa.int64()),
        ("seconds", pa.float64()),
        ("calls", pa.int64()),
        ("cpu_share", pa.float64()),
        ("rss_bytes", pa.int64()),
        ("open_files", pa.int64()),
        ("sockets", pa.int64()),
        ("threads", pa.int64()),
        ("packets_sent", pa.int64()),
        ("packets_received", pa.int64()),
        ("frames_late", pa.int64()),
        ("frames_skipped", pa.int64()),
        ("loop_lag_ms", pa.float64()),
        ("tasks", pa.int64()),
    ]
)


#: A line of ``figures.jsonl``, the histogram with a column for each bucket.
_FIGURES_LINE = _FIGURES.append(
    pa.field("late_histogram", pa.struct([(str(bucket), pa.int64()) for bucket in range(OVERFLOW + 1)]))
)

_ARRIVALS = pa.schema(
    [
        ("at", pa.float64()),
        ("second", pa.int64()),
        ("intended", pa.int64()),
        ("dropped_max_concurrent", pa.int64()),
        ("dropped_no_engine", pa.int64()),
    ]
)


_HEALTH = pa.schema(
    [
        ("at", pa.float64()),
        ("status", pa.int64()),
        ("active_sessions", pa.int64()),
        ("round_trip_ms", pa.float64()),
        ("error", pa.string()),
    ]
)


def _schema(record_type: type[CallRecord] | type[TurnRecord]) -> pa.Schema:
    """The record's columns as Arrow types, with unit and meaning beside each."""
    return pa.schema(
        [
            pa.field(
                field.name,
                _ARROW[str(field.type).split(" | ")[0]],
                metadata={"unit": field.metadata["unit"], "meaning": field.metadata["meaning"]},
            )
            for field in dataclasses.fields(record_type)
        ]
    )


CALLS_SCHEMA = _schema(CallRecord)
TURNS_SCHEMA = _schema(TurnRecord)

_LINE = pa.schema(
    [("call", pa.struct(list(CALLS_SCHEMA))), ("turns", pa.list_(pa.struct(list(TURNS_SCHEMA))))]
)


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
    calls, turns, unreadable = [], [], 0
    for block in _blocks(folder.records):
        table, failed = _parse(block)
        unreadable += failed
        call_column = table["call"].combine_chunks()
        calls.append(_alike(pa.Table.from_arrays(call_column.flatten(), schema=CALLS_SCHEMA)))
        turn_column = table["turns"].combine_chunks().flatten()
        turns.append(pa.Table.from_arrays(turn_column.flatten(), schema=TURNS_SCHEMA))
    call_frame = _joined(calls, _alike(CALLS_SCHEMA.empty_table()))
    turn_frame = _joined(turns, TURNS_SCHEMA.empty_table())
    call_frame = _each_once(call_frame, ["call_id"])
    check_record_version(call_frame["record_version"])
    turn_frame = _each_once(turn_frame, ["call_id", "turn"])
    # What parsing took is kept by Arrow for the next time, and there is none.
    pa.default_memory_pool().release_unused()
    call_frame.attrs["unreadable_lines"] = turn_frame.attrs["unreadable_lines"] = unreadable
    return Records(call_frame, turn_frame, unreadable)


def _alike(table: pa.Table) -> pa.Table:
    """Text that nearly all calls share, kept once."""
    for name in ALIKE:
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[place].dictionary_encode())
    return table


def _joined(tables: list[pa.Table], empty: pa.Table) -> pd.DataFrame:
    """One table; the list is emptied, so that nothing else holds them."""
    table = pa.concat_tables([empty, *tables]).unify_dictionaries()
    tables.clear()
    return _frame(table)


def _each_once(frame: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """The first of each; copied only when there are others."""
    again = frame.duplicated(key)
    return frame[~again].reset_index(drop=True) if again.any() else frame


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
    for block in _blocks(folder.figures):
        table, failed = _parse_figures(block)
        unreadable += failed
        histograms += _packed(table["late_histogram"].combine_chunks())
        tables.append(table.drop_columns("late_histogram"))
    frame = _frame(pa.concat_tables([_FIGURES.empty_table(), *tables]))
    frame["kind"] = frame["kind"].fillna("engine")
    frame["late_histogram"] = pd.Series(histograms, dtype=object)
    frame.attrs["unreadable_lines"] = unreadable
    return frame


def read_arrivals(folder: RunFolder) -> pd.DataFrame:
    """One row per second of a run by arrivals; an empty table for a run by users."""
    return _read_plain(folder.arrivals, _ARRIVALS)


def read_health(folder: RunFolder) -> pd.DataFrame:
    """One row per look at the gateway's ``/health``; an empty table when nobody looked.

    ``at`` is the Unix time in the middle of the look, ``status`` the HTTP status, ``error`` why there is none.
    """
    frame = _read_plain(folder.health, _HEALTH)
    return frame[frame["at"].notna()].sort_values("at", kind="stable", ignore_index=True)


def no_figures() -> pd.DataFrame:
    """The table of a run of which no process told anything."""
    frame = _frame(_FIGURES.empty_table())
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
    for block in _blocks(path):
        try:
            tables.append(_arrow(block, schema))
        except (pa.ArrowException, ValueError):
            rows, failed = _each(block, lambda row: _fitted(row, schema))
            unreadable += failed
            tables.append(pa.Table.from_pylist(rows, schema=schema))
    frame = _frame(pa.concat_tables(tables))
    frame.attrs["unreadable_lines"] = unreadable
    return frame


def _blocks(path: Path) -> Iterator[bytes]:
    """The file in pieces of whole lines; a torn last line is a line, and one that is far too long an unreadable one.

    A crash may leave gigabytes without a line's end: zeros, mostly. No record is as long as that.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        while block := file.read(BLOCK_BYTES):
            rest = file.readline(LONGEST_LINE_BYTES)
            if rest.endswith(b"\n") or len(rest) < LONGEST_LINE_BYTES:
                yield block + rest
                continue
            yield block[: block.rfind(b"\n") + 1]
            yield _UNREADABLE
            while len(rest) == LONGEST_LINE_BYTES and not rest.endswith(b"\n"):
                rest = file.readline(LONGEST_LINE_BYTES)


def _lines(block: bytes) -> Iterable[bytes]:
    return (line for line in block.split(b"\n") if line.strip())


def _arrow(block: bytes, schema: pa.Schema) -> pa.Table:
    """A block of lines as a table, columns that are not in the schema left out.

    :raises ValueError: at least one line is spoilt; some of these are ``pa.ArrowException``.
    """
    block.decode()  # Arrow does not look whether text is UTF-8
    options = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    return arrow_json.read_json(io.BytesIO(block), parse_options=options)


def _each(block: bytes, fitted: Callable[[Any], dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """The same line by line, when at least one of them is spoilt, and how many are."""
    rows, unreadable = [], 0
    for line in _lines(block):
        try:
            rows.append(fitted(json.loads(line)))
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
            unreadable += 1
    return rows, unreadable


def _parse(block: bytes) -> tuple[pa.Table, int]:
    """A block of records as a table, and how many lines could not be read."""
    try:
        table = _arrow(block, _LINE)
        call_ids = table["call"].combine_chunks().field("call_id")
        if table["call"].null_count or call_ids.null_count:
            raise pa.ArrowInvalid("a line holds no call")
    except (pa.ArrowException, ValueError):
        return _parse_each(block)
    return table, 0


def _parse_each(block: bytes) -> tuple[pa.Table, int]:
    """The same line by line."""
    rows, unreadable = _each(block, _record)
    return pa.Table.from_pylist(rows, schema=_LINE), unreadable


def _record(row: Any) -> dict[str, Any]:
    call = _fitted(row["call"], CALLS_SCHEMA)
    if call["call_id"] is None:
        raise ValueError("no call_id")
    return {"call": call, "turns": [_fitted(turn, TURNS_SCHEMA) for turn in row.get("turns") or ()]}


def _parse_figures(block: bytes) -> tuple[pa.Table, int]:
    """A block of figures as a table, and how many lines could not be read."""
    try:
        table = _arrow(block, _FIGURES_LINE)
        if table["at"].null_count:
            raise pa.ArrowInvalid("a line has no time")
    except (pa.ArrowException, ValueError):
        rows, unreadable = _each(block, _figures_row)
        return pa.Table.from_pylist(rows, schema=_FIGURES_LINE), unreadable
    return table, 0


def _figures_row(row: Any) -> dict[str, Any]:
    typed = _fitted(row, _FIGURES)
    if typed["at"] is None:
        raise ValueError("no time")
    counts = row.get("late_histogram")
    histogram = None if counts is None else {str(int(bucket)): int(n) for bucket, n in counts.items()}
    return {**typed, "late_histogram": histogram}


def _packed(histograms: pa.StructArray) -> list[LateCounts | None]:
    """Each row's buckets as few bytes."""
    columns = [column.fill_null(0).to_numpy(zero_copy_only=False) for column in histograms.flatten()]
    dense = np.column_stack(columns) if len(histograms) else np.zeros((0, len(columns)), dtype=np.int64)
    return pack_rows(dense, histograms.is_valid().to_numpy(zero_copy_only=False))


def _fitted(row: dict[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """The row's known columns as their types, missing ones as ``None``."""
    return {field.name: _cell(row.get(field.name), field.type) for field in schema}


def _cell(value: Any, kind: pa.DataType) -> Any:
    """The value as its column's type.

    :raises TypeError: it is of another type.
    """
    if value is None:
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == pa.string() and isinstance(value, str):
        return value.encode(errors="replace").decode()
    if kind == pa.bool_() and isinstance(value, bool):
        return value
    if kind == pa.int64() and number and value == int(value) and abs(value) < 2**63:
        return int(value)
    if kind == pa.float64() and number:
        return float(value)
    raise TypeError(f"{value!r} is no {kind}")


def _frame(table: pa.Table) -> pd.DataFrame:
    # Column by column, each given back as it is taken over: a million calls must not be there twice.
    frame: pd.DataFrame = table.to_pandas(types_mapper=_PANDAS.get, split_blocks=True, self_destruct=True)
    return frame
