"""The columns of a run's raw files as Arrow types, and a row fitted to them.

Calls and turns follow :mod:`loadkit.records`; the other files have theirs here.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pyarrow as pa

from loadkit.lateness import OVERFLOW
from loadkit.records import CallRecord, TurnRecord

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

_ARROW = {"str": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}


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

#: A line of ``records.jsonl``.
RECORD_LINE = pa.schema(
    [("call", pa.struct(list(CALLS_SCHEMA))), ("turns", pa.list_(pa.struct(list(TURNS_SCHEMA))))]
)

FIGURES = pa.schema(
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
FIGURES_LINE = FIGURES.append(
    pa.field("late_histogram", pa.struct([(str(bucket), pa.int64()) for bucket in range(OVERFLOW + 1)]))
)

ARRIVALS = pa.schema(
    [
        ("at", pa.float64()),
        ("second", pa.int64()),
        ("intended", pa.int64()),
        ("dropped_max_concurrent", pa.int64()),
        ("dropped_no_engine", pa.int64()),
    ]
)

HEALTH = pa.schema(
    [
        ("at", pa.float64()),
        ("status", pa.int64()),
        ("active_sessions", pa.int64()),
        ("round_trip_ms", pa.float64()),
        ("error", pa.string()),
    ]
)


def fitted(row: dict[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """The row's known columns as their types, missing ones as ``None``.

    :raises TypeError: a value is of another type.
    """
    return {field.name: _cell(row.get(field.name), field.type) for field in schema}


def _cell(value: Any, kind: pa.DataType) -> Any:
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
