"""A proxy before a gateway that changes one thing on the way; media goes around it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

SIGNALING_PATH = "/api/v1/webrtc/signal"

Frame = str | bytes
Message = dict[str, Any]


def message_of(frame: Frame) -> Message:
    """The JSON object in a frame; empty when it is none."""
    with suppress(ValueError, RecursionError):
        document = json.loads(frame)
        if isinstance(frame, str) and isinstance(document, dict):
            return document
    return {}


def error(code: str, message: str = "no", session_id: str = "") -> str:
    """The JSON text of an error."""
    return json.dumps({"type": "error", "sessionId": session_id, "data": {"code": code, "message": message}})


class Link:
    """One socket of a client, and the proxy's own to the gateway."""

    def __init__(self, client: ServerConnection, gateway: ClientConnection) -> None:
        self.client = client
        self.gateway = gateway
        self.answers: list[str] = []
        """What a breakage tells the client itself."""
        self.close_code: int | None = None
        """Set by a breakage to close the client's socket."""


class Breakage:
    """What is broken; by itself nothing is. One object serves one proxy."""

    def __init__(self) -> None:
        self.links: list[Link] = []

    def from_client(self, frame: Frame, link: Link) -> Iterable[Frame]:
        """What the gateway gets for a frame of the client."""
        return [frame]

    def to_client(self, frame: str, link: Link) -> Iterable[str]:
        """What the client gets for a frame of the gateway."""
        return [frame]

    def asks(self, path: str, headers: dict[str, str], query: dict[str, str]) -> None:
        """Change an HTTP request, or the request of an upgrade, in place."""

    def answers(
        self, path: str, headers: dict[str, str], query: dict[str, str], status: int, body: Any
    ) -> tuple[int, Any]:
        """What the client gets for the gateway's HTTP answer, whose body is JSON."""
        return status, body


class Proxy:
    """Listens on a free port of loopback."""

    def __init__(self, gateway_url: str, breakage: Breakage) -> None:
        self._gateway = gateway_url
        self._breakage = breakage
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        async with (
            aiohttp.ClientSession() as self._http,
            serve(
                self._hold,
                "127.0.0.1",
                0,
                process_request=self._process,
                max_size=None,
                compression=None,
                close_timeout=1,
            ) as server,
        ):
            self.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            yield self

    async def _process(self, connection: ServerConnection, request: Request) -> Response | None:
        path, headers, query = _parts(request)
        if path == SIGNALING_PATH:
            return None
        self._breakage.asks(path, headers, query)
        url = self._gateway.replace("ws:", "http:") + path
        async with self._http.get(url, headers=headers, params=query) as response:
            status, body = self._breakage.answers(
                path, *_parts(request)[1:], response.status, await response.json(content_type=None)
            )
        text = json.dumps(body).encode()
        fields = Headers([("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
        fields["Connection"] = "close"
        return Response(status, HTTPStatus(status).phrase, fields, text)

    async def _hold(self, client: ServerConnection) -> None:
        assert client.request is not None
        path, headers, query = _parts(client.request)
        self._breakage.asks(path, headers, query)
        async with connect(
            self._gateway + path, additional_headers=headers, proxy=None, max_size=None, close_timeout=1
        ) as gateway:
            link = Link(client, gateway)
            self._breakage.links.append(link)
            pumps = [asyncio.create_task(self._up(link)), asyncio.create_task(self._down(link))]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                await self._pass_the_end_on(link)
            finally:
                self._breakage.links.remove(link)
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)

    async def _pass_the_end_on(self, link: Link) -> None:
        """The other side ends as this one did: torn, or with the same code."""
        if link.close_code is None and link.client.close_code is None:
            link.close_code = link.gateway.close_code
        if link.close_code is not None:
            await link.client.close(link.close_code)
        if link.client.close_code == 1006:
            link.gateway.transport.abort()

    async def _up(self, link: Link) -> None:
        with suppress(ConnectionClosed):
            async for frame in link.client:
                for changed in self._breakage.from_client(frame, link):
                    await link.gateway.send(changed)
                for answer in link.answers:
                    await link.client.send(answer)
                link.answers.clear()
                if link.close_code is not None:
                    return

    async def _down(self, link: Link) -> None:
        with suppress(ConnectionClosed):
            async for frame in link.gateway:
                assert isinstance(frame, str)
                for changed in self._breakage.to_client(frame, link):
                    await link.client.send(changed)


def _parts(request: Request) -> tuple[str, dict[str, str], dict[str, str]]:
    parts = urlsplit(request.path)
    token = request.headers.get("Authorization")
    return parts.path, {"Authorization": token} if token else {}, dict(parse_qsl(parts.query))
