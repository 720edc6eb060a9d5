"""Clients to test the gateway with. Their JSON is written here by hand, not by ``loadkit.signaling``:
a misreading that caller and gateway share would otherwise go unseen.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from aiortc import RTCIceCandidate
from aiortc.rtp import RtcpByePacket, RtcpPacket
from websockets.asyncio.client import ClientConnection, connect

from loadkit.gateway.app import Gateway
from loadkit.gateway.settings import SPEECH_FOLDER
from loadkit.media.rtp import RtpPacket, RtpSource, parse_rtp
from loadkit.media.samples import silence
from loadkit.transport.dtls import Certificate
from loadkit.transport.peer import Peer
from loadkit.transport.sdp import LocalDescription, read_candidate, read_sdp, write_candidate, write_sdp
from tests.waiting import PATIENCE_S, until

#: Silence of an agent so long that it has no more to say; of 20 ms each.
_SILENT_PACKETS = 15

CERTIFICATE = Certificate()

#: An offer as a browser writes it, shortened; nothing answers at its address.
OFFER_SDP = "\r\n".join(
    [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=ice-ufrag:4ZcD",
        "a=ice-pwd:2/1muCWoOi3uLifh0NuRHlZn",
        "a=ice-options:trickle",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
        "a=setup:actpass",
        "a=mid:0",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "",
    ]
)


def offer(sdp: str = OFFER_SDP, mode: str | None = "echo", **fields: Any) -> str:
    """The JSON text of an offer."""
    message = {
        "type": "offer",
        "sessionId": "",
        "data": {"type": "offer", "sdp": sdp},
        "authToken": "token",
        "mode": mode,
    }
    return json.dumps(message | fields)


def voice(folder: Path, greeting: str) -> Path:
    """Recordings for an agent with another greeting and one short answer."""
    for name, source in {"greeting": greeting, "answer_1": "goodbye", "goodbye": "goodbye"}.items():
        shutil.copy(SPEECH_FOLDER / f"{source}.wav", folder / f"{name}.wav")
    return folder


def client_side(gateway: Gateway) -> ssl.SSLContext | None:
    """The TLS side of a client that knows the gateway's certificate and no other; None without TLS."""
    if gateway.tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(gateway.tls.certificate)
    return context


class RawSocket:
    """A WebSocket to the gateway that sends and receives JSON text."""

    def __init__(self, gateway: Gateway) -> None:
        self._url = gateway.url + "/api/v1/webrtc/signal"
        self._tls = client_side(gateway)

    async def __aenter__(self) -> RawSocket:
        self.connection: ClientConnection = await connect(self._url, proxy=None, ssl=self._tls)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.connection.close()

    async def send(self, frame: str | bytes) -> None:
        await self.connection.send(frame)

    async def receive(self, kind: str | None = None) -> dict[str, Any]:
        """The next message, or the next one of a type."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message: dict[str, Any] = json.loads(await self.connection.recv())
                if kind is None or message["type"] == kind:
                    return message

    async def error(self) -> tuple[str, str]:
        """Code and message of the next message, which must be an error."""
        message = await self.receive()
        assert message["type"] == "error", message
        return message["data"]["code"], message["data"]["message"]

    async def ask(self, frame: str | bytes) -> dict[str, Any]:
        """Send a frame and receive the answer to it."""
        await self.send(frame)
        return await self.receive()

    async def refusal(self, frame: str | bytes) -> tuple[str, str]:
        """Send a frame and receive the error that refuses it."""
        await self.send(frame)
        return await self.error()


class Caller:
    """A whole call over our own transport."""

    def __init__(self, gateway: Gateway, token: str = "token") -> None:
        self.gateway = gateway
        self.token = token
        self.socket = RawSocket(gateway)
        self.session_id = ""
        #: (packet, arrival on the monotonic clock)
        self.heard: list[tuple[RtpPacket, float]] = []
        self.rtcp: list[bytes] = []
        self._arrived = asyncio.Event()
        self.peer = Peer(
            controlling=True,
            certificate=CERTIFICATE,
            addresses=["127.0.0.1"],
            on_rtp=self._rtp,
            on_rtcp=self._rtcp,
        )
        self.source = RtpSource(self.peer.ssrc, 111)

    async def __aenter__(self) -> Caller:
        await self.socket.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.peer.close()
        await self.socket.__aexit__(kind, error, trace)

    def _rtp(self, packet: bytes, now: float) -> None:
        self.heard.append((parse_rtp(packet), now))
        self._arrived.set()

    def _rtcp(self, packet: bytes, now: float) -> None:
        self.rtcp.append(packet)
        self._arrived.set()

    async def place(self, mode: str = "echo") -> Caller:
        """Offer, trickle, connect."""
        local = LocalDescription(
            ice=self.peer.ice_parameters,
            dtls=self.peer.dtls_parameters,
            ssrc=self.peer.ssrc,
            cname=self.peer.cname,
        )
        await self.socket.send(offer(write_sdp(local, "offer"), mode, authToken=self.token))
        answer = await self.socket.receive()
        assert answer["type"] == "answer", answer
        self.session_id = answer["sessionId"]
        remote = read_sdp(answer["data"]["sdp"])
        candidates: list[RTCIceCandidate] = []
        await self.peer.gather(candidates.append)
        for candidate in candidates:
            await self.candidate(write_candidate(candidate))
        await self.candidate("")
        while line := (await self.socket.receive("ice-candidate"))["data"]["candidate"]:
            await self.peer.add_remote_candidate(read_candidate(line))
        async with asyncio.timeout(PATIENCE_S):
            await self.peer.connect(remote.ice)
            await self.peer.handshake(remote.dtls)
        return self

    async def candidate(self, line: str) -> None:
        data = {"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0}
        message = {"type": "ice-candidate", "sessionId": self.session_id, "data": data}
        await self.socket.send(json.dumps(message))

    async def close(self) -> None:
        await self.socket.send(json.dumps({"type": "close", "sessionId": self.session_id}))

    def say(self, payload: bytes) -> None:
        self.peer.send_rtp(self.source.packet(payload))

    async def say_all(self, packets: tuple[bytes, ...]) -> float:
        """Send packets 20 ms apart; returns when the last one was sent."""
        due = time.monotonic()
        for payload in packets:
            self.say(payload)
            due += 0.02
            await asyncio.sleep(due - time.monotonic())
        return due - 0.02

    async def hears(self, count: int) -> list[RtpPacket]:
        """Wait for so many packets in all."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.heard) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return [packet for packet, _ in self.heard]

    async def hears_out(self) -> None:
        """Say nothing until the agent has said something more, and is silent again."""
        since, hush = len(self.heard), silence()
        async with asyncio.timeout(PATIENCE_S):
            while True:
                await self.say_all((hush,) * 5)
                silent = [packet.payload == hush for packet, _ in self.heard[since:]]
                if not all(silent) and all(silent[-_SILENT_PACKETS:]):
                    return

    async def hears_report(self) -> bytes:
        """Wait for an RTCP packet more than there are."""
        count = len(self.rtcp)
        async with asyncio.timeout(PATIENCE_S):
            while len(self.rtcp) <= count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.rtcp[-1]

    async def hears_bye(self) -> None:
        """Wait until the last RTCP packet ends with BYE; a report may have left just before."""
        await until(
            lambda: bool(self.rtcp) and isinstance(RtcpPacket.parse(self.rtcp[-1])[-1], RtcpByePacket)
        )


async def all_gone(gateway: Gateway) -> None:
    """Wait until the gateway holds no session."""
    await until(lambda: gateway.active_sessions == 0)
