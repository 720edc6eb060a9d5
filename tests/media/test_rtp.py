"""RTP packets, against aiortc's own parser as a second reader."""

from __future__ import annotations

import re
import struct

import aiortc.rtp
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from loadkit.media import FRAME_SAMPLES
from loadkit.media.rtp import RtpSource, parse_rtp


@given(
    ssrc=st.integers(0, 2**32 - 1),
    payload_type=st.integers(0, 127),
    payload=st.binary(max_size=200),
    marker=st.booleans(),
    sequence_number=st.integers(0, 2**16 - 1),
    timestamp=st.integers(0, 2**32 - 1),
)
def test_what_a_source_sends_is_read_alike_by_us_and_by_aiortc(
    ssrc: int, payload_type: int, payload: bytes, marker: bool, sequence_number: int, timestamp: int
) -> None:
    source = RtpSource(ssrc, payload_type)
    source.sequence_number, source.timestamp = sequence_number, timestamp
    data = source.packet(payload, marker=marker)
    ours, theirs = parse_rtp(data), aiortc.rtp.RtpPacket.parse(data)
    assert ours == (payload_type, marker, sequence_number, timestamp, ssrc, payload)
    assert theirs.payload_type == payload_type
    assert theirs.marker == int(marker)
    assert theirs.sequence_number == sequence_number
    assert theirs.timestamp == timestamp
    assert theirs.ssrc == ssrc
    assert theirs.payload == payload


@given(
    csrc=st.lists(st.integers(0, 2**32 - 1), max_size=15),
    extension=st.none() | st.binary(max_size=40),
    padding=st.integers(0, 255),
    payload=st.binary(max_size=60),
)
def test_csrc_extension_and_padding_are_no_payload(
    csrc: list[int], extension: bytes | None, padding: int, payload: bytes
) -> None:
    first = 0x80 | len(csrc) | (0x10 if extension is not None else 0) | (0x20 if padding else 0)
    data = struct.pack("!BBHII", first, 111, 7, 8, 9)
    data += b"".join(struct.pack("!I", source) for source in csrc)
    if extension is not None:
        words = -(-len(extension) // 4)
        # A profile that nobody defined: its content is not looked at.
        data += struct.pack("!HH", 0xABCD, words) + extension.ljust(4 * words, b"\0")
    data += payload
    if padding:
        data += bytes(padding - 1) + bytes([padding])
    assert parse_rtp(data).payload == payload
    assert aiortc.rtp.RtpPacket.parse(data).payload == payload


@given(st.binary(max_size=80) | st.binary(max_size=80).map(lambda rest: b"\xb1\x6f" + rest))
@example(b"")
@example(b"\x80")
def test_arbitrary_bytes_are_read_or_refused_with_a_value_error(data: bytes) -> None:
    try:
        packet = parse_rtp(data)
    except ValueError:
        return
    assert len(packet.payload) <= len(data) - 12


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x80" + bytes(10), "an RTP packet of 11 bytes has no full header"),
        (b"\x40" + bytes(11), "RTP version 1 is not 2"),
        (b"\x90" + bytes(13), "the RTP header extension is cut off"),
        (b"\x90" + bytes(11) + b"\xbe\xde\x00\x02" + bytes(4), "the RTP header is longer than the packet"),
        (b"\x8f" + bytes(40), "the RTP header is longer than the packet"),
        (b"\xa0" + bytes(20), "the RTP padding says that it is 0 bytes long"),
        (b"\xa0" + bytes(12) + b"\x09", "the RTP header is longer than the packet"),
    ],
)
def test_refusal_says_what_is_wrong(data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        parse_rtp(data)


def test_packets_follow_each_other_by_one_number_and_20_ms_across_the_wrap() -> None:
    source = RtpSource(1, 111)
    source.sequence_number, source.timestamp = 0xFFFF, 2**32 - FRAME_SAMPLES
    packets = [parse_rtp(source.packet(b"x")) for _ in range(3)]
    assert [p.sequence_number for p in packets] == [0xFFFF, 0, 1]
    assert [p.timestamp for p in packets] == [2**32 - FRAME_SAMPLES, 0, FRAME_SAMPLES]


def test_skipped_time_moves_the_timestamp_and_not_the_number() -> None:
    source = RtpSource(1, 111)
    before = parse_rtp(source.packet(b"x"))
    source.skip(7)
    after = parse_rtp(source.packet(b"x"))
    assert (after.sequence_number - before.sequence_number) & 0xFFFF == 1
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 8 * FRAME_SAMPLES


def test_source_counts_packets_and_payload_bytes() -> None:
    source = RtpSource(1, 111)
    source.packet(b"12345")
    source.packet(b"", marker=True)
    assert (source.packets_sent, source.bytes_sent) == (2, 5)


def test_sources_start_at_different_numbers() -> None:
    starts = {(s.sequence_number, s.timestamp) for s in (RtpSource(1, 111) for _ in range(20))}
    assert len(starts) == 20
