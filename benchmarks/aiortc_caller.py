"""Calls by aiortc as its documentation has them: RTCPeerConnection, a track to send, a track to receive.

    python -m benchmarks.aiortc_caller URL [--calls 20] [--pre-encoded]

The track yields PCM frames, which aiortc encodes, or with ``--pre-encoded`` the packets that loadkit sends. What comes
back is decoded either way: aiortc's receiver decodes each packet, whether its track is read or not. Standard input and
output are those of :mod:`benchmarks.caller_process`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fractions
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import av
import uvloop
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaBlackhole
from aiortc.mediastreams import MediaStreamTrack
from aiortc.sdp import candidate_from_sdp
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.engine_calls import SAMPLE
from benchmarks.standard_input import lines
from loadkit.media import CLOCK_RATE, FRAME_SAMPLES
from loadkit.media.samples import load_sample, read_sound

_AT_ONCE = 4
_PATIENCE_S = 40.0
_TIME_BASE = fractions.Fraction(1, CLOCK_RATE)


class _Track(MediaStreamTrack):
    """20 ms at a time, for ever, by the wall clock as aiortc's own tracks are."""

    kind = "audio"

    def __init__(self, pieces: Iterator[Any]) -> None:
        super().__init__()
        self._pieces = pieces
        self._pts = 0
        self._started: float | None = None

    async def recv(self) -> Any:
        if self._started is None:
            self._started = time.time()
        await asyncio.sleep(max(0.0, self._started + self._pts / CLOCK_RATE - time.time()))
        piece = next(self._pieces)
        piece.pts, piece.time_base = self._pts, _TIME_BASE
        self._pts += FRAME_SAMPLES
        return piece


def _frames() -> Iterator[av.AudioFrame]:
    sound = read_sound(SAMPLE)
    whole = sound.shape[1] // FRAME_SAMPLES
    layout = "mono" if sound.shape[0] == 1 else "stereo"
    for number in itertools.cycle(range(whole)):
        piece = sound[:, number * FRAME_SAMPLES : (number + 1) * FRAME_SAMPLES]
        frame = av.AudioFrame.from_ndarray(piece.T.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = CLOCK_RATE
        yield frame


def _packets() -> Iterator[Any]:
    for payload in itertools.cycle(load_sample(SAMPLE).packets):
        yield av.Packet(payload)


class _Call:
    """One call."""

    def __init__(self, url: str, *, pre_encoded: bool) -> None:
        self._url = url + "/api/v1/webrtc/signal"
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._connection.addTrack(_Track(_packets() if pre_encoded else _frames()))
        self._heard = MediaBlackhole()
        self._connection.on("track", self._heard.addTrack)
        self._socket: ClientConnection | None = None

    async def place(self) -> None:
        """Connect it."""
        connection = self._connection
        self._socket = await connect(self._url, proxy=None, compression=None)
        await connection.setLocalDescription(await connection.createOffer())
        offer = {"type": "offer", "sdp": connection.localDescription.sdp}
        await self._send({"type": "offer", "sessionId": "", "data": offer, "authToken": "t", "mode": "echo"})
        answer = await self._receive("answer")
        self._session_id = answer["sessionId"]
        connected = asyncio.create_task(self._connected())
        await connection.setRemoteDescription(RTCSessionDescription(answer["data"]["sdp"], "answer"))
        while line := (await self._receive("ice-candidate"))["data"]["candidate"]:
            candidate = candidate_from_sdp(line.removeprefix("candidate:"))
            candidate.sdpMid = "0"
            await connection.addIceCandidate(candidate)
        await connected
        await self._heard.start()

    async def _connected(self) -> None:
        changed = asyncio.Event()
        self._connection.on("connectionstatechange", changed.set)
        while self._connection.connectionState != "connected":
            changed.clear()
            await changed.wait()

    async def packets(self) -> tuple[int, int]:
        """Received and sent so far."""
        stats = (await self._connection.getStats()).values()
        received = sum(each.packetsReceived for each in stats if each.type == "inbound-rtp")
        return received, sum(each.packetsSent for each in stats if each.type == "outbound-rtp")

    async def end(self) -> None:
        """Hang up."""
        await self._send({"type": "close", "sessionId": self._session_id})
        await self._connection.close()
        assert self._socket is not None
        await self._socket.close()

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps(message))

    async def _receive(self, kind: str) -> dict[str, Any]:
        assert self._socket is not None
        while True:
            message: dict[str, Any] = json.loads(await self._socket.recv())
            if message["type"] == kind:
                return message


async def _run(url: str, count: int, *, pre_encoded: bool) -> None:
    calls = [_Call(url, pre_encoded=pre_encoded) for _ in range(count)]
    room = asyncio.Semaphore(_AT_ONCE)

    async def place(call: _Call) -> None:
        async with room, asyncio.timeout(_PATIENCE_S):
            await call.place()

    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(place(call))
    print(json.dumps({"up": count}), flush=True)
    async for _ in lines():
        counted = [await call.packets() for call in calls]
        received, sent = (sum(numbers) for numbers in zip(*counted, strict=True))
        print(json.dumps({"received": received, "sent": sent}), flush=True)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_S):
            await asyncio.gather(*(call.end() for call in calls), return_exceptions=True)


def _main() -> None:
    parser = argparse.ArgumentParser(description="Calls by aiortc as its documentation has them.")
    parser.add_argument("url")
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--pre-encoded", action="store_true")
    args = parser.parse_args()
    # aiortc leaves out 127.0.0.1 by name, and these calls stay on loopback.
    import aioice.ice

    aioice.ice.get_host_addresses = lambda **_: ["127.0.0.1"]
    # Kinder to aiortc than asyncio's own loop.
    uvloop.run(_run(args.url, args.calls, pre_encoded=args.pre_encoded))


if __name__ == "__main__":
    _main()
