"""The calls that are worth a look: the slowest and the failed ones."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loadkit.analysis.percentiles import largest
from loadkit.printable import printable
from loadkit.records import Outcome
from loadkit.reporters.charts_of_setup import STAGE_LABELS
from loadkit.reporters.page_tables import MEANINGS, CallTable, Column
from loadkit.reporters.wording import NOT_MEASURED, capital, clocks, plain

SLOWEST = 20
FAILED = 50

_AT_INTENDED = Column("At, s", "n", f"{MEANINGS['intended_at']}, in seconds since the start of the run")
_AT_ENDED = Column("At, s", "n", f"{MEANINGS['ended_at']}, in seconds since the start of the run")
_CLOCK = Column("UTC", "", "the same moment by the clock, to find it in the gateway's log")
_CALL = Column("Call", "id", f"call_id in calls.csv: {MEANINGS['call_id']}")
_ENGINE = Column("Engine", "", MEANINGS["engine"])


def slowest_calls(calls: pd.DataFrame, started_at: float | None) -> CallTable:
    """The calls that took longest to set up."""
    slowest = largest(calls, "setup_ms", SLOWEST)
    left_out = int(calls["setup_ms"].notna().sum()) - len(slowest)
    rest = f"; {left_out:,} faster calls are left out" if left_out else ""
    stages = ("websocket_ms", "answer_ms", "ice_ms", "dtls_ms")
    heads = [
        _AT_INTENDED,
        _CLOCK,
        _CALL,
        Column("Set-up, ms", "n", MEANINGS["setup_ms"]),
        *(Column(f"{capital(STAGE_LABELS[name])}, ms", "n", MEANINGS[name]) for name in stages),
        Column("Pair", "", f"{MEANINGS['local_candidate_type']} → {MEANINGS['remote_candidate_type']}"),
        _ENGINE,
        Column("Ended", "", MEANINGS["outcome"]),
    ]
    rows = [
        [
            _offset(call["intended_at"], started_at),
            clock,
            _text(call["call_id"], 80),
            _number(call["setup_ms"]),
            *(_number(call[name]) for name in stages),
            f"{_text(call['local_candidate_type'], 20)} → {_text(call['remote_candidate_type'], 20)}",
            _text(call["engine"], 20),
            _text(call["outcome"], 20),
        ]
        for call, clock in zip(slowest.to_dict("records"), _clocks(slowest["intended_at"]), strict=True)
    ]
    caption = f"The {len(rows)} calls with the longest set-up time, slowest first{rest}. All calls are in calls.csv."
    return CallTable(
        "slowest", "Slowest calls", caption, heads, rows, "No data: no call was connected.", True
    )


def failed_calls(calls: pd.DataFrame, started_at: float | None) -> CallTable:
    """Failed calls in the order in which they ended, some of every code."""
    failed = calls.loc[calls["outcome"] == Outcome.FAILED, ["error_code", "ended_at"]]
    nth_of_code = failed.groupby("error_code", dropna=False).cumcount()
    shown = calls.loc[nth_of_code.sort_values(kind="stable").index[:FAILED]].sort_values("ended_at")
    left_out = len(failed) - len(shown)
    rest = f"; {left_out:,} more are left out, of the most frequent codes first" if left_out else ""
    heads = [
        _AT_ENDED,
        _CLOCK,
        _CALL,
        Column("Code", "id", MEANINGS["error_code"]),
        Column("Stage", "", MEANINGS["failed_stage"]),
        Column("Message", "text", MEANINGS["error_message"]),
        Column("Session", "id", MEANINGS["session_id"]),
        _ENGINE,
    ]
    rows = [
        [
            _offset(call["ended_at"], started_at),
            clock,
            _text(call["call_id"], 80),
            _text(call["error_code"], 60),
            _text(call["failed_stage"], 20),
            _text(call["error_message"], 300),
            _text(call["session_id"], 80),
            _text(call["engine"], 20),
        ]
        for call, clock in zip(shown.to_dict("records"), _clocks(shown["ended_at"]), strict=True)
    ]
    caption = (
        f"{len(rows)} of {len(failed):,} failed calls, in the order in which they ended{rest}. Text from a gateway is "
        "shortened, and characters that cannot be seen are shown as escapes."
    )
    return CallTable("failed", "Failed calls", caption, heads, rows, "No call failed.", True)


def _offset(at: Any, started_at: float | None) -> str:
    return NOT_MEASURED if pd.isna(at) or started_at is None else f"{at - started_at:,.1f}"


def _clocks(moments: pd.Series[Any]) -> list[str]:
    return clocks([None if pd.isna(at) else float(at) for at in moments])


def _number(value: Any) -> str:
    return NOT_MEASURED if pd.isna(value) else plain(float(value))


def _text(value: Any, limit: int) -> str:
    return NOT_MEASURED if pd.isna(value) else printable(str(value), limit)
