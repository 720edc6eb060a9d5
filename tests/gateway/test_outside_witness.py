"""aiortc's own peer connection as the caller: a witness from outside to our SDP, ICE, DTLS and media."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack
from aiortc.sdp import candidate_from_sdp
from av import AudioFrame

from loadkit.gateway.app import Gateway

from .callers import RawSocket, all_gone, offer


@pytest.mark.parametrize("mode", ["echo", "end-to-end"])
async def test_aiortc_places_a_call(gateway: Gateway, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["127.0.0.1"])
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    tracks: asyncio.Queue[MediaStreamTrack] = asyncio.Queue()
    connection.on("track", tracks.put_nowait)
    connection.addTrack(AudioStreamTrack())
    async with RawSocket(gateway) as socket, asyncio.timeout(60):
        await connection.setLocalDescription(await connection.createOffer())
        answer = await socket.ask(offer(connection.localDescription.sdp, mode))
        await connection.setRemoteDescription(RTCSessionDescription(answer["data"]["sdp"], "answer"))
        while line := (await socket.receive("ice-candidate"))["data"]["candidate"]:
            candidate = candidate_from_sdp(line.removeprefix("candidate:"))
            candidate.sdpMid = "0"
            await connection.addIceCandidate(candidate)
        track = await tracks.get()
        for _ in range(10):
            assert isinstance(await track.recv(), AudioFrame)
        assert connection.connectionState == "connected"
        await socket.send(json.dumps({"type": "close", "sessionId": answer["sessionId"]}))
        await all_gone(gateway)
    await connection.close()
