"""Whole calls on aiortc's own sender and receiver: what they leave in the record, and that nothing else is left."""

from __future__ import annotations

import asyncio
import itertools
import struct
import threading
from collections.abc import AsyncIterator
from dataclasses import fields

import pytest

from loadkit.errors import Stage
from loadkit.records import CallRecord, Outcome
from tests.call.test_session import assert_failed, caller_of, echo, place, talk_until, tone
from tests.fakes import Footprint, Line, ScriptedGateway
from tests.waiting import until

STOCK = {"media_path": "stock"}

#: Columns of packets that aiortc does not tell: it drops in silence what is not authentic or came before.
UNMEASURED = {"packets_discarded", "packets_duplicated"}
#: Columns of packets that take seconds to be known, or are empty when nothing was lost.
LATER = {"loss_burst_mean", "clock_drift_ppm", "round_trip_time", "remote_packets_lost", "remote_jitter"}
#: Not known when the machine lets the process stand still.
SPOILT = {"playout_late_simulated"}


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    """No task, no socket, no decoder's thread."""
    footprint, threads = Footprint(), set(threading.enumerate())
    yield
    async with asyncio.timeout(20):
        await footprint.assert_nothing_is_left()
    assert [thread.name for thread in set(threading.enumerate()) - threads if "decoder" in thread.name] == []


def media_columns() -> list[str]:
    """From the packets sent to what was heard."""
    names = [field.name for field in fields(CallRecord)]
    return names[names.index("packets_sent") : names.index("remote_jitter") + 1]


async def test_the_record_is_complete_but_for_what_aiortc_does_not_tell() -> None:
    async with (
        asyncio.timeout(60),
        ScriptedGateway(echo) as gateway,
        caller_of(gateway, **STOCK) as caller,
    ):
        session = caller.call()
        await session.wait_connected()
        await talk_until(session, lambda so_far: (so_far.packets_received or 0) >= 5)
        assert session.so_far().packets_sent
        session.hang_up(Outcome.COMPLETED)
        record = await caller.end()
        await gateway.closed.wait()
    assert (record.outcome, record.media_path) == (Outcome.COMPLETED, "stock")
    empty = {name for name in media_columns() if getattr(record, name) is None}
    assert empty >= UNMEASURED
    assert empty <= UNMEASURED | LATER | (SPOILT if record.stood_still_ms else set())
    assert record.packets_sent is not None and record.packets_received is not None
    # Each may have a few less, which are on their way when the call ends.
    assert 0 < record.packets_received <= record.packets_sent
    assert 0 <= record.packets_sent - len(gateway.rtp) <= 3
    assert record.bytes_sent is not None and record.bytes_sent >= sum(len(p) - 12 for p in gateway.rtp)
    assert (record.packets_lost, record.no_audio, record.silent_audio) == (0, False, False)
    assert record.late_ms_max is not None and record.frames_skipped == 0
    assert record.first_packet_ms is not None and record.first_audio_ms is not None


async def test_the_sample_goes_out_as_it_was_encoded_under_the_ssrc_of_the_offer() -> None:
    async with (
        asyncio.timeout(60),
        ScriptedGateway(echo) as gateway,
        caller_of(gateway, **STOCK) as caller,
    ):
        session = caller.call()
        await session.wait_connected()
        await session.script.say(tone())
        await until(lambda: any(packet[12:] == tone().packets[-1] for packet in gateway.rtp))
        session.hang_up(Outcome.COMPLETED)
        await caller.end()
        await gateway.closed.wait()
    payloads = tuple(packet[12:] for packet in gateway.rtp)
    first = payloads.index(tone().packets[0])
    assert payloads[first : first + len(tone().packets)] == tone().packets
    ssrcs = {struct.unpack_from("!I", packet, 8)[0] for packet in gateway.rtp}
    (offer,) = gateway.of_kind("offer")
    assert [f"a=ssrc:{ssrc} " in offer["data"]["sdp"] for ssrc in ssrcs] == [True]
    stamps = [struct.unpack_from("!I", packet, 4)[0] for packet in gateway.rtp]
    assert {(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(stamps)} == {960}


async def test_bye_is_the_last_word_of_the_media() -> None:
    async with (
        asyncio.timeout(60),
        ScriptedGateway(echo) as gateway,
        caller_of(gateway, **STOCK) as caller,
    ):
        session = caller.call()
        await session.wait_connected()
        await gateway.heard.wait()
        session.hang_up(Outcome.COMPLETED)
        await caller.end()
        await gateway.closed.wait()
        await until(lambda: gateway.rtcp[-1][:4] == struct.pack("!BBH", 0x81, 203, 1))


async def test_call_that_ends_as_soon_as_it_is_connected_leaves_nothing() -> None:
    async with (
        asyncio.timeout(60),
        ScriptedGateway(echo) as gateway,
        caller_of(gateway, **STOCK) as caller,
    ):
        session = caller.call()
        session.connected.add_done_callback(lambda _: session.hang_up(Outcome.CANCELLED))
        record = await caller.end()
    assert (record.outcome, record.media_path) == (Outcome.CANCELLED, "stock")


async def test_call_that_never_connects_has_no_path_of_media() -> None:
    async def script(line: Line) -> None:
        await line.take_offer()
        await line.send_answer(await line.make_peer())
        await line.send_error("AGENT_FAILURE", "no agent")
        await line.listen()

    record, _ = await place(script, **STOCK)
    assert record.error_code == "AGENT_FAILURE"
    assert record.media_path is None
    assert record.packets_sent is None


async def test_gateway_that_closes_its_media_ends_the_call() -> None:
    async def script(line: Line) -> None:
        peer = await line.take_call()
        await line.gateway.heard.wait()
        await peer.close()
        await line.listen()

    record, _ = await place(script, **STOCK)
    assert_failed(record, Stage.MEDIA, "MEDIA_LOST")
    assert record.error_message == "the other side closed DTLS"


async def test_silence_of_the_gateway_is_noticed() -> None:
    async def script(line: Line) -> None:
        line.gateway.echoing = False
        await line.take_call()
        await line.listen()

    record, _ = await place(script, **STOCK, media_timeout=0.5)
    assert_failed(record, Stage.MEDIA, "NO_AUDIO")
    assert (record.packets_received, record.packets_lost, record.jitter) == (0, None, None)


async def test_what_breaks_while_sending_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> bytes:
        raise RuntimeError("no packet")

    monkeypatch.setattr("loadkit.media.speaker.Speaker.next_packet", broken)
    record, _ = await place(echo, **STOCK)
    assert_failed(record, Stage.MEDIA, "INTERNAL")
    assert record.error_message == "sending failed (RuntimeError: no packet)"
