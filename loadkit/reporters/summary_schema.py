"""The JSON Schema (2020-12) of ``summary.json``, and that of a line of ``records.jsonl``.

Where we own the keys, no other is allowed: a key that is added to the summary and not here fails a test. To add one,
add a line below; ``python -m tests.reporters.schema_files`` then writes ``docs/summary.schema.json`` anew, with the
meaning of each key out of the table in ``docs/summary.md``. Keys that may be missing, because older versions did not
write them, are named in ``optional``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Container
from typing import Any

from loadkit.analysis.percentiles import STATISTICS
from loadkit.analysis.summary import SUMMARY_VERSION, TIMINGS
from loadkit.records import RECORD_VERSION, CallRecord, Outcome, TurnRecord

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_NUMBER: Schema = {"type": "number"}
_AMOUNT: Schema = {"type": "number", "minimum": 0}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_OPINION: Schema = {"type": "number", "minimum": 1, "maximum": 4.5}
_SPREAD: Schema = {"$ref": "#/$defs/distribution"}


def _or_null(schema: Schema) -> Schema:
    """What is ``null`` when it was not measured or does not apply."""
    if set(schema) <= {"type", "minimum", "maximum"} and isinstance(schema["type"], str):
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def _object(optional: Container[str] = (), **properties: Schema) -> Schema:
    """An object with these keys and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _all(schema: Schema, *names: str) -> dict[str, Schema]:
    return dict.fromkeys(names, schema)


def _by_name(schema: Schema) -> Schema:
    """An object whose keys are names out of the run: codes, stages, processes."""
    return {"type": "object", "additionalProperties": schema}


_TIMES = _or_null(_AMOUNT)
_COUNTED = _or_null(_COUNT)

_DISTRIBUTION = _object(count=_COUNT, **_all(_or_null(_NUMBER), *(n for n in STATISTICS if n != "count")))

_RUN = _object(
    ("aborted", "lines_missing"),
    started_at=_or_null(_NUMBER),
    ended_at=_or_null(_NUMBER),
    duration_s=_TIMES,
    ended_by=_or_null(_TEXT),
    aborted=_or_null(_TEXT),
    workers_lost=_COUNT,
    tls_insecure=_or_null(_FLAG),
    lines_missing=_COUNT,
    unreadable_lines=_COUNT,
)

_CALLS = _object(
    total=_COUNT,
    **_all(_COUNT, *map(str, Outcome)),
    connected=_COUNT,
    connected_minutes=_TIMES,
    callers=_COUNT,
    concurrent_max=_COUNT,
)

_TRAFFIC = _object(
    **_all(_or_null(_TEXT), "rate", "kind"),
    seed=_COUNTED,
    call_duration={"type": ["string", "number", "null"]},
    mean_call_duration_s=_TIMES,
    max_concurrent=_COUNTED,
    **_all(_TIMES, "offered_erlang", "offered_erlang_peak", "expected_erlang", "carried_erlang"),
    steady=_or_null(_object(**_all(_AMOUNT, "seconds", "offered_erlang", "carried_erlang"))),
    arrivals=_object(
        **_all(_COUNT, "intended", "on_time", "late"),
        late_limit_ms=_AMOUNT,
        **_all(_COUNT, "dropped", "dropped_max_concurrent", "dropped_no_engine"),
        not_started={"type": "integer"},
    ),
)

_AGAINST_LOAD = _object(
    **_all(_COUNT, "calls", "calls_left_out"),
    bins={
        "type": "array",
        "items": _object(
            **_all({"type": "integer", "minimum": 1}, "from", "to"),
            mean={"type": "number", "minimum": 1},
            **_all(_COUNT, "calls", "finished", "failed"),
            failed_share=_or_null(_SHARE),
            setup_ms=_object(count=_COUNT, **_all(_or_null(_NUMBER), "p50", "p95")),
        ),
    },
)

_TURNS = _object(
    count=_COUNT,
    turn_latency_ms=_SPREAD,
    no_response=_COUNTED,
    false_interrupt=_COUNTED,
    barge_in_stop_ms=_SPREAD,
    barge_in_missed=_COUNTED,
)

_MEDIA = _object(
    **_all(_COUNTED, "packets_sent", "packets_received"),
    # RFC 3550: duplicates make it negative.
    packets_lost=_or_null({"type": "integer"}),
    **_all(_COUNTED, "packets_discarded", "packets_reordered", "packets_duplicated"),
    **_all(_COUNTED, "bytes_sent", "bytes_received"),
    remote_packets_lost=_or_null({"type": "integer"}),
    fraction_lost=_or_null(_SHARE),
    **_all(_SPREAD, "jitter_ms", "remote_jitter_ms", "round_trip_time_ms", "longest_gap_ms"),
    **_all(_COUNTED, "no_audio", "silent_audio", "one_way", "media_stopped"),
)

_QUALITY = _object(
    mos=_object(count=_COUNT, **_all(_or_null(_OPINION), "min", "p1", "p5", "p50", "mean")),
    playout_late_simulated=_COUNTED,
    model=_TEXT,
)

_SESSIONS = _object(
    **_all(_COUNT, "looks", "looks_failed"),
    errors=_by_name(_COUNT),
    round_trip_ms=_SPREAD,
    **_all(_COUNTED, "before", "active_max"),
    left=_or_null({"type": "integer"}),
    left_state={"enum": ["gone", "stay", "change", None]},
    looked_on_s=_or_null(_NUMBER),
    series=_object(**_all({"type": "array", "items": _NUMBER}, "offset_s", "active", "held", "difference")),
)

_DRIFT_STATUS: Schema = {"enum": ["drifts", "steady", "too short to say"]}

_DRIFT_ROW = _object(
    measure=_TEXT,
    process=_or_null(_TEXT),
    unit=_TEXT,
    judged=_FLAG,
    status=_DRIFT_STATUS,
    direction={"enum": ["worse", "better", "up", "down", None]},
    **_all(_or_null(_NUMBER), "first", "last", "change", "floor"),
    allowance=_or_null(_NUMBER),
    **_all(_or_null(_NUMBER), "slope_per_h", "slope_low", "slope_high", "correlation"),
    pieces=_COUNT,
    series=_or_null(
        _object(
            offset_s={"type": "array", "items": _NUMBER},
            value={"type": "array", "items": _or_null(_NUMBER)},
        )
    ),
)

_DRIFT = _object(
    status=_DRIFT_STATUS,
    direction={"enum": ["worse", "better", None]},
    sentence=_TEXT,
    **_all(_NUMBER, "from_s", "to_s", "confidence"),
    measures={"type": "array", "items": _DRIFT_ROW},
)

_PATH = _object(
    **_all(_COUNT, "calls", "failed"),
    errors=_by_name(_COUNT),
    **_all(_SPREAD, "setup_ms", "ice_ms", "relay_ms", "round_trip_time_ms"),
    **_all(_COUNT, "relayed", "without_relay"),
    pairs=_by_name(_COUNT),
)

_PROCESS = _object(
    kind={"enum": ["engine", "locust"]},
    seconds=_COUNT,
    calls_max=_COUNTED,
    **_all(_TIMES, "cpu_share", "cpu_share_max", "packets_sent_per_s", "packets_received_per_s"),
    **_all(_TIMES, "late_ms_p50", "late_ms_p99", "late_ms_max", "loop_lag_ms_p50", "loop_lag_ms_max"),
    **_all(_COUNTED, "frames_late", "frames_skipped", "rss_bytes_max", "open_files_max"),
    **_all(_COUNTED, "sockets_max", "threads_max"),
)

_GENERATOR = _object(
    fit=_or_null(_FLAG),
    unfit_reasons={"type": "array", "items": _TEXT},
    limits=_object(**_all(_TIMES, "late_ms", "loop_lag_ms", "cpu_share")),
    engines=_COUNT,
    **_all(_TIMES, "late_ms_p50", "late_ms_p99", "late_ms_max"),
    **_all(_COUNTED, "frames_late", "frames_skipped"),
    **_all(_TIMES, "cpu_share", "cpu_share_sustained", "cpu_share_max", "loop_lag_ms_max"),
    rss_bytes_max=_COUNTED,
    **_all(_TIMES, "locust_cpu_share", "locust_loop_lag_ms_max"),
    processes=_by_name(_PROCESS),
)

_THRESHOLD = _object(
    **_all(_TEXT, "name", "text", "subject"),
    operator={"enum": ["<", "<=", ">", ">="]},
    limit=_NUMBER,
    unit=_TEXT,
    value=_or_null(_NUMBER),
    count=_COUNTED,
    needs=_COUNT,
    status={"enum": ["pass", "fail", "no data"]},
    sentence=_TEXT,
    where=_by_name(_TEXT),
)

_SLO = _object(
    warm_up_s=_AMOUNT,
    **_all(_COUNT, "calls", "calls_left_out"),
    gateway_broke=_FLAG,
    failed_apart=_COUNT,
    failed_apart_errors=_by_name(_COUNT),
)

_VERDICT = _object(
    status={"enum": ["pass", "fail", "no data", "unfit generator"]},
    sentence=_TEXT,
)


#: Keys that summaries of older versions do not have.
LATER = frozenset({"quality", "thresholds", "slo", "sessions", "drift", "against_load"})


def summary_schema() -> Schema:
    """The schema of ``summary.json``."""
    return {
        "$schema": _DIALECT,
        "$id": f"urn:loadkit:schema:summary:{SUMMARY_VERSION}",
        "title": "summary.json",
        "description": "A run of loadkit in numbers. null means not measured; it is never written as 0.",
        **_object(
            optional=LATER,
            version={"const": SUMMARY_VERSION},
            run_id=_or_null(_TEXT),
            run=_RUN,
            calls=_CALLS,
            errors=_by_name(_COUNT),
            failed_stages=_by_name(_COUNT),
            stages=_object(**_all(_SPREAD, *TIMINGS)),
            traffic=_or_null(_TRAFFIC),
            against_load=_or_null(_AGAINST_LOAD),
            worst_stage=_or_null(_object(stage={"enum": list(TIMINGS)}, p95=_NUMBER)),
            turns=_TURNS,
            media=_MEDIA,
            quality=_QUALITY,
            ice=_object(pairs=_by_name(_COUNT), servers_failed=_COUNT),
            paths=_by_name(_PATH),
            generator=_GENERATOR,
            thresholds={"type": "array", "items": _THRESHOLD},
            slo=_or_null(_SLO),
            sessions=_or_null(_SESSIONS),
            drift=_or_null(_DRIFT),
            verdict=_VERDICT,
        ),
        "$defs": {"distribution": _DISTRIBUTION},
    }


def record_schema() -> Schema:
    """The schema of a line of ``records.jsonl``, made from the columns of the record."""
    return {
        "$schema": _DIALECT,
        "$id": f"urn:loadkit:schema:record:{RECORD_VERSION}",
        "title": "a line of records.jsonl",
        "description": "One call and its turns. null means not measured, or does not apply.",
        **_object(call=_row(CallRecord), turns={"type": "array", "items": _row(TurnRecord)}),
    }


_KINDS = {"str": _TEXT, "int": {"type": "integer"}, "float": _NUMBER, "bool": _FLAG}


def _row(record_type: type[CallRecord] | type[TurnRecord]) -> Schema:
    columns = {}
    for field in dataclasses.fields(record_type):
        kind, _, null = str(field.type).partition(" | ")
        column = _or_null(_KINDS[kind]) if null else dict(_KINDS[kind])
        unit = f" ({field.metadata['unit']})" if field.metadata["unit"] else ""
        columns[field.name] = {**column, "description": f"{field.metadata['meaning']}{unit}"}
    return _object(**columns)
