"""Things that tests hold in their hand: what a test leaves behind, and a gateway that follows a script."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import struct
from collections.abc import Awaitable, Callable, Coroutine
from http import HTTPStatus
from typing import Any

import psutil
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from loadkit.errors import TransportError
from loadkit.transport.dtls import Certificate
from loadkit.transport.peer import Peer
from loadkit.transport.sdp import LocalDescription, read_sdp, write_candidate, write_sdp
from tests.waiting import until

#: The certificate of all fake gateways of a test process; it costs time to make.
CERTIFICATE = Certificate()

# The server's own log shows frames, and so the token; what is tested is the caller's.
_LOGGER = logging.getLogger("tests.fakes")
_LOGGER.setLevel(logging.WARNING)


#: How long what has ended may take to be gone.
_GONE_S = 15.0


class Footprint:
    """Tasks and sockets that are there now, to be compared with those that are there later.

    There may be less later: what an earlier test left to the garbage collector goes when that comes.
    """

    def __init__(self) -> None:
        self.tasks = asyncio.all_tasks()
        self.files = psutil.Process(os.getpid()).num_fds()
        self.sockets = self._sockets()

    def _tasks(self) -> set[asyncio.Task[object]]:
        own = asyncio.current_task()
        return {task for task in asyncio.all_tasks() - self.tasks if task is not own}

    @staticmethod
    def _sockets() -> int:
        return len(psutil.Process(os.getpid()).net_connections(kind="udp"))

    def _is_all(self) -> bool:
        files = psutil.Process(os.getpid()).num_fds()
        return not self._tasks() and files <= self.files and self._sockets() <= self.sockets

    async def assert_nothing_is_left(self) -> None:
        # A task that was cancelled and a socket that was closed go with the next turns of the loop.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GONE_S):
                await until(self._is_all)
        assert self._tasks() == set()
        assert self._sockets() <= self.sockets
        assert psutil.Process(os.getpid()).num_fds() <= self.files


Script = Callable[["Line"], Awaitable[None]]

GARBAGE: tuple[str | bytes, ...] = (
    "",
    "hello",
    "{",
    "[]",
    "null",
    "NaN",
    '{"type": 7}',
    '{"type": "unheard-of", "sessionId": "s"}',
    '{"type": "answer"}',
    '{"type": "ice-candidate", "sessionId": "session-1", "data": 3}',
    '{"type": "ice-candidate", "sessionId": "session-1", "data": {"candidate": 5}}',
    '{"type": "close", "sessionId": "another-session"}',
    b"\x00\xff",
    "[" * 5000,
)
"""Frames that a client drops."""


class Line:
    """The gateway's end of one WebSocket, with what a script needs to answer a call.

    Messages are written by hand here, so that a misreading that caller and gateway share shows.
    """

    def __init__(self, gateway: ScriptedGateway, websocket: ServerConnection, number: int) -> None:
        self.gateway = gateway
        self.websocket = websocket
        self.number = number
        """0 for the first socket of the test."""
        self.offer: dict[str, Any] = {}

    async def send(self, kind: str, **fields: Any) -> None:
        await self.websocket.send(json.dumps({"type": kind, "sessionId": "session-1", **fields}))

    async def send_error(self, code: str, message: str) -> None:
        await self.send("error", data={"code": code, "message": message})

    async def send_candidates(self, peer: Peer) -> None:
        for candidate in peer.local_candidates:
            await self.send_candidate(write_candidate(candidate))

    async def send_candidate(self, line: str | None) -> None:
        data = {"candidate": line, "sdpMid": "0", "sdpMLineIndex": None}
        await self.send("ice-candidate", data=data)

    async def send_answer(self, peer: Peer) -> None:
        await self.send_sdp(self.answer_of(peer))

    async def send_sdp(self, sdp: str) -> None:
        await self.send("answer", data={"type": "answer", "sdp": sdp})

    def answer_of(self, peer: Peer) -> str:
        remote = read_sdp(self.offer["data"]["sdp"])
        return write_sdp(
            LocalDescription(
                ice=peer.ice_parameters,
                dtls=peer.dtls_parameters,
                ssrc=peer.ssrc,
                cname=peer.cname,
                mid=remote.mid,
                payload_type=remote.payload_type,
            ),
            "answer",
        )

    async def message(self, kind: str) -> dict[str, Any]:
        """The next message of a kind; others are noted by the gateway and passed over."""
        async for text in self.websocket:
            message: dict[str, Any] = json.loads(text)
            self.gateway.received.append(message)
            self.gateway.note(message)
            if message["type"] == kind:
                return message
        raise ConnectionError(f"the caller left without a {kind}")

    async def take_offer(self) -> dict[str, Any]:
        self.offer = await self.message("offer")
        return self.offer

    async def listen(self) -> None:
        """Take messages until the caller leaves."""
        with contextlib.suppress(ConnectionError, ConnectionClosed):
            await self.message("nothing that exists")

    async def make_peer(self, on_rtp: Callable[[bytes], None] | None = None) -> Peer:
        """The gateway's peer, with its candidates gathered."""

        def received(packet: bytes, arrival: float) -> None:
            self.gateway.rtp.append(packet)
            self.gateway.heard.set()
            if on_rtp is not None:
                on_rtp(packet)

        peer = Peer(
            controlling=False,
            certificate=self.gateway.certificate,
            addresses=["127.0.0.1"],
            on_rtp=received,
            on_rtcp=lambda packet, arrival: self.gateway.rtcp.append(packet),
        )
        self.gateway.peers.append(peer)
        await peer.gather(lambda _: None)
        return peer

    async def connect_media(self, peer: Peer) -> None:
        """ICE and DTLS; the caller's candidates are learned from its checks."""
        remote = read_sdp(self.offer["data"]["sdp"])
        await self.while_there(peer.connect(remote.ice))
        await self.while_there(peer.handshake(remote.dtls))

    async def while_there(self, stage: Coroutine[Any, Any, object]) -> None:
        """Wait for a stage of the media, unless the caller leaves first."""
        task, gone = asyncio.create_task(stage), asyncio.create_task(self.websocket.wait_closed())
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            gone.cancel()
            await task
            return
        task.cancel()
        await asyncio.wait({task})
        await self.listen()
        raise ConnectionError("the caller left")

    async def echo_peer(self) -> Peer:
        """A peer that echoes each packet under its own SSRC."""

        def echo(packet: bytes) -> None:
            if self.gateway.echoing:
                peer.send_rtp(packet[:8] + struct.pack("!I", peer.ssrc) + packet[12:])

        peer = await self.make_peer(echo)
        return peer

    async def take_call(self) -> Peer:
        """The whole set-up of an echo call; returns when media can flow."""
        await self.take_offer()
        peer = await self.echo_peer()
        await self.send_answer(peer)
        await self.send_candidates(peer)
        await self.send_candidate("")
        await self.connect_media(peer)
        return peer


class ScriptedGateway:
    """A true WebSocket server on 127.0.0.1 that does what the test's script says, and ``GET /api/v1/ice-servers``.

    One script per WebSocket, the last for all that follow.
    """

    def __init__(
        self, *scripts: Script, ice_servers: str = '{"iceServers": []}', ice_status: int = 200
    ) -> None:
        self._scripts = scripts
        self._server: Server | None = None
        self._ice_servers, self._ice_status = ice_servers, ice_status
        self.certificate = CERTIFICATE
        self.lines = 0
        self.received: list[dict[str, Any]] = []
        """Messages of the caller, in order."""
        self.closed = asyncio.Event()
        """The caller sent ``close``."""
        self.peers: list[Peer] = []
        self.rtp: list[bytes] = []
        self.rtcp: list[bytes] = []
        self.heard = asyncio.Event()
        """A packet of the caller arrived."""
        self.echoing = True
        self.refuse = False
        """New WebSockets are refused."""
        self.tokens: list[str | None] = []
        self.callers: list[tuple[str, str]] = []
        """(path, address of the caller) of each request, the WebSocket's among them."""
        self.failure: BaseException | None = None

    async def __aenter__(self) -> ScriptedGateway:
        self._server = await serve(
            self._serve, "127.0.0.1", 0, process_request=self._request, close_timeout=1, logger=_LOGGER
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()
        for peer in self.peers:
            await peer.close()
        if self.failure is not None:
            raise self.failure

    @property
    def address(self) -> str:
        assert self._server is not None
        return f"127.0.0.1:{next(iter(self._server.sockets)).getsockname()[1]}"

    def note(self, message: dict[str, Any]) -> None:
        if message["type"] == "close":
            self.closed.set()

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.received if message["type"] == kind]

    def _request(self, websocket: ServerConnection, request: Request) -> Response | None:
        self.callers.append((request.path, websocket.remote_address[0]))
        if request.path.startswith("/api/v1/ice-servers"):
            self.tokens.append(request.headers.get("Authorization"))
            return websocket.respond(HTTPStatus(self._ice_status), self._ice_servers)
        if self.refuse:
            return websocket.respond(HTTPStatus.SERVICE_UNAVAILABLE, "full")
        return None

    async def _serve(self, websocket: ServerConnection) -> None:
        number, self.lines = self.lines, self.lines + 1
        script = self._scripts[min(number, len(self._scripts) - 1)]
        try:
            await script(Line(self, websocket, number))
        except (ConnectionError, ConnectionClosed, TransportError):
            # The caller left in the middle, which some tests make it do.
            pass
        except Exception as exc:  # noqa: BLE001 - raised again where the test ends
            self.failure = exc
