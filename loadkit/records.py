"""What is kept of a call: one :class:`CallRecord` per call, one :class:`TurnRecord` per turn of talk.

A record is flat, so that it is one row of a table; every column says its unit and meaning, and the
report shows that text beside the number. Durations are in milliseconds where the name ends in ``_ms``.
Names that W3C webrtc-stats has are used as they are, in snake_case and in W3C's unit (seconds).
``None`` means *not measured* or *does not apply*; it is never written as 0.
"""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass
from typing import Any

#: Version of the record's columns; goes up when a column changes its meaning or goes away.
RECORD_VERSION = 1


class Outcome(enum.StrEnum):
    """How a call ended."""

    COMPLETED = "completed"
    """The caller's script ran to its end and the caller hung up."""
    FAILED = "failed"
    """See ``failed_stage``, ``error_code`` and ``error_message``."""
    HUNG_UP = "hung_up"
    """The gateway sent ``close``: the agent hung up, which is a good end."""
    CANCELLED = "cancelled"
    """The run stopped the caller before the script's end; neither good nor bad."""


def _column(unit: str, meaning: str, default: Any = None) -> Any:
    """A field of a record with its unit and its meaning."""
    return dataclasses.field(default=default, metadata={"unit": unit, "meaning": meaning})


@dataclass(slots=True)
class TurnRecord:
    """One turn: the caller says something and the agent replies."""

    call_id: str = _column("", "the call it belongs to", "")
    turn: int = _column("", "1 for the first turn of the call", 0)
    sample: str | None = _column("", "what the caller said")
    said_at: float | None = _column(
        "s", "when the caller's last speech frame was sent, from the connection on"
    )
    turn_latency_ms: float | None = _column(
        "ms",
        "last caller-speech frame sent → first agent-speech frame arrived; None when no reply was heard, or the"
        " engine stood still in the caller's words or when the reply came",
    )
    reply_ms: float | None = _column(
        "ms",
        "length of the reply, first to last agent-speech frame heard in the turn; None when the engine stood still"
        " at either",
    )
    no_response: bool = _column("", "no agent speech within the script's time-out", False)
    false_interrupt: bool = _column(
        "",
        "agent speech started while caller speech was still being sent, and the engine had not stood still in it",
        False,
    )
    barge_in_stop_ms: float | None = _column(
        "ms",
        "first interrupting caller-speech frame sent → last agent-speech frame before 400 ms of silence; None"
        " when the turn interrupted nothing, the agent talked on, or the engine stood still meanwhile",
    )
    barge_in_missed: bool | None = _column(
        "",
        "the agent talked on for 2 s after it was interrupted; None when the turn interrupted nothing, or the engine"
        " stood still meanwhile",
    )
    stood_still_ms: float | None = _column(
        "ms",
        "longest time of 400 ms and more for which the engine stood still in the turn: what that may have delayed or"
        " broken off is not measured; None when it did not",
    )


@dataclass(slots=True)
class CallRecord:
    """One call, from its intended start to its end."""

    # who
    call_id: str = _column("", "unique in all runs", "")
    record_version: int = _column("", "version of these columns", RECORD_VERSION)
    run_id: str = _column("", "the run it belongs to", "")
    worker: str = _column("", "Locust process that placed the call: 'local' or 'worker-<index>'", "")
    engine: str = _column("", "engine process that held the call: '<worker>.<number>'", "")
    user: str = _column("", "Locust user: class and number", "")
    scenario: str = _column("", "Locust task that placed the call", "")
    arrival: int | None = _column(
        "", "number of the arrival that the call belongs to, from 0; None without --arrival-rate or --stages"
    )
    mode: str = _column("", "mode asked for in the offer", "")
    sample: str | None = _column("", "first audio sample played")
    call_sid: str = _column("", "callSid sent in the offer, unique per call", "")
    session_id: str | None = _column("", "sessionId that the gateway assigned; None when no answer came")

    # when
    intended_at: float | None = _column("unix s", "when the call was meant to start")
    started_at: float | None = _column("unix s", "when it did start; None when it never did")
    ended_at: float | None = _column("unix s", "when it ended")
    start_delay_ms: float | None = _column("ms", "intended start → real start: lateness of the tester itself")
    duration_ms: float | None = _column("ms", "real start → end")
    connected_ms: float | None = _column("ms", "media can flow → end; None when the call never connected")

    # how it ended
    outcome: str = _column("", "completed, failed, hung_up (by the gateway) or cancelled", "")
    failed_stage: str | None = _column("", "stage in which the call failed")
    error_code: str | None = _column("", "the gateway's code, verbatim, or one of loadkit's own")
    error_message: str | None = _column("", "what happened; text from the gateway is untrusted")

    # set-up, stage by stage
    ice_servers_ms: float | None = _column("ms", "ICE servers: request → response")
    ice_servers_count: int | None = _column("", "ICE servers received; None when the request failed")
    ice_servers_error: str | None = _column(
        "", "why the ICE servers could not be had; the call went on without"
    )
    websocket_ms: float | None = _column("ms", "start of connecting → WebSocket open (TCP, TLS and upgrade)")
    gathering_ms: float | None = _column("ms", "start of gathering → all local candidates")
    answer_ms: float | None = _column("ms", "offer sent → answer received")
    ice_ms: float | None = _column(
        "ms", "first connectivity check possible (answer applied) → a candidate pair is selected"
    )
    dtls_ms: float | None = _column("ms", "pair selected → DTLS handshake done")
    setup_ms: float | None = _column("ms", "intended start → media can flow (DTLS done)")
    first_packet_ms: float | None = _column("ms", "DTLS done → first RTP packet received")
    first_audio_ms: float | None = _column("ms", "DTLS done → first packet that is not silence")
    greeting_ms: float | None = _column(
        "ms",
        "DTLS done → first frame of agent speech; None when none was heard, or the engine stood still at either",
    )

    # the path
    ice_path: str | None = _column(
        "", "path asked for: any, direct, relay-udp, relay-tcp or relay-tls; None for a record that has none"
    )
    local_candidate_type: str | None = _column("", "selected pair, our side: host, srflx, prflx or relay")
    remote_candidate_type: str | None = _column("", "selected pair, the gateway's side")
    relay_protocol: str | None = _column(
        "", "selected pair: udp, tcp or tls to our TURN server; None without a relay of ours"
    )
    local_address: str | None = _column(
        "", "address of ours that media went out from; of a call that never connected, the one asked for"
    )
    turn_url: str | None = _column("", "TURN server that was asked for a relay, the last of them")
    relay_ms: float | None = _column("ms", "relay asked for → allocated at the TURN server")
    turn_error: str | None = _column(
        "", "why no TURN server gave a relay; with the path 'any' the call went on without"
    )
    ice_servers_left_out: int | None = _column(
        "", "URLs of ICE servers not used: not usable, or not on the loopback of a loopback gateway"
    )
    local_candidates: int | None = _column("", "local candidates gathered")
    remote_candidates: int | None = _column("", "candidates received from the gateway")
    dtls_role: str | None = _column("", "our DTLS role: client or server")
    tls_version: str | None = _column("", "DTLS version negotiated")
    dtls_cipher: str | None = _column("", "DTLS cipher suite negotiated")
    srtp_cipher: str | None = _column("", "SRTP protection profile negotiated")
    codec: str | None = _column("", "codec negotiated, with its parameters")
    end_of_candidates_early: bool | None = _column(
        "", "the gateway told of candidates after their end; None when it never told the end"
    )
    signaling_close_code: int | None = _column(
        "",
        "close code of the WebSocket when it was lost, the last time; 1006 when it was torn; None when it was"
        " not lost",
    )
    signaling_reconnects: int = _column("", "times the WebSocket was lost and opened again", 0)
    signaling_dropped: int = _column("", "frames from the gateway that could not be used and were dropped", 0)

    media_path: str | None = _column(
        "",
        "what carried the call's packets: native, python or stock (aiortc's own); None when media never started",
    )

    # media, on packets as they arrived (W3C webrtc-stats names and units)
    packets_sent: int | None = _column("", "RTP packets sent")
    bytes_sent: int | None = _column("B", "RTP payload bytes sent")
    packets_received: int | None = _column("", "RTP packets received, duplicates left out")
    bytes_received: int | None = _column("B", "RTP payload bytes received")
    packets_lost: int | None = _column("", "RFC 3550: packets expected less packets received")
    loss_burst_mean: float | None = _column(
        "", "mean number of packets lost in a row; None when none was lost"
    )
    packets_discarded: int | None = _column(
        "", "arrived but unusable: not authentic, not RTP, unknown payload type"
    )
    packets_reordered: int | None = _column("", "arrived after a packet with a higher sequence number")
    packets_duplicated: int | None = _column("", "arrived more than once")
    playout_late_simulated: int | None = _column(
        "",
        "packets that a listener with 60 ms of playout would have thrown away as too late; simulated;"
        " None when the engine stood still and does not know when they came",
    )
    jitter: float | None = _column("s", "RFC 3550 interarrival jitter at the end of the call")
    longest_gap_ms: float | None = _column("ms", "longest time between two received packets")
    clock_drift_ppm: float | None = _column(
        "ppm",
        "the gateway's media clock against ours, positive when it is too fast, give or take 100;"
        " None when the call was too short or too jittery to tell",
    )
    round_trip_time: float | None = _column("s", "mean round trip time out of RTCP reports")
    remote_packets_lost: int | None = _column("", "of our packets, lost on the way to the gateway (its RTCP)")
    remote_jitter: float | None = _column("s", "jitter of our packets at the gateway (its RTCP)")

    mos: float | None = _column(
        "",
        "1 to 4.5: what the path left of speech, by the E-model (ITU-T G.107.2, reduced) for Opus at 40 kbit/s, with"
        " a simulated playout of 60 ms; None without a round trip time, or as playout_late_simulated",
    )

    # what was heard
    audio_level: float | None = _column(
        "0..1", "loudest 20 ms heard, linear; None unless the call listened throughout"
    )
    no_audio: bool | None = _column("", "no RTP within 2 s of connecting")
    silent_audio: bool | None = _column("", "RTP came, but nothing above −60 dBFS")
    one_way: bool | None = _column(
        "",
        "echo mode: for 2 s and more, sound went out and none came back; other modes: RTP comes, but the"
        " gateway's RTCP knows none of ours",
    )
    media_stopped: bool | None = _column("", "RTP had come, but none in the last 2 s of the call")
    turns: int | None = _column("", "turns of talk in the call; None when the call did not listen")

    # the tester's own punctuality
    late_ms_max: float | None = _column("ms", "worst lateness of a packet against the 20 ms clock")
    frames_late: int | None = _column("", "packets sent more than 10 ms late")
    frames_skipped: int | None = _column("", "packets never sent because the engine had stalled")
    stood_still_ms: float | None = _column(
        "ms",
        "longest time of 400 ms and more for which the engine stood still while connected; None when it did not",
    )


def to_row(record: CallRecord | TurnRecord) -> dict[str, Any]:
    """The record as a plain mapping, column → value."""
    return {name: getattr(record, name) for name in _NAMES[type(record)]}


_NAMES: dict[type, tuple[str, ...]] = {
    record_type: tuple(field.name for field in dataclasses.fields(record_type))
    for record_type in (CallRecord, TurnRecord)
}


def columns(record_type: type[CallRecord] | type[TurnRecord]) -> dict[str, tuple[str, str]]:
    """Column → (unit, meaning), in the order of the columns."""
    return {
        field.name: (field.metadata["unit"], field.metadata["meaning"])
        for field in dataclasses.fields(record_type)
    }


#: The stages of a call's set-up in the order in which they end, for tables and waterfalls.
STAGES: tuple[str, ...] = (
    "ice_servers_ms",
    "websocket_ms",
    "gathering_ms",
    "answer_ms",
    "ice_ms",
    "dtls_ms",
    "setup_ms",
    "first_packet_ms",
    "first_audio_ms",
)
