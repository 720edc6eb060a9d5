"""Every parser that reads the network, as a function of bytes that raises only when something is wrong.

Each takes what a gateway, a client or a server may send, lets nothing pass but the errors that the parser's own
docstring names, and looks at what came of it: text that can be written as UTF-8, figures that are numbers.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from loadkit.errors import TransportError
from loadkit.media.meter import ReceptionMeter
from loadkit.media.rtcp import RtcpReporter
from loadkit.media.rtp import RtpSource, parse_plain, parse_rtp
from loadkit.setting_values import IcePath
from loadkit.signaling import http_get, ice_servers
from loadkit.signaling.client_protocol import AnswerReceived, ClientProtocol
from loadkit.signaling.lenient_parser import UnusableFrame, parse_from_gateway
from loadkit.signaling.messages import Answer, IceCandidate, Message, Offer, encode
from loadkit.signaling.server_protocol import OfferReceived, ServerProtocol
from loadkit.signaling.strict_parser import InvalidMessage, parse_from_client
from loadkit.transport import aioice_stun
from loadkit.transport.route import choose_route, read_url, urls_left_out
from loadkit.transport.sdp import read_candidate, read_sdp, write_candidate
from tests.fuzz import peripheral, seeds
from tests.fuzz.seeds import SEPARATOR


@dataclass(frozen=True)
class Target:
    """One parser."""

    run: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


def _text(data: bytes) -> str:
    """As a WebSocket gives it: RFC 6455 section 8.1 has text frames be UTF-8."""
    return data.decode("utf-8", "replace")


def _is_whole(value: object) -> None:
    """A value that can be kept in records, logs and JSON."""
    json.dumps(value, allow_nan=False).encode()
    str(value).encode()


# Signaling


def caller(data: bytes) -> None:
    """Frames from a gateway, one a line; a first byte of 0xff makes one binary."""
    protocol = ClientProtocol()
    protocol.send_offer(Offer("SDP", "token"))
    protocol.send_candidate(IceCandidate("candidate:1", "0", 0))
    for number, frame in enumerate(data.split(SEPARATOR)):
        _parsed(frame)
        events = protocol.receive(frame if frame[:1] == b"\xff" else _text(frame), number / 4)
        if any(isinstance(event, AnswerReceived) for event in events):
            events += protocol.answer_applied(number / 4)
        events += protocol.poll(number / 4)
        for event in events:
            _is_whole(str(event))
    deadline = protocol.next_deadline()
    assert deadline is None or math.isfinite(deadline)
    protocol.send_close()
    for sent in protocol.data_to_send():
        assert isinstance(json.loads(sent), dict)


def _parsed(frame: bytes) -> None:
    try:
        message = parse_from_gateway(_text(frame))
    except UnusableFrame as exc:
        _is_whole(str(exc))
        return
    _means_the_same(message, parse_from_gateway)


def _is_refusal(refused: InvalidMessage) -> None:
    assert refused.code in ("INVALID_MESSAGE", "INVALID_ARGUMENT", "UNAUTHORIZED")
    _is_whole(refused.message)


def _means_the_same(message: Message, parse: Callable[[str], Message]) -> None:
    """Written again it is read as the same, but for the token, which is read and never written."""
    if getattr(message, "auth_token", None) is None or isinstance(message, Offer):
        assert parse(encode(message)) == message


def gateway(data: bytes) -> None:
    """Frames from a client, one a line."""
    protocol = ServerProtocol("S1")
    for frame in data.split(SEPARATOR):
        try:
            message = parse_from_client(_text(frame))
        except InvalidMessage as exc:
            _is_refusal(exc)
            continue
        _means_the_same(message, parse_from_client)
        for event in protocol.receive(message):
            if isinstance(event, OfferReceived):
                protocol.send_answer(Answer("SDP").sdp)
        for sent in protocol.data_to_send():
            parse_from_gateway(sent)


# ICE servers


def ice_server_list(data: bytes) -> None:
    """The body of an answer, down to the servers that a call would ask."""
    try:
        servers = ice_servers._read(data)
    except ice_servers.IceServersUnavailable:
        return
    entries = [(server.urls, server.username, server.credential) for server in servers]
    assert urls_left_out(entries, loopback=True) >= urls_left_out(entries, loopback=False) >= 0
    for path in IcePath:
        try:
            choose_route(path, entries, loopback=False)
        except TransportError as exc:
            str(exc)


def ice_server_url(data: bytes) -> None:
    """One URL of an ICE server."""
    try:
        url = read_url(_text(data))
    except ValueError:
        return
    assert url.host
    assert 0 < url.port < 65536
    assert url.protocol in ("udp", "tcp", "tls")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


class _Sink(asyncio.Transport):
    def write(self, data: object) -> None:
        """Nobody reads our request."""


def http_answer(data: bytes) -> None:
    """What comes over the connection; its first byte says in which pieces."""
    _loop().run_until_complete(_http(data))


async def _http(data: bytes) -> None:
    exchange = http_get._Exchange(http_get._request("example.org", None, "/", ()), 4096)
    exchange.connection_made(_Sink())
    size = data[0] + 1 if data else 1
    for at in range(1, len(data), size):
        exchange.data_received(data[at : at + size])
    exchange.eof_received()
    exchange.connection_lost(None)
    assert exchange.answer.done()
    error = exchange.answer.exception()
    assert error is None or isinstance(error, (http_get.NotHttp, http_get.AnswerTooLarge, OSError)), error
    if error is None:
        answer = exchange.answer.result()
        assert 200 <= answer.status < 1000
        assert len(answer.body) <= 4096


# Descriptions


def sdp(data: bytes) -> None:
    """An offer or an answer."""
    try:
        description = read_sdp(_text(data))
    except ValueError as exc:
        str(exc)
        return
    assert 0 <= description.payload_type < 128
    _is_whole(description.codec)
    for candidate in description.candidates:
        assert 0 < candidate.port < 65536
        write_candidate(candidate)


def candidate(data: bytes) -> None:
    """One candidate as it is trickled."""
    try:
        found = read_candidate(_text(data))
    except ValueError as exc:
        _is_whole(str(exc))
        return
    assert 0 < found.port < 65536
    again = read_candidate(write_candidate(found))
    assert (again.ip, again.port, again.type) == (found.ip, found.port, found.type)


# Media


def rtp(data: bytes) -> None:
    """Datagrams one after the other, into the meter."""
    meter = ReceptionMeter()
    for datagram, now in seeds.unpacked(data):
        try:
            packet = parse_rtp(datagram)
        except ValueError:
            continue
        head = parse_plain(datagram)
        if head is not None:
            assert head[1:] == (packet.sequence_number, packet.timestamp, packet.ssrc)
            assert packet.payload == datagram[12:]
        meter.packet(packet.ssrc, packet.sequence_number, packet.timestamp, len(packet.payload), now)
    if meter.ssrc is not None:
        assert meter.packets_received >= 1
        assert 0 <= meter.fraction_lost() <= 255
        assert math.isfinite(meter.jitter or 0.0)


def rtcp(data: bytes) -> None:
    """Compound packets one after the other, to one who has sent, and reports of his own in between."""
    source = RtpSource(7, 111)
    for _ in range(120):
        source.packet(b"sound")
    reporter = RtcpReporter(source, ReceptionMeter(), "caller", 0.0)
    now = 10.0
    for datagram, now in seeds.unpacked(data):
        try:
            reporter.receive(datagram, now)
        except ValueError:
            continue
    assert reporter.report(now)
    assert math.isfinite(reporter.round_trip_time or 0.0)
    assert (reporter.remote_jitter or 0.0) >= 0


def stun_message(data: bytes) -> None:
    """A STUN message, read with our functions as with aioice's own."""
    ours, theirs = (
        _stun(data, aioice_stun._unpack_xor_address),
        _stun(data, aioice_stun.THEIRS.unpack_xor_address),
    )
    assert ours == theirs, (ours, theirs)


def _stun(data: bytes, unpack: Callable[[bytes, bytes], tuple[str, int]]) -> object:
    found: list[object] = []
    for at in range(0, len(data), 20):
        value, transaction = data[at : at + 20], data[:12].ljust(12, b"\0")
        try:
            address = unpack(value, transaction)
        except ValueError as exc:
            found.append(type(exc))
        except Exception as exc:  # noqa: BLE001 - of whatever kind, as long as it is the same
            found.append(type(exc))
        else:
            found.append(address)
            assert aioice_stun._pack_xor_address(address, transaction) == aioice_stun.THEIRS.pack_xor_address(
                address, transaction
            )
    return found


def _lines(texts: list[str]) -> list[bytes]:
    return [*(text.encode() for text in texts), "\n".join(texts[:12]).encode()]


#: Name → parser.
TARGETS: dict[str, Target] = {
    "caller": Target(caller, lambda: _lines(seeds.frames("signaling", "<"))),
    "gateway": Target(gateway, lambda: _lines(seeds.frames("gateway", ">") + seeds.frames("signaling", ">"))),
    "ice-servers": Target(ice_server_list, lambda: [seeds.ICE_SERVERS.encode()]),
    "ice-server-url": Target(ice_server_url, lambda: [url.encode() for url in seeds.URLS]),
    "http": Target(http_answer, lambda: [b"\x07" + answer for answer in seeds.http_answers()]),
    "sdp": Target(sdp, lambda: [seeds.SDP.encode()]),
    "candidate": Target(candidate, lambda: [line.encode() for line in seeds.CANDIDATES]),
    "rtp": Target(rtp, lambda: [seeds.packed(seeds.rtp_packets())]),
    "rtcp": Target(rtcp, lambda: [seeds.packed([one]) for one in seeds.rtcp_packets()]),
    "stun": Target(stun_message, seeds.stun_messages),
    "request": Target(peripheral.request, peripheral.requests),
    "health": Target(peripheral.health, peripheral.healths),
    "turn-stream": Target(peripheral.turn_stream, peripheral.turn_streams),
    "datagrams": Target(peripheral.datagrams, lambda: [seeds.packed(seeds.stun_messages())]),
    "sound": Target(peripheral.sound, peripheral.sounds),
}
