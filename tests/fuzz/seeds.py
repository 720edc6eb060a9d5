"""What a fuzzer begins with: real messages, one list for each kind."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from aioice import stun

from loadkit.media.meter import ReceptionMeter
from loadkit.media.rtcp import RtcpReporter
from loadkit.media.rtp import RtpSource

_DATA = Path(__file__).resolve().parents[1] / "data"

#: Parts of one input that holds several: frames, chunks of a stream.
SEPARATOR = b"\n"

SDP = (
    "v=0\r\no=- 7 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=msid-semantic: WMS *\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:aBcD\r\n"
    "a=ice-pwd:aBcDeFgHiJkLmNoPqRsTuV\r\na=ice-options:trickle\r\na=fingerprint:sha-256 "
    + ":".join(["AB"] * 32)
    + "\r\na=setup:active\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=sendrecv\r\n"
    "a=msid:- audio\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n"
    "a=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r\na=rtpmap:0 PCMU/8000\r\na=ssrc:3 cname:a\r\n"
    "a=candidate:1 1 udp 2130706431 192.0.2.9 60000 typ host\r\na=end-of-candidates\r\n"
)

CANDIDATES = [
    "candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host",
    "a=candidate:2 1 udp 1694498815 198.51.100.1 50000 typ srflx raddr 192.0.2.1 rport 50000",
    "candidate:3 1 tcp 1518280447 2001:db8::1 9 typ host tcptype active generation 0 ufrag aBcD network-id 1",
    "candidate:4 1 udp 41885439 203.0.113.7 3478 typ relay raddr 0.0.0.0 rport 0",
    "candidate:5 1 udp 2122260223 1c1a7a6e-58d2-4bd6-93b5-8d8b4d4a3c11.local 50000 typ host",
]

URLS = [
    "stun:127.0.0.1",
    "stuns:127.0.0.1:5349",
    "turn:[2001:db8::1]:3478?transport=tcp",
    "turns:turn.example.invalid:443?transport=tcp",
    "turn:192.0.2.1:3478?transport=udp",
]

ICE_SERVERS = json.dumps(
    {
        "iceServers": [
            {"urls": ["stun:127.0.0.1:3478"]},
            {"urls": URLS, "username": "1700000000:a", "credential": "c2VjcmV0"},
            {"urls": "turn:127.0.0.1", "username": "a", "credential": "b"},
        ]
    }
)


def frames(folder: str, sign: str) -> list[str]:
    """The frames with this sign in the hand-written conversations."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((_DATA / folder).glob("*.txt"))]
    lines = [line for text in texts for line in text.splitlines()]
    return [line.partition(sign)[2].strip() for line in lines if line.lstrip("AB").startswith(sign)]


def http_answers() -> list[bytes]:
    """Answers to ``GET``, with a length, in chunks, until the end, and refusals."""
    body = ICE_SERVERS.encode()
    return [
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n" + body,
        b"HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n",
    ]


def rtcp_packets() -> list[bytes]:
    """Compound packets of a sender and a receiver, and a goodbye."""
    source, meter = RtpSource(7, 111), ReceptionMeter()
    reporter = RtcpReporter(source, meter, "caller", 0.0)
    empty = reporter.report(10.0)
    source.packet(b"sound")
    meter.packet(8, 1, 960, 20, 10.0)
    # Feedback as browsers send it: REMB, and a picture loss, which is nothing to us.
    remb = struct.pack("!BBHLL4sBBHL", 0x8F, 206, 5, 8, 0, b"REMB", 1, 0, 1000, 7)
    return [
        empty,
        reporter.report(11.0),
        reporter.bye(12.0),
        empty + remb,
        struct.pack("!BBHLL", 0x81, 206, 2, 8, 7),
    ]


def stun_messages() -> list[bytes]:
    """A connectivity check, its answer, and an error."""
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, transaction_id=bytes(12))
    request.attributes |= {"USERNAME": "aBcD:eFgH", "PRIORITY": 1845501695, "ICE-CONTROLLING": 7}
    request.add_message_integrity(b"password")
    answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=bytes(12))
    answer.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.1", 50000)
    answer.add_message_integrity(b"password")
    error = stun.Message(stun.Method.ALLOCATE, stun.Class.ERROR, transaction_id=bytes(12))
    error.attributes |= {"ERROR-CODE": (401, "Unauthorized"), "REALM": "north", "NONCE": b"n"}
    six = stun.Message(stun.Method.ALLOCATE, stun.Class.RESPONSE, transaction_id=bytes(12))
    six.attributes |= {"XOR-RELAYED-ADDRESS": ("2001:db8::1", 50000), "LIFETIME": 600}
    return [bytes(message) for message in (request, answer, error, six)]


def rtp_packets() -> list[bytes]:
    """Some in a row, with what a header may have besides."""
    source = RtpSource(7, 111)
    source.sequence_number, source.timestamp = 65_534, 2**32 - 960
    plain = [source.packet(b"opus" * 5, marker=number == 0) for number in range(4)]
    extended = (
        b"\x93\x6f\x00\x07\x00\x00\x10\x00\x00\x00\x00\x07"
        + b"\1\2\3\4" * 3
        + b"\xbe\xde\0\1\x10\x7f\0\0"
        + b"x" * 9
    )
    padded = b"\xa0" + plain[0][1:] + b"\0\0\0\4"
    return [*plain, extended, padded]


def packed(packets: list[bytes]) -> bytes:
    """Datagrams in one input: each behind its length and the milliseconds since the one before."""
    return b"".join(struct.pack("!HB", len(packet), 20) + packet for packet in packets)


def unpacked(data: bytes) -> list[tuple[bytes, float]]:
    """(datagram, arrival in seconds) out of any input at all."""
    found: list[tuple[bytes, float]] = []
    at, now = 0, 1000.0
    while at + 3 <= len(data) and len(found) < 64:
        size, milliseconds = struct.unpack_from("!HB", data, at)
        now += milliseconds / 1000
        # Longer than SRTP is ever sent; the compiled module refuses it before it looks, loadkit.media after.
        size %= 1501
        found.append((data[at + 3 : at + 3 + size], now))
        at += 3 + size
    return found
