"""Each step on the way to an open WebSocket is noted, and so is where it stopped."""

from __future__ import annotations

import asyncio
import ssl
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from loadkit.errors import SignalingError
from loadkit.gateway.self_signed import write_self_signed
from loadkit.probe.diary import Diary
from loadkit.probe.sockets import watched_connect
from loadkit.signaling.client import SignalingConnection, SocketLost

TOKEN = "a-token-that-is-secret"


async def answer(websocket: ServerConnection) -> None:
    await websocket.send(f'{{"type": "pong", "sessionId": "{TOKEN}"}}')
    await websocket.wait_closed()


def connection(url: str, diary: Diary, tls: ssl.SSLContext | None = None) -> SignalingConnection:
    return SignalingConnection(url, timeout=20, ssl_context=tls, connect=watched_connect(diary, TOKEN))


def names(diary: Diary) -> list[str]:
    return [event.name for event in diary.events]


async def test_tls_is_told_with_version_cipher_and_certificate(tmp_path: Path) -> None:
    certificate, key = write_self_signed(tmp_path, ["127.0.0.1"])
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate, key)
    client_side = ssl.create_default_context(cafile=str(certificate))
    diary = Diary()
    async with serve(answer, "127.0.0.1", 0, ssl=server_side) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        socket = connection(f"wss://127.0.0.1:{port}/", diary, client_side)
        await socket.open()
        await socket.send('{"type": "offer", "authToken": "other"}')
        await socket.recv()
        await socket.close()
    assert names(diary) == ["dns", "tcp", "tls", "message_sent", "message_received", "websocket_closed"]
    tls = diary.of("tls")[0].data
    assert tls["version"].startswith("TLSv1.")
    assert tls["verified"] is True
    assert diary.of("tcp")[0].data["remote"] == f"127.0.0.1:{port}"
    assert diary.of("websocket_closed")[0].data == {"code": 1000, "reason": None, "by": "caller"}
    assert TOKEN not in str(diary.events)
    assert "other" not in str(diary.events)


async def test_a_certificate_that_is_not_known_stops_after_tcp(tmp_path: Path) -> None:
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(*write_self_signed(tmp_path, ["127.0.0.1"]))
    diary = Diary()
    async with serve(answer, "127.0.0.1", 0, ssl=server_side) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(SignalingError) as caught:
            await connection(f"wss://127.0.0.1:{port}/", diary).open()
    assert caught.value.code == "WEBSOCKET_TLS"
    assert names(diary) == ["dns", "tcp"]


async def test_a_redirect_is_told_and_not_followed() -> None:
    def redirect(websocket: ServerConnection, request: Request) -> Response | None:
        if request.path == "/there":
            return None
        response = websocket.respond(HTTPStatus.FOUND, "")
        response.headers["Location"] = "/there"
        return response

    diary = Diary()
    async with serve(answer, "127.0.0.1", 0, process_request=redirect) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        socket = connection(f"ws://127.0.0.1:{port}/here", diary)
        with pytest.raises(SignalingError, match="HTTP 302 instead of an upgrade"):
            await socket.open()
    assert diary.of("upgrade_refused")[0].data["location"] == "/there"
    assert "message_received" not in names(diary)


async def test_a_name_with_more_than_one_address_is_tried_until_one_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with serve(answer, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo("127.0.0.1", port, type=1, proto=6)
        nobody = [(*entry[:4], ("127.0.0.9", *entry[4][1:])) for entry in found]

        async def resolve(*_: object, **__: object) -> object:
            return nobody + found

        monkeypatch.setattr(loop, "getaddrinfo", resolve)
        diary = Diary()
        socket = connection(f"ws://gateway.test:{port}/", diary)
        await socket.open()
        await socket.close()
    assert names(diary)[:3] == ["dns", "tcp_failed", "tcp"]
    assert diary.of("dns")[0].data["addresses"] == ["127.0.0.9", "127.0.0.1"]


async def test_a_gateway_that_closes_the_socket_is_named() -> None:
    async def leave(websocket: ServerConnection) -> None:
        await websocket.close(1011, f"out of order {TOKEN}")

    diary = Diary()
    async with serve(leave, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        socket = connection(f"ws://127.0.0.1:{port}/", diary)
        await socket.open()
        with pytest.raises(SocketLost):
            await socket.recv()
        await socket.close()
    assert diary.of("websocket_closed")[0].data == {
        "code": 1011,
        "reason": "out of order ***",
        "by": "gateway",
    }
