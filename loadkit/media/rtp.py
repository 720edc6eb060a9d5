"""RTP headers (RFC 3550 section 5.1), for one audio source of 20 ms Opus packets."""

from __future__ import annotations

import secrets
import struct
from typing import NamedTuple

from loadkit.media import FRAME_SAMPLES

_HEADER = struct.Struct("!BBHII")
_REST_OF_HEADER = struct.Struct("!BHII")
_EXTENSION = struct.Struct("!HH")
_VERSION_2 = 0x80


class RtpPacket(NamedTuple):
    """What the meter needs of a received packet."""

    payload_type: int
    marker: bool
    sequence_number: int
    timestamp: int
    ssrc: int
    payload: bytes


def parse_rtp(data: bytes) -> RtpPacket:
    """Read one RTP packet.

    :raises ValueError: it is shorter than its own header says, or not version 2.
    """
    if len(data) < 12:
        raise ValueError(f"an RTP packet of {len(data)} bytes has no full header")
    first, second, sequence_number, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != 2:
        raise ValueError(f"RTP version {first >> 6} is not 2")
    start = 12 + 4 * (first & 0x0F)
    end = len(data)
    if first & 0x10:
        if end < start + 4:
            raise ValueError("the RTP header extension is cut off")
        start += 4 + 4 * _EXTENSION.unpack_from(data, start)[1]
    if first & 0x20:
        padding = data[-1]
        if padding == 0:
            raise ValueError("the RTP padding says that it is 0 bytes long")
        end -= padding
    if start > end:
        raise ValueError("the RTP header is longer than the packet")
    return RtpPacket(second & 0x7F, bool(second & 0x80), sequence_number, timestamp, ssrc, data[start:end])


def parse_plain(data: bytes) -> tuple[int, int, int, int] | None:
    """(marker and payload type, sequence number, timestamp, SSRC) of a packet whose payload begins at byte 12, as
    nearly all do; None of any other."""
    if len(data) < 12 or data[0] != _VERSION_2:
        return None
    return _REST_OF_HEADER.unpack_from(data, 1)


class RtpSource:
    """Numbers and stamps the packets of one source; starts at random values (RFC 3550 section 5.1).

    Counters are those of a sender report: packets and payload bytes sent.
    """

    __slots__ = ("bytes_sent", "packets_sent", "payload_type", "sequence_number", "ssrc", "timestamp")

    def __init__(self, ssrc: int, payload_type: int) -> None:
        self.ssrc = ssrc
        self.payload_type = payload_type
        # 15 bits: SRTP counts wraps on its own, and the two sides would count differently if the first
        # packets were lost around one (RFC 3711 section 3.3.1).
        self.sequence_number = secrets.randbits(15)
        self.timestamp = secrets.randbits(32)
        self.packets_sent = 0
        self.bytes_sent = 0

    def packet(self, payload: bytes, *, marker: bool = False) -> bytes:
        """The next packet, carrying 20 ms."""
        sequence_number, timestamp = self.sequence_number, self.timestamp
        self.sequence_number = sequence_number + 1 & 0xFFFF
        self.timestamp = timestamp + FRAME_SAMPLES & 0xFFFFFFFF
        self.packets_sent += 1
        self.bytes_sent += len(payload)
        second = self.payload_type | 0x80 if marker else self.payload_type
        return _HEADER.pack(_VERSION_2, second, sequence_number, timestamp, self.ssrc) + payload

    def skip(self, frames: int) -> None:
        """Let time pass without packets: the timestamp moves on, the sequence number does not."""
        self.timestamp = (self.timestamp + frames * FRAME_SAMPLES) & 0xFFFFFFFF
