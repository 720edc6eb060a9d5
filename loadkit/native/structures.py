"""What media.c hands over: events and figures, laid out as its structures are."""

from __future__ import annotations

import ctypes
import enum
import math
import struct
from collections.abc import Iterator
from typing import NamedTuple

_EVENT = struct.Struct("@IIQdIIII16s")
#: Bytes before the data of each event.
EVENT_SIZE = _EVENT.size

_COUNTS = (
    *("ssrc", "packets_received", "packets_expected", "bytes_received", "reordered", "duplicated", "highest"),
    *("refused", "repeated", "malformed", "burst_lost", "bursts"),
    *("packets_sent", "bytes_sent", "sequence", "timestamp", "send_failed", "frames_late", "frames_skipped"),
    *("playing", "speaking", "drift_points", "playout_late"),
)
_SECONDS = (
    *("first_arrival", "last_arrival", "longest_gap", "jitter", "late_max", "speech_since", "speech_last"),
)


class Kind(enum.IntEnum):
    """What media.c tells."""

    DATAGRAM = 1
    RTCP = 2
    PAYLOAD = 3
    FIRST_PACKET = 4
    SPEECH_BEGAN = 5
    SPEECH_SENT = 6
    SAMPLE_OVER = 7
    OUTGOING = 8


class Event(NamedTuple):
    """One thing that media.c tells."""

    kind: int
    number: int
    """Of the socket for a datagram, of the stream otherwise."""
    at: float
    """Monotonic seconds."""
    data: bytes
    source: tuple[int, bytes, int, int]
    """Of a datagram: address family, address, port, scope."""


class Figures(ctypes.Structure):
    """``struct figures``; NaN is unmeasured, and so is an SSRC of -1."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in _COUNTS),
        *((name, ctypes.c_double) for name in _SECONDS),
    ]

    ssrc: int
    packets_received: int
    packets_expected: int
    bytes_received: int
    reordered: int
    duplicated: int
    highest: int
    refused: int
    repeated: int
    malformed: int
    burst_lost: int
    bursts: int
    packets_sent: int
    bytes_sent: int
    sequence: int
    timestamp: int
    send_failed: int
    frames_late: int
    frames_skipped: int
    playing: int
    speaking: int
    drift_points: int
    playout_late: int
    first_arrival: float
    last_arrival: float
    longest_gap: float
    jitter: float
    late_max: float
    speech_since: float
    speech_last: float


def known(value: float) -> float | None:
    """A figure of media.c; None when it was not measured."""
    return None if math.isnan(value) else value


def read_events(data: bytes) -> Iterator[Event]:
    """The events that media.c has written one behind the other."""
    offset = 0
    while offset < len(data):
        kind, size, number, at, family, port, scope, _, address = _EVENT.unpack_from(data, offset)
        offset += _EVENT.size
        yield Event(kind, number, at, data[offset : offset + size], (family, address, port, scope))
        offset += (size + 7) & ~7
