"""The hooks of a session: without faults they are none; with faults, real calls meet their share of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from loadkit.gateway.embedded import EmbeddedGateway
from loadkit.gateway.faults.clock import DriftingClock
from loadkit.gateway.faults.gateway_faults import GatewayFaults
from loadkit.gateway.faults.hooks import SessionFaults
from loadkit.gateway.faults.kinds import Stall
from loadkit.gateway.faults.links import DelayLine
from loadkit.gateway.faults.stall import Stalls
from loadkit.media.clock import MediaClock
from loadkit.media.rtp import RtpPacket
from loadkit.media.samples import silence
from loadkit.transport.dtls import Certificate
from loadkit.transport.peer import Peer
from tests.fakes import Footprint
from tests.gateway.callers import Caller, RawSocket, all_gone, offer
from tests.gateway.conftest import StartGateway
from tests.waiting import PATIENT, until

from .demonstrations import place_call


async def test_a_call_without_faults_takes_the_way_that_it_takes_without_the_hooks() -> None:
    faults = GatewayFaults().of_next_call()
    assert type(faults) is SessionFaults
    assert GatewayFaults().of_next_call() is faults

    def handle(_packet: bytes, _now: float) -> None: ...

    peer = Peer(controlling=False, certificate=Certificate(), addresses=[], on_rtp=handle, on_rtcp=handle)
    clock = MediaClock()
    assert faults.sender(peer, echo=True) is peer
    assert faults.rtp_handler(handle) is handle
    assert faults.rtcp_handler(handle) is handle
    assert faults.clock(clock) is clock
    assert faults.answer("v=0") == "v=0"
    await peer.close()


async def test_calls_meet_exactly_their_share(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(fault=("error code=TRY_AGAIN share=30%",))
    refused = 0
    for _ in range(10):
        async with RawSocket(gateway) as socket:
            answer = await socket.ask(offer())
            if answer["type"] == "error":
                assert answer["data"] == {"code": "TRY_AGAIN", "message": "a fault on demand"}
                refused += 1
            else:
                assert answer["type"] == "answer"
    assert refused == 3


async def test_a_call_may_have_several_faults(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(fault=("silent", "error code=LATER at=1s", "late-answer by=10ms"))
    async with Caller(gateway) as caller:
        await caller.place()
        caller.say(b"not silent")
        (heard,) = await caller.hears(1)
        assert heard.payload == silence()
        error = await caller.socket.receive("error")
        assert error["data"]["code"] == "LATER"
        await all_gone(gateway)


async def test_the_first_fault_that_decides_about_the_offer_counts(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(fault=("error code=FIRST", "no-answer", "error code=SECOND"))
    async with RawSocket(gateway) as socket:
        assert await socket.refusal(offer()) == ("FIRST", "a fault on demand")


@pytest.mark.parametrize(
    "fault",
    [
        "no-answer",
        "late-answer by=60",
        "no-candidates",
        "late-candidates by=60",
        "error code=X at=60",
        "socket-reset at=0",
        "choppy delay=60s direction=both",
        "media-stop",
    ],
)
async def test_a_session_with_a_fault_that_still_waits_frees_everything(
    start_gateway: StartGateway,
    fault: str,
) -> None:
    gateway = await start_gateway(fault=(fault,), reconnect_grace=0.05)
    footprint = Footprint()
    async with RawSocket(gateway) as socket:
        await socket.send(offer())
        await until(lambda: gateway.active_sessions == 1)
    await all_gone(gateway)
    async with asyncio.timeout(20):
        await footprint.assert_nothing_is_left()


async def test_an_agent_call_with_impaired_packets_both_ways_frees_everything(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(
        fault=("choppy delay=40ms jitter=40ms loss=5% direction=both", "clock-drift ppm=-1000")
    )
    footprint = Footprint()
    async with Caller(gateway) as caller:
        await caller.place("traditional")
        packets: list[RtpPacket] = await caller.hears(20)
        assert {packet.payload_type for packet in packets} == {111}
        await caller.close()
        await all_gone(gateway)
    async with asyncio.timeout(20):
        await footprint.assert_nothing_is_left()


async def test_the_log_says_at_the_start_that_there_are_faults(
    start_gateway: StartGateway,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await start_gateway(fault=("silent", "silent at=1", "stall for=1"))
    assert "faults on demand: silent (2), stall (1)" in caplog.text
    caplog.clear()
    await start_gateway()
    assert caplog.text == ""


def test_the_gateway_of_a_load_test_takes_its_faults_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "faults.toml"
    file.write_text('[[fault]]\nkind = "error"\ncode = "FROM_THE_FILE"\n', encoding="utf-8")
    monkeypatch.setenv("LOADKIT_GATEWAY_FAULTS", str(file))
    gateway = EmbeddedGateway()
    url = gateway.start(())
    try:
        record = asyncio.run(place_call(url, more=PATIENT))
    finally:
        gateway.stop()
    assert record.error_code == "FROM_THE_FILE"


# Parts


async def test_a_delay_line_keeps_to_the_order_of_times() -> None:
    line, done = DelayLine(), []
    finished = asyncio.Event()
    now = asyncio.get_running_loop().time()

    def do(name: str) -> Callable[[], None]:
        return lambda: done.append(name)

    line.at(now + 0.03, now, do("third"))
    line.at(now, now, do("after what waits, when something does"))
    line.at(now + 0.01, now, do("second"))
    line.at(now + 0.01, now, do("second, too"))
    line.at(now + 0.04, now, finished.set)
    async with asyncio.timeout(10):
        await finished.wait()
    assert done == ["after what waits, when something does", "second", "second, too", "third"]


async def test_a_delay_line_goes_on_after_what_fails(caplog: pytest.LogCaptureFixture) -> None:
    line, finished = DelayLine(), asyncio.Event()
    now = asyncio.get_running_loop().time()

    def fail() -> None:
        raise ValueError("lost")

    line.at(now + 0.001, now, fail)
    line.at(now + 0.001, now, finished.set)
    async with asyncio.timeout(10):
        await finished.wait()
    assert "a delayed packet could not be handled" in caplog.text


async def test_a_closed_delay_line_does_nothing_more() -> None:
    line, done, passed = DelayLine(), [], asyncio.Event()
    loop = asyncio.get_running_loop()
    now = loop.time()
    line.at(now + 0.001, now, lambda: done.append("before"))
    line.close()
    line.at(now + 0.001, now, lambda: done.append("after"))
    loop.call_later(0.02, passed.set)
    async with asyncio.timeout(10):
        await passed.wait()
    assert done == []


async def test_a_drifting_clock_ticks_until_it_is_stopped() -> None:
    clock, ticks, enough = DriftingClock(50_000), [], asyncio.Event()

    def tick(frames: int, skipped: int, late: float) -> None:
        ticks.append(frames)
        if len(ticks) == 3:
            clock.remove(tick)
            enough.set()

    clock.add(tick)
    async with asyncio.timeout(10):
        await enough.wait()
        await asyncio.sleep(0.05)
    assert len(ticks) == 3


async def test_a_tick_that_fails_is_called_no_more(caplog: pytest.LogCaptureFixture) -> None:
    clock, called = DriftingClock(0), asyncio.Event()

    def tick(frames: int, skipped: int, late: float) -> None:
        assert not called.is_set()
        called.set()
        raise ValueError("broken")

    clock.add(tick)
    async with asyncio.timeout(10):
        await called.wait()
        await asyncio.sleep(0.05)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_a_stall_comes_after_the_first_call_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    again = asyncio.Event()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            again.set()

    monkeypatch.setattr("loadkit.gateway.faults.stall.time.sleep", sleep)
    stalls = Stalls([Stall.model_validate({"for": 0.01, "every": 0.02})])
    stalls.first_connected()
    stalls.first_connected()
    async with asyncio.timeout(10):
        await again.wait()
    stalls.close()
    assert slept == [0.01] * 3


async def test_calls_above_a_number_are_refused_and_one_that_ends_makes_room(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway(fault=("error code=FULL above=2",))
    async with RawSocket(gateway) as first, RawSocket(gateway) as second, RawSocket(gateway) as third:
        assert (await first.ask(offer()))["type"] == "answer"
        assert (await second.ask(offer()))["type"] == "answer"
        for _ in range(3):
            assert await third.refusal(offer()) == ("FULL", "a fault on demand")
        await first.send('{"type": "close", "authToken": "token"}')
        await until(lambda: gateway.active_sessions == 1)
        assert (await third.ask(offer()))["type"] == "answer"
