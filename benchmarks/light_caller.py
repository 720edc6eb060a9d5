"""A caller whose every step can be left out: what a call that breaks off somewhere is made of.

Its JSON is written by hand, as the tests' is.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiortc import RTCIceCandidate
from websockets.asyncio.client import ClientConnection, connect

from loadkit.media.rtp import RtpSource
from loadkit.transport.dtls import Certificate
from loadkit.transport.peer import Peer
from loadkit.transport.sdp import LocalDescription, read_candidate, read_sdp, write_candidate, write_sdp

_PATIENCE_S = 30.0
_WRONG_FINGERPRINT = "a=fingerprint:sha-256 " + ":".join(["AB"] * 32)


class LightCaller:
    """One call, step by step; nothing happens that is not asked for, and :meth:`vanish` is always the last step.

    :param url: the gateway's, ``ws://host:port``.
    """

    def __init__(self, url: str, certificate: Certificate) -> None:
        self.session_id = ""
        self._url = url
        self._arrived = asyncio.Semaphore(0)
        self._answer = ""
        self._websocket: ClientConnection | None = None
        self.peer = Peer(
            controlling=True,
            certificate=certificate,
            addresses=["127.0.0.1"],
            on_rtp=lambda packet, now: self._arrived.release(),
            on_rtcp=lambda packet, now: None,
        )
        self._source = RtpSource(self.peer.ssrc, 111)

    # Signaling

    @property
    def websocket(self) -> ClientConnection:
        assert self._websocket is not None
        return self._websocket

    async def open(self) -> None:
        """Open a WebSocket; a second time, a fresh one."""
        self._websocket = await connect(
            self._url + "/api/v1/webrtc/signal", proxy=None, compression=None, open_timeout=_PATIENCE_S
        )

    async def send(self, **message: Any) -> None:
        """Send a message of this session."""
        await self.websocket.send(json.dumps({"sessionId": self.session_id, **message}))

    async def offer(
        self, mode: str = "echo", *, wrong_fingerprint: bool = False, codec: str = "opus"
    ) -> None:
        """Ask for a call."""
        local = LocalDescription(
            ice=self.peer.ice_parameters,
            dtls=self.peer.dtls_parameters,
            ssrc=self.peer.ssrc,
            cname=self.peer.cname,
        )
        sdp = write_sdp(local, "offer").replace("opus", codec)
        if wrong_fingerprint:
            lines = sdp.split("\r\n")
            sdp = "\r\n".join(_WRONG_FINGERPRINT if x.startswith("a=fingerprint") else x for x in lines)
        await self.send(type="offer", data={"type": "offer", "sdp": sdp}, authToken="token", mode=mode)

    async def receive(self, kind: str) -> dict[str, Any]:
        """The next message of a type; others are passed over."""
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                message: dict[str, Any] = json.loads(await self.websocket.recv())
                if message["type"] == kind:
                    return message

    async def answered(self) -> None:
        """Wait for the answer."""
        answer = await self.receive("answer")
        self.session_id, self._answer = answer["sessionId"], answer["data"]["sdp"]

    async def candidate(self, line: str) -> None:
        """Trickle a candidate; an empty one is the end."""
        await self.send(type="ice-candidate", data={"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0})

    # Media

    async def gather(self) -> None:
        """Send our candidates and the end of them."""
        found: list[RTCIceCandidate] = []
        await self.peer.gather(found.append)
        for candidate in found:
            await self.candidate(write_candidate(candidate))
        await self.candidate("")

    async def ice(self) -> None:
        """Find a pair."""
        await self.gather()
        while line := (await self.receive("ice-candidate"))["data"]["candidate"]:
            await self.peer.add_remote_candidate(read_candidate(line))
        async with asyncio.timeout(_PATIENCE_S):
            await self.peer.connect(read_sdp(self._answer).ice)

    async def dtls(self) -> None:
        """The handshake."""
        async with asyncio.timeout(_PATIENCE_S):
            await self.peer.handshake(read_sdp(self._answer).dtls)

    async def connect(self, mode: str = "echo") -> None:
        """Everything, up to where media flows."""
        await self.open()
        await self.offer(mode)
        await self.answered()
        await self.ice()
        await self.dtls()

    async def talk(self, packets: int) -> None:
        """Send so many packets and wait for as many, whatever they are."""
        async with asyncio.timeout(_PATIENCE_S):
            for _ in range(packets):
                self.peer.send_rtp(self._source.packet(b"\xf8\xff\xfe"))
                await self._arrived.acquire()

    # The end

    async def hang_up(self) -> None:
        """Say ``close``."""
        await self.send(type="close")

    def tear(self) -> None:
        """Abort the TCP connection (RST)."""
        if self._websocket is not None:
            self._websocket.transport.abort()

    async def vanish(self) -> None:
        """Free what is ours, without a word to anybody."""
        self.tear()
        if self._websocket is not None:
            await self._websocket.wait_closed()
        self.peer.abort()
        await self.peer.close()
