"""Broken media: changed where the gateway's packets leave."""

from __future__ import annotations

import struct

from .base import BROKEN, Broken


def _header(packet: bytes, *, payload_type: int | None = None, ticks: int = 0, ssrc: int = 0) -> bytes:
    first, second, number, timestamp, source = struct.unpack_from("!BBHII", packet)
    if payload_type is not None:
        second = payload_type
    timestamp = (timestamp + ticks) & 0xFFFFFFFF
    return struct.pack("!BBHII", first, second, number, timestamp, source ^ ssrc) + packet[12:]


def _odd(packet: bytes) -> bool:
    return bool(packet[3] & 1)


def _no_packets_counted(packet: bytes) -> bytes:
    """A sender report (type 200) with a packet count of 0; it is the first of its compound."""
    return packet[:20] + bytes(4) + packet[24:] if packet[1] == 200 else packet


BROKEN += [
    Broken(
        "EchoChangesWhatItHears",
        frozenset({"media.echo-payload"}),
        rtp=lambda packet: packet[:-1] + bytes([packet[-1] ^ 1]),
    ),
    Broken("TwoSsrcs", frozenset({"media.ssrc"}), rtp=lambda packet: _header(packet, ssrc=int(_odd(packet)))),
    Broken(
        "TimestampsShake",
        frozenset({"media.timestamps"}),
        rtp=lambda packet: _header(packet, ticks=int(_odd(packet))),
    ),
    Broken(
        "AnotherPayloadType",
        frozenset({"media.payload-type"}),
        rtp=lambda packet: _header(packet, payload_type=0),
    ),
    Broken(
        "HalfOfTheEcho",
        frozenset({"media.echo-returns", "media.sequence-numbers", "media.timestamps"}),
        rtp=lambda packet: None if _odd(packet) else packet,
    ),
    Broken(
        "NoRtcp",
        frozenset({"rtcp.compound", "rtcp.sender-report", "rtcp.reception"}),
        rtcp=lambda packet: None,
    ),
    Broken("ReportsCountNothing", frozenset({"rtcp.sender-report"}), rtcp=_no_packets_counted),
]
