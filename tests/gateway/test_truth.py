"""The tester's latencies against what the gateway says it did: two witnesses of the same call.

They share one machine's clock. Between what one sends and the other hears lie a packet's way over loopback, the
voice activity detection of a decoded frame against that of the recording (a frame or two of 20 ms), and how
late a busy machine runs either. Each test allows 60 ms and, at each end of what is measured, what the machine let the
call's packets wait, which its record tells; ``benchmarks/latency_truth.py`` measures what it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from loadkit.call.context import make_context
from loadkit.call.destination import Destination
from loadkit.call.script import Script
from loadkit.call.session import CallSession
from loadkit.call.spec import CallSpec
from loadkit.gateway.app import Gateway
from loadkit.gateway.settings import SPEECH_FOLDER
from loadkit.media.clock import MediaClock
from loadkit.media.samples import load_sample
from loadkit.records import CallRecord, Outcome, TurnRecord
from loadkit.settings import make_settings
from loadkit.transport.dtls import Certificate
from tests.waiting import PATIENT, not_measured

from .callers import voice
from .conftest import StartGateway
from .test_events import told

TOLERANCE_MS = 60
#: Short, and without a pause that an agent takes for the end of a turn.
SAMPLES = [load_sample(SPEECH_FOLDER / name) for name in ("goodbye.wav", "greeting.wav")]
MODES = ("end-to-end", "traditional")

Talk = Callable[[Script], Awaitable[Any]]
Converse = Callable[[Gateway, str, Talk], Awaitable[tuple[CallRecord, list[TurnRecord]]]]


async def greeting_and_two_turns(script: Script) -> None:
    await script.wait_for_agent(60)
    for sample in SAMPLES:
        await script.say(sample)
        await script.wait_for_reply(60)


@pytest.fixture
async def converse() -> AsyncIterator[Converse]:
    """Places a call, talks and hangs up."""
    clock = MediaClock()
    settings = make_settings({"auth_token": "token", **PATIENT})

    async def call(gateway: Gateway, mode: str, talk: Talk) -> tuple[CallRecord, list[TurnRecord]]:
        destination = Destination.of(gateway.url, settings)
        context = make_context(settings, destination, certificate=Certificate(), clock=clock)
        session = CallSession(CallSpec(time.monotonic(), mode=mode, call_sid=mode), context)
        task = asyncio.create_task(session.run())
        await session.wait_connected()
        await talk(session.script)
        session.hang_up(Outcome.COMPLETED)
        return await task

    yield call
    clock.close()


def tolerance(record: CallRecord) -> float:
    """Milliseconds; the gateway is on the same machine, and in the same loop."""
    assert record.late_ms_max is not None
    return TOLERANCE_MS + 2 * record.late_ms_max


def assert_about(value: float | None, told: float, near: float, of: CallRecord | TurnRecord) -> None:
    """This is what the gateway told, unless it is not measured for a reason."""
    assert not_measured(value, of) or value == pytest.approx(told, abs=near), of


def latencies(events: list[dict[str, Any]]) -> list[float]:
    """Last speech of the caller → first of each answer, in ms, as the gateway saw it."""
    found, last_speech_at = [], 0.0
    for event in events:
        if event["event"] == "heard_end_of_turn":
            last_speech_at = event["last_speech_at"]
        elif event["event"] == "started_speaking" and event["what"] == "answer":
            found.append(1000 * (event["at"] - last_speech_at))
    return found


def at(events: list[dict[str, Any]], name: str) -> float:
    return next(float(event["at"]) for event in events if event["event"] == name)


async def test_turn_latency_and_greeting_are_what_the_gateway_says(
    start_gateway: StartGateway, converse: Converse, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    gateway = await start_gateway(
        events=path,
        agent_seed=1,
        agent_latency="lognormal(p50=200ms, p95=600ms)",
        llm_latency="uniform(min=0, max=400ms)",
        greeting_delay=0.4,
        speech_folder=voice(tmp_path, "goodbye"),
    )
    calls = await asyncio.gather(*(converse(gateway, mode, greeting_and_two_turns) for mode in MODES))
    events = await told(gateway, path)
    for mode, (record, turns) in zip(MODES, calls, strict=True):
        assert record.outcome == Outcome.COMPLETED, mode
        own = [event for event in events if event.get("call_sid") == mode]
        near = tolerance(record)
        for turn, latency in zip(turns, latencies(own), strict=True):
            assert_about(turn.turn_latency_ms, latency, near, turn)
        greeting_ms = 1000 * (at(own, "greeting_started") - at(own, "connected"))
        assert_about(record.greeting_ms, greeting_ms, near, record)
        assert greeting_ms >= 400, mode
        # What was drawn is what was waited: end of turn, thinking, and up to a packet.
        asked = [500 + event["think_ms"] for event in own if event["event"] == "thinking"]
        assert latencies(own) == pytest.approx(asked, abs=near), mode


async def test_the_record_and_the_events_name_the_same_call(
    start_gateway: StartGateway, converse: Converse, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    gateway = await start_gateway(events=path, agent_latency="50ms", speech_folder=voice(tmp_path, "goodbye"))
    record, _ = await converse(gateway, "end-to-end", lambda script: script.wait_for_agent(60))
    events = (await told(gateway, path))[1:]
    assert {event["session_id"] for event in events} == {record.session_id}
    assert {event["call_sid"] for event in events} == {"end-to-end"}
    assert record.started_at is not None and record.ended_at is not None
    assert record.started_at <= at(events, "session_opened") <= at(events, "connected") <= record.ended_at


async def test_an_agent_stops_as_soon_as_it_says_it_does(
    start_gateway: StartGateway, converse: Converse, tmp_path: Path
) -> None:
    async def talk(script: Script) -> None:
        await script.interrupt(SAMPLES[0], 0.5, 60)
        await script.wait_for_reply(60)

    path = tmp_path / "events.jsonl"
    gateway = await start_gateway(
        events=path, agent_latency="400ms", barge_in_after=0.3, speech_folder=voice(tmp_path, "greeting")
    )
    record, (turn,) = await converse(gateway, "end-to-end", talk)
    events = await told(gateway, path)
    stopped = next(event for event in events if event["event"] == "stopped_speaking")
    assert stopped["reason"] == "barge_in"
    stop_ms = 1000 * (stopped["at"] - at(events, "heard_speech"))
    assert_about(turn.barge_in_stop_ms, stop_ms, tolerance(record), turn)
    assert turn.barge_in_missed is False or not_measured(turn.barge_in_missed, turn)
    assert_about(turn.turn_latency_ms, latencies(events)[0], tolerance(record), turn)


async def test_an_agent_that_cannot_be_interrupted_misses_it(
    start_gateway: StartGateway, converse: Converse, tmp_path: Path
) -> None:
    async def talk(script: Script) -> None:
        assert await script.interrupt(SAMPLES[0], 0.3, 60) is None

    # Its 4.3 s have no pause of 400 ms.
    gateway = await start_gateway(no_barge_in=True, speech_folder=voice(tmp_path, "answer_3"))
    _, (turn,) = await converse(gateway, "end-to-end", talk)
    assert turn.barge_in_missed is True or not_measured(turn.barge_in_missed, turn)
    assert turn.barge_in_stop_ms is None
