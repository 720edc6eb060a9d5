"""Reports of a whole call, with aiortc's own peer connection at the other end: what each side says of the other."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack
from aiortc.rtp import RtcpByePacket, RtcpSrPacket

from loadkit.media import CLOCK_RATE
from loadkit.records import CallRecord, Outcome
from loadkit.transport.peer import Peer
from tests.call.test_path import ice_servers
from tests.call.test_session import caller_of
from tests.conftest import TurnServer
from tests.fakes import Line, ScriptedGateway


@pytest.fixture(autouse=True)
def reports_come_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadkit.call.media.REPORT_INTERVAL_S", 0.5)
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["127.0.0.1"])


@dataclass
class Aiortc:
    """The gateway's media by aiortc alone: its own jitter, its own reports."""

    rtcp: list[Any] = field(default_factory=list)
    """Packets of the caller as aiortc has parsed them."""
    reported: asyncio.Event = field(default_factory=asyncio.Event)
    """Both sides have told the other of a round trip."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    stats: dict[str, Any] = field(default_factory=dict)
    """Its statistics by type, when the call was about to end."""

    async def answer(self, line: Line) -> None:
        """Take the call, and hold it until the caller has left."""
        offer = await line.take_offer()
        connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        connection.addTrack(AudioStreamTrack())
        try:
            await connection.setRemoteDescription(RTCSessionDescription(offer["data"]["sdp"], "offer"))
            await connection.setLocalDescription(await connection.createAnswer())
            self._listen(connection)
            await line.send_sdp(connection.localDescription.sdp)
            watching = asyncio.create_task(self._watch(connection))
            await line.listen()
            await self.ended.wait()
            watching.cancel()
        finally:
            await connection.close()

    def _listen(self, connection: RTCPeerConnection) -> None:
        (receiver,) = connection.getReceivers()
        original = receiver._handle_rtcp_packet

        async def handle(packet: Any) -> None:
            self.rtcp.append(packet)
            await original(packet)
            if isinstance(packet, RtcpByePacket):
                self.ended.set()

        receiver._handle_rtcp_packet = handle  # type: ignore[method-assign]

    async def _watch(self, connection: RTCPeerConnection) -> None:
        (receiver,), (sender,) = connection.getReceivers(), connection.getSenders()
        while not self.reported.is_set():
            await asyncio.sleep(0.05)
            both = [*(await receiver.getStats()).values(), *(await sender.getStats()).values()]
            self.stats = {each.type: each for each in both}
            remote = self.stats.get("remote-inbound-rtp")
            reports = [p for p in self.rtcp if isinstance(p, RtcpSrPacket)]
            if remote is not None and remote.roundTripTime is not None and len(reports) >= 3:
                self.reported.set()


async def record_of(
    aiortc: Aiortc, authority: TurnServer | None = None, **settings: Any
) -> tuple[CallRecord, ScriptedGateway]:
    """A call that ends once both sides know of a round trip."""
    servers = ice_servers(authority.urls, authority.secret) if authority else '{"iceServers": []}'
    gateway = ScriptedGateway(aiortc.answer, ice_servers=servers)
    context = ssl.create_default_context(cafile=authority.authority) if authority else None
    async with asyncio.timeout(60), gateway, caller_of(gateway, **settings) as caller:
        caller.context = replace(caller.context, ssl_context=context)
        call = caller.call()
        await call.wait_connected()
        await aiortc.reported.wait()
        while call.so_far().round_trip_time is None:  # noqa: ASYNC110 - a record tells nobody
            await asyncio.sleep(0.05)
        call.hang_up(Outcome.COMPLETED)
        record = await caller.end()
        await aiortc.ended.wait()
    assert record.outcome == Outcome.COMPLETED, record.error_message
    return record, gateway


def assert_reports_are_right(aiortc: Aiortc, record: CallRecord) -> None:
    """What aiortc read and computed, and what it told us."""
    inbound, remote = aiortc.stats["inbound-rtp"], aiortc.stats["remote-inbound-rtp"]
    assert 0 < inbound.packetsReceived <= record.packets_sent
    assert inbound.packetsLost == remote.packetsLost == record.packets_lost == 0
    assert 0 < remote.roundTripTime < 20
    assert record.round_trip_time is not None and 0 < record.round_trip_time < 20
    # aiortc's jitter is in ticks.
    assert 0 <= inbound.jitter < CLOCK_RATE and 0 <= remote.jitter < CLOCK_RATE
    assert record.remote_jitter is not None and record.jitter is not None
    infos = [p.sender_info for p in aiortc.rtcp if isinstance(p, RtcpSrPacket)]
    for one, two in itertools.pairwise(infos):
        seconds = (two.ntp_timestamp - one.ntp_timestamp) / (1 << 32)
        ticks = (two.rtp_timestamp - one.rtp_timestamp) & 0xFFFFFFFF
        # Within a frame: both mean the same moment.
        assert ticks / CLOCK_RATE == pytest.approx(seconds, abs=0.025)
        # The last one, with BYE, may follow the one before at once.
        assert two.packet_count >= one.packet_count
    assert infos[-1].packet_count == record.packets_sent
    assert infos[-1].octet_count == record.bytes_sent
    assert isinstance(aiortc.rtcp[-1], RtcpByePacket)


@pytest.mark.parametrize("media_path", ["python", "auto"])
async def test_aiortc_and_we_tell_each_other_of_round_trip_loss_and_jitter(media_path: str) -> None:
    aiortc = Aiortc()
    record, _ = await record_of(aiortc, media_path=media_path)
    assert_reports_are_right(aiortc, record)


@pytest.mark.parametrize(("protocol", "media_path"), [("udp", "python"), ("tls", "auto")])
async def test_reports_pass_a_relay_as_well(turn_server: TurnServer, protocol: str, media_path: str) -> None:
    aiortc = Aiortc()
    record, _ = await record_of(
        aiortc, authority=turn_server, ice_path=f"relay-{protocol}", media_path=media_path
    )
    assert record.local_candidate_type == "relay"
    assert_reports_are_right(aiortc, record)


async def test_each_packet_that_is_lost_is_in_the_reports_of_both(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers, send = itertools.count(1), Peer.send_rtp

    def lossy(self: Peer, packet: bytes) -> None:
        # Each tenth, and never the first.
        if next(numbers) % 10:
            send(self, packet)

    monkeypatch.setattr(Peer, "send_rtp", lossy)
    aiortc = Aiortc()
    record, _ = await record_of(aiortc, media_path="python")
    inbound, remote = aiortc.stats["inbound-rtp"], aiortc.stats["remote-inbound-rtp"]
    assert inbound.packetsLost == pytest.approx(inbound.packetsReceived / 9, abs=2)
    # Nothing of what aiortc sends is lost.
    assert remote.packetsLost == record.packets_lost == 0
    assert record.remote_packets_lost is not None and record.packets_sent is not None
    assert 0 < record.remote_packets_lost <= record.packets_sent / 10
