"""The compiled module for tests: built when it is not, with SRTP that leaves packets as they are."""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from loadkit.media.bursts import LossBursts
from loadkit.media.drift import DriftMeter, ppm_of
from loadkit.media.meter import ReceptionMeter
from loadkit.media.native_counts import NativeMeter, jitter_of, loss_burst_mean
from loadkit.media.playout import Playout
from loadkit.media.rtp import parse_rtp
from loadkit.native import MediaPoll, build
from loadkit.native.building import NotBuilt
from loadkit.native.library import MediaLibrary
from loadkit.native.structures import Event, Figures, known

PAYLOAD_TYPE = 111
SSRC = 0xC0FFEE


def library() -> MediaLibrary:
    """The module; a test that needs it is skipped where there is no compiler, but not on CI."""
    try:
        return MediaLibrary(build())
    except NotBuilt as exc:
        if "CI" in os.environ:
            raise
        pytest.skip(f"there is no compiled module: {exc}")


@contextmanager
def plain_poll() -> Iterator[MediaPoll]:
    """A poll whose SRTP leaves packets as they are."""
    loaded = library()
    poll = MediaPoll(loaded.plain, loaded.plain, loaded)
    try:
        yield poll
    finally:
        poll.close()


def open_stream(poll: MediaPoll, *, sequence: int = 0, timestamp: int = 0) -> int:
    return poll.open_stream(
        0, 0, owners=None, ssrc=SSRC, payload_type=PAYLOAD_TYPE, sequence=sequence, timestamp=timestamp
    )


def rtp(
    sequence: int,
    timestamp: int,
    *,
    ssrc: int = 1,
    payload: bytes = b"x" * 20,
    payload_type: int = PAYLOAD_TYPE,
    marker: bool = False,
    csrcs: int = 0,
    extension: int | None = None,
    padding: int = 0,
) -> bytes:
    """A packet as RFC 3550 section 5.1 has it; ``extension`` in words."""
    first = 0x80 | csrcs | (0x10 if extension is not None else 0) | (0x20 if padding else 0)
    head = struct.pack(
        "!BBHII",
        first,
        payload_type | (0x80 if marker else 0),
        sequence & 0xFFFF,
        timestamp & 0xFFFFFFFF,
        ssrc,
    )
    head += b"\1\2\3\4" * csrcs
    if extension is not None:
        head += struct.pack("!HH", 0xBEDE, extension) + b"\0\1\2\3" * extension
    return head + payload + (bytes(padding - 1) + bytes([padding]) if padding else b"")


@dataclass
class PythonFigures:
    """What loadkit/media says of the same packets, as PythonStream does it."""

    meter: ReceptionMeter = field(default_factory=lambda: ReceptionMeter(playout=Playout()))
    bursts: LossBursts = field(default_factory=LossBursts)
    drift: DriftMeter = field(default_factory=DriftMeter)
    malformed: int = 0
    payloads: list[bytes] = field(default_factory=list)

    def packet(self, data: bytes, now: float) -> None:
        try:
            packet = parse_rtp(data)
        except ValueError:
            self.malformed += 1
            return
        if packet.payload_type != PAYLOAD_TYPE:
            self.malformed += 1
            return
        size = len(packet.payload)
        if self.meter.packet(packet.ssrc, packet.sequence_number, packet.timestamp, size, now):
            self.bursts.packet(packet.ssrc, packet.sequence_number)
            self.drift.packet(packet.ssrc, packet.timestamp, now)
            self.payloads.append(packet.payload)

    def all(self) -> dict[str, object]:
        meter = self.meter
        return {
            "ssrc": meter.ssrc,
            "received": meter.packets_received,
            "expected": meter.packets_expected,
            "bytes": meter.bytes_received,
            "reordered": meter.packets_reordered,
            "duplicated": meter.packets_duplicated,
            "highest": meter.highest_sequence if meter.ssrc is not None else None,
            "first": meter.first_arrival,
            "last": meter.last_arrival,
            "gap": meter.longest_gap,
            "jitter": meter.jitter,
            "ticks": meter.jitter_ticks,
            "fraction": meter.fraction_lost(),
            "bursts": self.bursts.mean,
            "drift": self.drift.ppm,
            "playout": meter.playout_late,
            "malformed": self.malformed,
        }


def native_figures(poll: MediaPoll, stream: int, meter: NativeMeter) -> dict[str, object]:
    """The same of the module; ``meter`` is kept from one look to the next."""
    counted: Figures = poll.figures(stream)
    return {
        "ssrc": meter.ssrc,
        "received": meter.packets_received,
        "expected": counted.packets_expected,
        "bytes": counted.bytes_received,
        "reordered": counted.reordered,
        "duplicated": counted.duplicated,
        "highest": meter.highest_sequence if meter.ssrc is not None else None,
        "first": known(counted.first_arrival),
        "last": meter.last_arrival,
        "gap": known(counted.longest_gap),
        "jitter": jitter_of(counted),
        "ticks": meter.jitter_ticks,
        "fraction": meter.fraction_lost(),
        "bursts": loss_burst_mean(counted),
        "drift": ppm_of(poll.drift_points(stream)),
        "playout": counted.playout_late,
        "malformed": counted.malformed,
    }


def payloads(events: list[Event], kind: int) -> list[bytes]:
    return [event.data for event in events if event.kind == kind]


def is_nothing(value: float) -> bool:
    return math.isnan(value)
