"""One client of a transcript: what its lines make it send, and what it must receive."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from typing import Any

from aiortc import RTCIceCandidate
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from loadkit.gateway.app import Gateway
from loadkit.media.rtp import RtpSource, parse_rtp
from loadkit.transport.peer import Peer
from loadkit.transport.sdp import LocalDescription, read_candidate, read_sdp, write_candidate, write_sdp
from tests.waiting import PATIENCE_S, until

from .callers import CERTIFICATE


class Client:
    """One letter of a transcript: a WebSocket and, when it calls for media, a peer."""

    def __init__(self, gateway: Gateway, names: dict[str, str]) -> None:
        self.messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.candidates: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._gateway = gateway
        self._names = names
        self._edits: list[tuple[str, str]] = []
        self._candidates_in_sdp = False
        self._answer = ""
        self._session_id = ""
        self._heard: set[bytes] = set()
        self._connection: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._peer: Peer | None = None

    # The socket

    async def connection(self, query: str = "", bearer: str = "") -> ClientConnection:
        if self._connection is None:
            headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
            url = f"{self._gateway.url}/api/v1/webrtc/signal{query}"
            self._connection = await connect(url, proxy=None, additional_headers=headers)
            self._reader = asyncio.create_task(self._read(self._connection))
        return self._connection

    async def _read(self, connection: ClientConnection) -> None:
        try:
            async for text in connection:
                message: dict[str, Any] = json.loads(text)
                of_ice = message["type"] == "ice-candidate"
                (self.candidates if of_ice else self.messages).put_nowait(message)
        except ConnectionClosed:
            pass

    async def send(self, text: str) -> None:
        if "$OFFER" in text:
            text = text.replace("$OFFER", json.dumps(await self._offer())[1:-1])
        await (await self.connection()).send(self._named(text))

    def _named(self, text: str) -> str:
        return re.sub(r"\$([A-Z]+\d*)", lambda match: self._names[match[1]], text)

    async def expect(self, pattern: str) -> None:
        """The next message must be this one; candidates count only when one is asked for."""
        await self.connection()
        wanted = json.loads(pattern)
        queue = self.candidates if wanted.get("type") == "ice-candidate" else self.messages
        async with asyncio.timeout(PATIENCE_S):
            message = await queue.get()
        assert self._matches(wanted, message), f"expected {pattern}, received {json.dumps(message)}"
        if message["type"] == "answer":
            self._answer, self._session_id = message["data"]["sdp"], message["sessionId"]

    def _matches(self, wanted: object, given: object) -> bool:
        if isinstance(wanted, dict):
            return (
                isinstance(given, dict)
                and wanted.keys() == given.keys()
                and all(self._matches(value, given[name]) for name, value in wanted.items())
            )
        if not isinstance(wanted, str) or not isinstance(given, str) or "$" not in wanted:
            return wanted == given and type(wanted) is type(given)
        if wanted[1:].isalnum() and wanted != "$ANY" and wanted[1:] not in self._names:
            self._names[wanted[1:]] = given
            return bool(given)
        parts = [".+" if part == "$ANY" else re.escape(self._named(part)) for part in _split(wanted)]
        return re.fullmatch("".join(parts), given, re.DOTALL) is not None

    async def assert_unharmed(self) -> None:
        """The socket still works, and nothing came over it that no line speaks of."""
        if self._connection is None or self._connection.close_code is not None:
            assert self.messages.empty(), self.messages.get_nowait()
            return
        await self.send('{"type":"ping","sessionId":"the-end"}')
        async with asyncio.timeout(PATIENCE_S):
            assert await self.messages.get() == {"type": "pong", "sessionId": "the-end"}

    async def close(self) -> None:
        if self._peer is not None:
            await self._peer.close()
        if self._connection is not None:
            await self._connection.close()
        if self._reader is not None:
            await self._reader

    # What it is told to do

    async def act(self, verb: str, argument: str) -> None:
        await getattr(self, "_act_" + verb.replace("-", "_"))(argument)

    async def _act_open(self, argument: str) -> None:
        if argument.startswith("bearer="):
            await self.connection(bearer=argument.removeprefix("bearer="))
        else:
            await self.connection(query=argument)

    async def _act_line(self, argument: str) -> None:
        prefix, _, new = argument.partition(" => ")
        self._edits.append((prefix, new))

    async def _act_tear(self, _: str) -> None:
        connection = await self.connection()
        connection.transport.abort()
        await connection.wait_closed()
        self._forget_socket()

    async def _act_leave(self, _: str) -> None:
        await (await self.connection()).close()
        self._forget_socket()

    def _forget_socket(self) -> None:
        self._connection = None

    async def _act_closed(self, code: str) -> None:
        connection = await self.connection()
        async with asyncio.timeout(PATIENCE_S):
            await connection.wait_closed()
        assert connection.close_code == int(code)

    async def _act_repeat(self, argument: str) -> None:
        times, _, text = argument.partition(" ")
        # It may be closed for it before the last one.
        with suppress(ConnectionClosed):
            for _ in range(int(times)):
                await self.send(text)

    # Media

    def peer(self) -> Peer:
        if self._peer is None:
            self._peer = Peer(
                controlling=True,
                certificate=CERTIFICATE,
                addresses=["127.0.0.1"],
                on_rtp=lambda packet, now: self._heard.add(parse_rtp(packet).payload),
                on_rtcp=lambda packet, now: None,
            )
            self._source = RtpSource(self._peer.ssrc, 111)
        return self._peer

    async def _offer(self) -> str:
        peer = self.peer()
        if self._candidates_in_sdp:
            await peer.gather(lambda _: None)
        local = LocalDescription(
            ice=peer.ice_parameters,
            dtls=peer.dtls_parameters,
            ssrc=peer.ssrc,
            cname=peer.cname,
            candidates=peer.local_candidates,
            candidates_complete=self._candidates_in_sdp,
        )
        lines = write_sdp(local, "offer").split("\r\n")
        for prefix, new in self._edits:
            lines = [new if line.startswith(prefix) else line for line in lines]
        return "\r\n".join(line for line in lines if line) + "\r\n"

    async def _act_candidates_in_sdp(self, _: str) -> None:
        self._candidates_in_sdp = True

    async def _act_gather(self, _: str) -> None:
        found: list[RTCIceCandidate] = []
        await self.peer().gather(found.append)
        for line in [write_candidate(candidate) for candidate in found] + [""]:
            data = {"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0}
            message = {"type": "ice-candidate", "sessionId": self._session_id, "data": data}
            await self.send(json.dumps(message))

    async def _act_ice(self, _: str) -> None:
        peer = self.peer()
        if not self._candidates_in_sdp:
            await self._act_gather("")
        async with asyncio.timeout(PATIENCE_S):
            while line := (await self.candidates.get())["data"]["candidate"]:
                await peer.add_remote_candidate(read_candidate(line))
            await peer.connect(read_sdp(self._answer).ice)

    async def _act_connect(self, _: str) -> None:
        await self._act_ice("")
        async with asyncio.timeout(PATIENCE_S):
            await self.peer().handshake(read_sdp(self._answer).dtls)

    async def _act_answered(self, line: str) -> None:
        assert line in self._answer.split("\r\n"), self._answer

    async def _act_say(self, text: str) -> None:
        self.peer().send_rtp(self._source.packet(text.encode()))

    async def _act_hears(self, text: str) -> None:
        await until(lambda: text.encode() in self._heard)

    async def _act_lost(self, _: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.shield(self.peer().lost)

    async def _act_hang_up_media(self, _: str) -> None:
        await self.peer().close()


def _split(pattern: str) -> list[str]:
    return [part for part in re.split(r"(\$ANY)", pattern) if part]
