"""The last lines of a call, out of its record: outcome, stages, media, what was heard."""

from __future__ import annotations

import math
from collections.abc import Iterator

from loadkit.errors import CODES
from loadkit.printable import printable
from loadkit.probe.narration import milliseconds
from loadkit.probe.one_call import CallResult
from loadkit.records import CallRecord, Outcome, TurnRecord, to_row

#: Column, what it is called, whether it is part of the set-up time.
_STAGES = (
    ("ice_servers_ms", "ICE servers"),
    ("websocket_ms", "WebSocket"),
    ("answer_ms", "answer"),
    ("gathering_ms", "gathering (beside the answer)"),
    ("ice_ms", "ICE"),
    ("dtls_ms", "DTLS"),
    ("setup_ms", "set-up in all"),
    ("first_packet_ms", "then: first packet"),
    ("first_audio_ms", "then: first sound"),
    ("greeting_ms", "then: first speech"),
)
_NAME_WIDTH, _VALUE_WIDTH = 32, 12


def outcome_sentence(result: CallResult) -> str:
    """How the call ended."""
    record = result.record
    talked = "" if record.connected_ms is None else f" after {record.connected_ms / 1000:.1f} s of media"
    match record.outcome:
        case Outcome.COMPLETED:
            return f"completed: we hung up{talked}"
        case Outcome.HUNG_UP:
            return f"was hung up by the gateway{talked}, which is a good end"
        case Outcome.CANCELLED:
            return (
                f"was interrupted{talked}"
                if record.connected_ms is not None
                else "was interrupted before it was connected"
            )
    return f"FAILED in stage {record.failed_stage}{talked}"


def error_lines(record: CallRecord) -> Iterator[str]:
    """The error, what it means and what to look at; nothing when there is none."""
    if record.error_code is None:
        return
    yield f"{printable(record.error_code, 100)}: {printable(record.error_message or '', 1000)}"
    known = CODES.get(record.error_code)
    if known is None:
        yield "The gateway's own code; loadkit does not know it."
        return
    yield f"It means: {known.meaning}."
    yield f"Look at: {known.look_at}."


def stage_lines(record: CallRecord) -> Iterator[str]:
    """Each stage with its time; those that did not come to pass are left out."""
    for column, name in _STAGES:
        value = getattr(record, column)
        if value is not None:
            yield f"{name:{_NAME_WIDTH}}{milliseconds(value):>{_VALUE_WIDTH}}"


def path_lines(record: CallRecord) -> Iterator[str]:
    """The selected pair and what was negotiated."""
    row = to_row(record)
    if record.local_candidate_type is not None:
        relay = f", to the TURN server by {row['relay_protocol']}" if row.get("relay_protocol") else ""
        yield f"path: {record.local_candidate_type} → {record.remote_candidate_type}{relay}"
    if record.codec is not None:
        yield f"codec: {printable(record.codec, 200)}"
    if record.tls_version is not None:
        yield f"DTLS: {record.tls_version}, {record.dtls_cipher}, {record.srtp_cipher}"
    if record.signaling_reconnects:
        yield f"signaling: the WebSocket was lost and opened again, {record.signaling_reconnects} times"
    if record.signaling_dropped:
        yield f"signaling: {record.signaling_dropped} messages of the gateway could not be used"


def media_lines(record: CallRecord) -> Iterator[str]:
    """Packets both ways, loss, jitter, round trip; nothing when media never flowed."""
    if record.packets_sent is None:
        return
    yield (
        f"sent: {record.packets_sent:,} packets; the gateway misses {_count(record.remote_packets_lost)}"
        + (f", sees a jitter of {_ms(record.remote_jitter)}" if record.remote_jitter is not None else "")
    )
    if not record.packets_received:
        yield "received: nothing"
    else:
        yield (
            f"received: {record.packets_received:,} packets, lost {_count(record.packets_lost)},"
            f" jitter {_ms(record.jitter)}, longest gap {milliseconds(record.longest_gap_ms)}"
        )
    yield f"round trip: {_ms(record.round_trip_time)}" + (
        "" if record.round_trip_time is not None else " (no RTCP report came in time)"
    )
    if record.silent_audio:
        yield "heard: silence only"
    elif record.audio_level is not None:
        yield f"heard: loudest 20 ms {_dbfs(record.audio_level)}"


def turn_lines(turns: list[TurnRecord]) -> Iterator[str]:
    """Each turn with its latency."""
    for turn in turns:
        if turn.no_response:
            text = "no reply"
        elif turn.turn_latency_ms is None and turn.stood_still_ms is not None:
            text = f"not measured: this process stood still for {milliseconds(turn.stood_still_ms)}"
        elif turn.turn_latency_ms is None:
            text = "the agent spoke before we had finished" if turn.false_interrupt else "not waited for"
        else:
            length = "" if turn.reply_ms is None else f", {turn.reply_ms / 1000:.1f} s long"
            text = f"reply after {milliseconds(turn.turn_latency_ms)}{length}"
        yield f"turn {turn.turn}: {text}"


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _ms(seconds: float | None) -> str:
    return milliseconds(None if seconds is None else seconds * 1000)


def _dbfs(level: float) -> str:
    return "none" if level <= 0 else f"{20 * math.log10(level):.1f} dBFS".replace("-", "−")
