"""How fast a socket may speak, second by second, and how long it may leave unread what it is sent."""

from __future__ import annotations

import asyncio
import json
import struct

import pytest

from loadkit.gateway import connection, sockets
from loadkit.gateway.sockets import MessageRate, Verdict
from tests.gateway.conftest import StartGateway
from tests.waiting import PATIENCE_S

_UPGRADE = "\r\n".join(
    [
        "GET /api/v1/webrtc/signal HTTP/1.1",
        "Host: 127.0.0.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "",
        "",
    ]
).encode()


def test_as_many_as_are_permitted_are_read_each_second() -> None:
    rate = MessageRate(3)
    assert [rate.take(10.0 + n / 10) for n in range(3)] == [Verdict.READ] * 3
    assert [rate.take(11.0 + n / 10) for n in range(3)] == [Verdict.READ] * 3


def test_the_first_too_many_is_told_and_the_others_are_not() -> None:
    rate = MessageRate(2)
    assert [rate.take(0.0) for _ in range(5)] == [
        Verdict.READ,
        Verdict.READ,
        Verdict.REFUSED,
        Verdict.IGNORED,
        Verdict.IGNORED,
    ]
    assert rate.take(1.0) is Verdict.READ


def test_ten_times_too_many_are_a_flood() -> None:
    rate = MessageRate(2)
    verdicts = [rate.take(0.0) for _ in range(22)]
    assert verdicts.index(Verdict.FLOOD) == 20


async def test_a_client_that_never_reads_loses_its_socket(
    start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "_UNREAD_S", 0.5)
    gateway = await start_gateway()
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1)
    try:
        writer.write(_UPGRADE)
        ping = _frame(json.dumps({"type": "ping", "sessionId": "x" * 200_000}))
        # Each comes back as long as it went, until both ends' buffers are full.
        async with asyncio.timeout(60):
            with pytest.raises(ConnectionError):
                await _send_for_ever(writer, ping)
    finally:
        writer.transport.abort()


async def test_a_client_that_sends_nothing_but_pings_loses_its_socket(
    start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whatever time the gateway takes to read them, they come within a second.
    monkeypatch.setattr(connection, "_WINDOW_S", 1e9)
    gateway = await start_gateway()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(_UPGRADE + _PING * (connection.MOST_FRAMES + 1))
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    assert answer.endswith(b"\x03\xf0too many frames"), answer[-40:]


async def test_answers_to_pings_that_are_never_read_are_not_kept(
    start_gateway: StartGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MOST_FRAMES", 10**9)
    monkeypatch.setattr(connection, "MOST_UNREAD", 0)
    gateway = await start_gateway()
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1)
    writer.write(_UPGRADE)
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(ConnectionError):
            await _send_for_ever(writer, _PING * 500)
    writer.transport.abort()


async def _send_for_ever(writer: asyncio.StreamWriter, data: bytes) -> None:
    while True:
        writer.write(data)
        await writer.drain()


#: The longest that a control frame may be.
_PING = b"\x89\xfd\0\0\0\0" + b"x" * 125


def _frame(text: str) -> bytes:
    """A text frame of a client, masked with zeros (RFC 6455, 5.2)."""
    return b"\x81\xff" + struct.pack("!Q", len(text)) + b"\0\0\0\0" + text.encode()
