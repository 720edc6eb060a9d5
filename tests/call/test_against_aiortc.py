"""aiortc's own peer connection as the gateway: an outside witness of what each media path sends and measures."""

from __future__ import annotations

import asyncio
from typing import TypeVar

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.stats import (
    RTCInboundRtpStreamStats,
    RTCOutboundRtpStreamStats,
    RTCRemoteInboundRtpStreamStats,
    RTCStats,
)

from loadkit.media.samples import load_sample
from loadkit.records import CallRecord, Outcome
from loadkit.settings import SAMPLES_DIR
from tests.call.test_session import caller_of
from tests.fakes import Line, ScriptedGateway
from tests.media_paths import MEDIA_PATHS as PATHS
from tests.waiting import echo_was_held_up

#: Packets that are on their way when a call begins or ends, on a busy machine.
ON_THE_WAY = 50
#: Seconds, besides what the machine let packets wait; a few ms on loopback, up to hundreds on a busy machine, thousands
#: of times as large in another unit.
SMALL_S = 1.0

Stats = TypeVar("Stats", bound=RTCStats)


class AiortcGateway:
    """Answers one call, sends back what it decodes, and keeps its own statistics."""

    def __init__(self) -> None:
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._entries: list[RTCStats] = []

    async def script(self, line: Line) -> None:
        offer = await line.take_offer()
        connection = self._connection
        try:
            await connection.setRemoteDescription(RTCSessionDescription(offer["data"]["sdp"], "offer"))
            connection.addTrack(connection.getReceivers()[0].track)
            await connection.setLocalDescription(await connection.createAnswer())
            await line.send_sdp(connection.localDescription.sdp)
            await line.listen()
            await self.look()
        finally:
            await connection.close()

    async def look(self) -> bool:
        """Read the statistics; whether the caller has reported by now."""
        self._entries = list((await self._connection.getStats()).values())
        return any(type(entry) is RTCRemoteInboundRtpStreamStats for entry in self._entries)

    def of(self, kind: type[Stats]) -> Stats:
        """The one entry of a kind."""
        (entry,) = (entry for entry in self._entries if isinstance(entry, kind))
        return entry


def both_ways(record: CallRecord) -> bool:
    """Whether sound came back, and a report."""
    return record.silent_audio is False and record.round_trip_time is not None


@pytest.mark.parametrize("media_path", PATHS)
async def test_aiortc_and_the_caller_measure_the_same_call_alike(
    media_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # aioice gathers no candidate on loopback by itself, and what tests send stays there.
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["127.0.0.1"])
    monkeypatch.setattr("loadkit.call.media.REPORT_INTERVAL_S", 0.5)
    witness = AiortcGateway()
    async with (
        asyncio.timeout(60),
        ScriptedGateway(witness.script) as gateway,
        caller_of(gateway, media_path=media_path) as caller,
    ):
        session = caller.call()
        await session.wait_connected()
        talking = asyncio.create_task(session.script.talk(load_sample(SAMPLES_DIR / "book_a_table.wav"), 60))
        while not (await witness.look() and both_ways(session.so_far())):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)
        talking.cancel()
        session.hang_up(Outcome.COMPLETED)
        record = await caller.end()
    assert (record.outcome, record.media_path) == (Outcome.COMPLETED, media_path)
    sent, received = record.packets_sent, record.packets_received
    assert sent is not None and received is not None
    assert record.late_ms_max is not None
    small_s = SMALL_S + record.late_ms_max / 1000
    theirs, ours = witness.of(RTCInboundRtpStreamStats), witness.of(RTCOutboundRtpStreamStats)
    assert sent - ON_THE_WAY <= theirs.packetsReceived <= sent
    assert theirs.packetsLost == record.remote_packets_lost == 0
    assert theirs.jitter / 48_000 < small_s
    assert ours.packetsSent - ON_THE_WAY <= received <= ours.packetsSent
    reported = witness.of(RTCRemoteInboundRtpStreamStats)
    assert reported.packetsLost == record.packets_lost == 0
    assert reported.jitter / 48_000 < small_s
    assert record.remote_jitter is not None and record.remote_jitter < small_s
    assert record.round_trip_time is not None and 0 < record.round_trip_time < small_s
    assert record.silent_audio is False
    assert record.one_way is False or echo_was_held_up(record)
