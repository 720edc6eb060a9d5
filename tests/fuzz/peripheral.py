"""What libraries read for us, up to where it is ours: requests, relays over TCP, strangers' datagrams, sound.

As :mod:`tests.fuzz.targets`: functions of bytes that raise only when something is wrong.
"""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import struct
from functools import cache
from http import HTTPStatus
from typing import Any, cast

from aioice.ice import Connection, StunProtocol
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from loadkit.gateway.endpoints import Endpoints, token_of
from loadkit.gateway.settings import GatewaySettings
from loadkit.gateway.tokens import Tokens
from loadkit.media.samples import silence
from loadkit.media.voice import LevelDecoder, UtteranceTracker
from loadkit.swarm import health_look
from loadkit.transport import aiortc_internals as internals
from loadkit.transport.aioice_turn import RelayTransport, TurnTcp
from loadkit.transport.route import TurnServer
from tests.fuzz import seeds

_LOOP = asyncio.new_event_loop()
_ADDRESS = ("192.0.2.1", 50_000)


class _Wire(asyncio.DatagramTransport, asyncio.Transport):
    """Somebody is at its other end, who does not listen."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return _ADDRESS if name == "peername" else default

    def is_closing(self) -> bool:
        return False

    def write(self, data: object) -> None:
        """Nobody reads it."""

    def sendto(self, data: object, addr: object = None) -> None:
        """Nobody reads it."""


def _in_pieces(data: bytes) -> list[bytes]:
    """All but the first byte, which says in which pieces they come."""
    size = data[0] + 1 if data else 1
    return [data[at : at + size] for at in range(1, len(data), size)]


# What a client asks the gateway for


class _Answering:
    """What an endpoint needs of a connection."""

    def __init__(self, protocol: ServerProtocol) -> None:
        self._protocol = protocol

    def respond(self, status: HTTPStatus, text: str) -> Response:
        return self._protocol.reject(status, text)


@cache
def _endpoints() -> Endpoints:
    settings = GatewaySettings(tokens=("token",), turn_urls=("turn:127.0.0.1",), turn_secret="secret")  # type: ignore[arg-type]
    return Endpoints(settings, Tokens(["token"]))


def request(data: bytes) -> None:
    """The first bytes of a connection to the gateway."""
    protocol = ServerProtocol()
    for piece in _in_pieces(data):
        protocol.receive_data(piece)
    for event in protocol.events_received():
        if not isinstance(event, Request):
            continue
        token_of(event)
        answer = _endpoints().answer(cast(ServerConnection, _Answering(protocol)), event, 0)
        if answer is not None:
            assert answer.status_code in (200, 401, 404)
            _header_is_one_line(answer)
            assert answer.serialize()
        break


def _header_is_one_line(answer: Response) -> None:
    for name, value in answer.headers.raw_items():
        assert not set("\r\n\0") & set(name + value), (name, value)


def requests() -> list[bytes]:
    """A page, credentials, an upgrade, and one that is none."""
    head = b"Host: 127.0.0.1:8080\r\n"
    upgrade = (
        b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
    )
    return [
        b"\xff" + line + head + more + b"\r\n"
        for line, more in [
            (b"GET / HTTP/1.1\r\n", b""),
            (b"GET /page/call.js?a=b HTTP/1.1\r\n", b""),
            (b"GET /api/v1/ice-servers?token=token HTTP/1.1\r\n", b""),
            (b"GET http://[::1]:80/api/v1/ice-servers HTTP/1.1\r\n", b"Authorization: Bearer token\r\n"),
            (b"GET /api/v1/webrtc/signal?token=t HTTP/1.1\r\n", upgrade),
            (b"POST /health HTTP/1.1\r\n", b"Content-Length: 3\r\n"),
        ]
    ]


# What a gateway says of its sessions


class _Connection:
    """What :mod:`http.client` reads an answer from."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


def health(data: bytes) -> None:
    """An answer to ``GET /health``."""
    answer = http.client.HTTPResponse(cast(Any, _Connection(data)))
    try:
        answer.begin()
        status, body = answer.status, answer.read(health_look._MOST_BYTES)
    except (OSError, http.client.HTTPException, ValueError):
        return
    for given in (status, 200):
        count, error = health_look._count(given, body)
        assert (count is None) != (error is None)
        assert count is None or 0 <= count <= health_look._MOST_SESSIONS
        assert error is None or error.isascii()


def healths() -> list[bytes]:
    """As gateways answer."""
    body = json.dumps({"status": "healthy", "activeSessions": 42}).encode()
    return [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(body) + body + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\r\n",
    ]


# What a TURN server sends over TCP


class _Receiver(asyncio.DatagramProtocol):
    """aioice's side of a relay."""

    def datagram_received(self, data: bytes, addr: object) -> None:
        assert isinstance(data, bytes)


def turn_stream(data: bytes) -> None:
    """STUN messages and channel data, one behind the other; the first byte says in which pieces."""
    _LOOP.run_until_complete(_turn_stream(data))


async def _turn_stream(data: bytes) -> None:
    client = TurnTcp(TurnServer("turn:192.0.2.1", "192.0.2.1", 3478, "tcp", "a", "b"))
    client.connection_made(_Wire())
    RelayTransport(client, cast(StunProtocol, _Receiver()))
    client.channel_to_peer[0x4000] = _ADDRESS
    client.peer_to_channel[_ADDRESS] = 0x4000
    for piece in _in_pieces(data):
        client.data_received(piece)
        # A length has 16 bits: more than one message is never waited for.
        assert len(client.buffer) < 65_536 + 24
    assert not client.gone.done()


def turn_streams() -> list[bytes]:
    """Answers, and what comes through a channel."""
    channel = struct.pack("!HH", 0x4000, 10) + b"0123456789\0\0"
    return [b"\x0f" + b"".join(seeds.stun_messages()), b"\x05" + channel * 3, b"\xff" + channel]


# What anybody may send to a socket of a call


def datagrams(data: bytes) -> None:
    """Datagrams one after the other, before the handshake."""
    _LOOP.run_until_complete(_datagrams(data))


async def _datagrams(data: bytes) -> None:
    connection = Connection(ice_controlling=False)
    protocol = StunProtocol(connection)
    protocol.connection_made(_Wire())
    connection._protocols.append(protocol)
    media: list[bytes] = []
    internals.tap_slow_path(connection, media.append)
    internals.tap(connection, media.append)
    for datagram, _ in seeds.unpacked(data):
        protocol.datagram_received(datagram, _ADDRESS)
        for byte in (b"\x16", b"\x80"):
            protocol.datagram_received(byte + datagram, _ADDRESS)
    assert connection._queue.qsize() <= internals.MOST_WAITING
    assert all(127 < datagram[0] < 192 for datagram in media)


# What is heard


def sound(data: bytes) -> None:
    """Opus packets one after the other, as far as speech and silence."""
    decoder, tracker = LevelDecoder(), UtteranceTracker()
    for packet, now in seeds.unpacked(data):
        level = decoder.level(packet)
        assert -127 <= level <= 1, level
        tracker.feed(level, now)


def sounds() -> list[bytes]:
    """Silence, and packets of every kind that a first byte may tell (RFC 6716 section 3.1)."""
    kinds = [bytes([first]) + bytes(range(0, 240, 3)) for first in range(0, 256, 5)]
    return [
        seeds.packed([silence()] * 5),
        seeds.packed(kinds),
        *(seeds.packed([kind]) for kind in kinds[::8]),
    ]
