"""The track that aiortc's sender asks for packets, with a wall clock that the test moves."""

from __future__ import annotations

import asyncio

import pytest
from aiortc.mediastreams import MediaStreamError

from loadkit.call import stock_track
from loadkit.call.stock_track import SpokenTrack


class WallClock:
    """Time of day that passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1e9

    def time(self) -> float:
        return self.now


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> WallClock:
    wall, sleep = WallClock(), asyncio.sleep

    async def sleep_and_pass(seconds: float) -> None:
        wall.now += max(0.0, seconds)
        await sleep(0)

    monkeypatch.setattr(stock_track, "time", wall)
    monkeypatch.setattr("loadkit.call.stock_track.asyncio.sleep", sleep_and_pass)
    return wall


async def test_packets_are_20_ms_apart_and_never_drift(wall: WallClock) -> None:
    late: list[float] = []

    def next_payload(seconds: float) -> bytes:
        late.append(seconds)
        # What happens between two packets takes its time.
        wall.now += 0.005
        return b"opus"

    track = SpokenTrack(next_payload)
    packets = [await track.recv() for _ in range(50)]
    assert wall.now - 1e9 == pytest.approx(49 * 0.02 + 0.005)
    assert late == pytest.approx([0.0] * 50, abs=1e-6)
    assert [packet.pts for packet in packets] == [960 * number for number in range(50)]
    assert {packet.time_base for packet in packets} == {packets[0].time_base}
    assert 1 / packets[0].time_base == 48_000
    assert {bytes(packet) for packet in packets} == {b"opus"}


async def test_what_is_overdue_is_sent_at_once_and_told_as_late(wall: WallClock) -> None:
    late: list[float] = []

    def next_payload(seconds: float) -> bytes:
        late.append(seconds)
        return b"opus"

    track = SpokenTrack(next_payload)
    await track.recv()
    wall.now += 0.1
    for _ in range(6):
        await track.recv()
    assert late == pytest.approx([0.0, 0.08, 0.06, 0.04, 0.02, 0.0, 0.0], abs=1e-6)


async def test_a_track_that_was_stopped_has_no_more_packets(wall: WallClock) -> None:
    track = SpokenTrack(lambda late: b"opus")
    await track.recv()
    track.stop()
    with pytest.raises(MediaStreamError):
        await track.recv()
