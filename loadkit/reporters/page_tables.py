"""The tables of the page: every number with its definition, and the calls that are worth a look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from loadkit.analysis.percentiles import STATISTICS, largest
from loadkit.printable import printable
from loadkit.records import CallRecord, Outcome, TurnRecord, columns
from loadkit.reporters.charts_of_setup import STAGE_LABELS
from loadkit.reporters.wording import NOT_MEASURED, count, milliseconds, plain, share, size

SLOWEST = 20
FAILED = 50

_MEANINGS = {name: meaning for name, (_, meaning) in {**columns(TurnRecord), **columns(CallRecord)}.items()}


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
class TotalRow:
    """One sum or extreme."""

    name: str
    meaning: str
    value: str


@dataclass(frozen=True)
class Column:
    """One column of a table of calls; ``kind`` is its class: ``n``, ``id`` or ``text``."""

    title: str
    kind: str


@dataclass(frozen=True)
class CallTable:
    """Some calls, one row each."""

    name: str
    title: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    empty: str


def distributions(summary: Mapping[str, Any]) -> list[DistributionTable]:
    """Stages, turns of talk and media, with percentiles."""
    stages = [
        _spread(STAGE_LABELS[name], _MEANINGS[name], spread, total=name == "setup_ms")
        for name, spread in summary["stages"].items()
    ]
    caption = "in milliseconds, over the calls that got so far; a failed call counts in the stages it passed."
    tables = [DistributionTable("Stages of a call,", caption, "Stage", stages)]
    turns = summary["turns"]
    if turns["count"]:
        rows = [_spread("turn latency", _MEANINGS["turn_latency_ms"], turns["turn_latency_ms"])]
        if turns["barge_in_missed"] is not None:
            rows.append(
                _spread("stop when interrupted", _MEANINGS["barge_in_stop_ms"], turns["barge_in_stop_ms"])
            )
        tables.append(DistributionTable("Turns of talk,", "in milliseconds.", "Measure", rows))
    media = summary["media"]
    measures = (
        ("jitter", "jitter_ms", "jitter"),
        ("jitter at the gateway", "remote_jitter_ms", "remote_jitter"),
        ("round trip time", "round_trip_time_ms", "round_trip_time"),
        ("longest gap", "longest_gap_ms", "longest_gap_ms"),
    )
    rows = [_spread(name, _MEANINGS[column], media[key]) for name, key, column in measures]
    tables.append(DistributionTable("Media,", "in milliseconds, one value per call.", "Measure", rows))
    return tables


def _spread(name: str, meaning: str, spread: Mapping[str, Any], total: bool = False) -> DistributionRow:
    cells = [count(spread["count"]), *(plain(spread[statistic]) for statistic in STATISTICS[1:])]
    return DistributionRow(name, meaning, cells, total)


def totals(summary: Mapping[str, Any]) -> list[TotalRow]:
    """Sums over all calls, and the generator's own figures."""
    media, generator, turns = summary["media"], summary["generator"], summary["turns"]
    packets = ("sent", "received", "lost", "discarded", "reordered", "duplicated")
    rows = [
        TotalRow(f"packets {way}", _MEANINGS[f"packets_{way}"], count(media[f"packets_{way}"]))
        for way in packets
    ]
    lost = "packets lost, of packets expected: those received and those lost"
    rows += [
        TotalRow("fraction lost", lost, share(media["fraction_lost"], 3)),
        TotalRow(
            "lost towards the gateway", _MEANINGS["remote_packets_lost"], count(media["remote_packets_lost"])
        ),
        TotalRow("sent", _MEANINGS["bytes_sent"], size(media["bytes_sent"])),
        TotalRow("received", _MEANINGS["bytes_received"], size(media["bytes_received"])),
        TotalRow("calls without audio", _MEANINGS["no_audio"], count(media["no_audio"])),
        TotalRow("silent calls", _MEANINGS["silent_audio"], count(media["silent_audio"])),
        TotalRow("one-way calls", _MEANINGS["one_way"], count(media["one_way"])),
        TotalRow("calls whose media stopped", _MEANINGS["media_stopped"], count(media["media_stopped"])),
        TotalRow("ICE servers failed", "calls that went on without", count(summary["ice"]["servers_failed"])),
    ]
    if turns["count"]:
        rows += [
            TotalRow("turns without a reply", _MEANINGS["no_response"], count(turns["no_response"])),
            TotalRow("interrupted turns", _MEANINGS["false_interrupt"], count(turns["false_interrupt"])),
        ]
    if turns["barge_in_missed"] is not None:
        missed = count(turns["barge_in_missed"])
        rows.append(TotalRow("interruptions missed", _MEANINGS["barge_in_missed"], missed))
    rows += [
        TotalRow("engines", "processes that held calls", count(generator["engines"])),
        TotalRow(
            "lateness p50", "of packets, against the 20 ms clock", milliseconds(generator["late_ms_p50"])
        ),
        TotalRow("lateness p99", "of the packets of all engines", milliseconds(generator["late_ms_p99"])),
        TotalRow("lateness, worst", _MEANINGS["late_ms_max"], milliseconds(generator["late_ms_max"])),
        TotalRow("late packets", _MEANINGS["frames_late"], count(generator["frames_late"])),
        TotalRow("skipped packets", _MEANINGS["frames_skipped"], count(generator["frames_skipped"])),
        TotalRow("CPU, mean", "of the busiest engine, of one core", share(generator["cpu_share"], 0)),
        TotalRow(
            "CPU, most", "of any engine in one second, of one core", share(generator["cpu_share_max"], 0)
        ),
        TotalRow("loop lag, worst", "of an engine's event loop", milliseconds(generator["loop_lag_ms_max"])),
        TotalRow("memory, most", "resident, of one engine", size(generator["rss_bytes_max"])),
        TotalRow("Locust, CPU", "mean of the busiest", share(generator["locust_cpu_share"], 0)),
        TotalRow("Locust, loop lag", "worst", milliseconds(generator["locust_loop_lag_ms_max"])),
    ]
    return rows


def slowest_calls(calls: pd.DataFrame, started_at: float | None) -> CallTable:
    """The calls that took longest to set up."""
    slowest = largest(calls, "setup_ms", SLOWEST)
    left_out = int(calls["setup_ms"].notna().sum()) - len(slowest)
    rest = f"; {left_out:,} faster calls are left out" if left_out else ""
    stages = ("websocket_ms", "answer_ms", "ice_ms", "dtls_ms")
    heads = [Column("At, s", "n"), Column("Call", "id"), Column("Set-up, ms", "n")]
    heads += [Column(f"{STAGE_LABELS[name][0].upper()}{STAGE_LABELS[name][1:]}, ms", "n") for name in stages]
    heads += [Column("Path", ""), Column("Engine", ""), Column("Ended", "")]
    rows = [
        [
            _offset(call["intended_at"], started_at),
            _text(call["call_id"], 80),
            _number(call["setup_ms"]),
            *(_number(call[name]) for name in stages),
            f"{_text(call['local_candidate_type'], 20)} → {_text(call['remote_candidate_type'], 20)}",
            _text(call["engine"], 20),
            _text(call["outcome"], 20),
        ]
        for call in slowest.to_dict("records")
    ]
    caption = f"The {len(rows)} calls with the longest set-up time, slowest first{rest}. All calls are in calls.csv."
    return CallTable("slowest", "Slowest calls", caption, heads, rows, "No data: no call was connected.")


def failed_calls(calls: pd.DataFrame, started_at: float | None) -> CallTable:
    """Failed calls in the order in which they ended, some of every code."""
    failed = calls[calls["outcome"] == Outcome.FAILED]
    nth_of_code = failed.groupby("error_code", dropna=False).cumcount()
    shown = failed.loc[nth_of_code.sort_values(kind="stable").index[:FAILED]].sort_values("ended_at")
    left_out = len(failed) - len(shown)
    rest = f"; {left_out:,} more are left out, of the most frequent codes first" if left_out else ""
    heads = [Column("At, s", "n"), Column("Call", "id"), Column("Code", "id"), Column("Stage", "")]
    heads += [Column("Message", "text"), Column("Session", "id"), Column("Engine", "")]
    rows = [
        [
            _offset(call["ended_at"], started_at),
            _text(call["call_id"], 80),
            _text(call["error_code"], 60),
            _text(call["failed_stage"], 20),
            _text(call["error_message"], 300),
            _text(call["session_id"], 80),
            _text(call["engine"], 20),
        ]
        for call in shown.to_dict("records")
    ]
    caption = (
        f"{len(rows)} of {len(failed):,} failed calls, in the order in which they ended{rest}. Text from a "
    )
    caption += "gateway is shortened, and characters that cannot be seen are shown as escapes."
    return CallTable("failed", "Failed calls", caption, heads, rows, "No call failed.")


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


def _offset(at: Any, started_at: float | None) -> str:
    return NOT_MEASURED if pd.isna(at) or started_at is None else f"{at - started_at:,.1f}"


def _number(value: Any) -> str:
    return NOT_MEASURED if pd.isna(value) else plain(float(value))


def _text(value: Any, limit: int) -> str:
    return NOT_MEASURED if pd.isna(value) else printable(str(value), limit)
