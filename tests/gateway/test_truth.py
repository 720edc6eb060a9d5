"""The tester's latencies against what the gateway says it did: two witnesses of the same call.

They share one machine's clock. Between what one sends and the other hears lie a packet's way over loopback, the
voice activity detection of a decoded frame against that of the recording (a frame or two of 20 ms), and how
late a busy machine runs either. Each test allows 60 ms; ``benchmarks/latency_truth.py`` measures what it is.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from loadkit.call.context import Destination, make_context
from loadkit.call.script import Script
from loadkit.call.session import CallSession
from loadkit.call.spec import CallSpec
from loadkit.gateway.app import Gateway
from loadkit.gateway.settings import SPEECH_FOLDER
from loadkit.media.clock import MediaClock
from loadkit.media.samples import load_sample
from loadkit.records import CallRecord, Outcome, TurnRecord
from loadkit.settings import SAMPLES_DIR, make_settings
from loadkit.transport.dtls import Certificate

from .conftest import StartGateway
from .test_events import told

TOLERANCE_MS = 60
SAMPLES = [load_sample(SAMPLES_DIR / name) for name in ("opening_hours.wav", "speak_to_a_person.wav")]

Talk = Callable[[Script], Awaitable[Any]]
Converse = Callable[[Gateway, str, Talk], Awaitable[tuple[CallRecord, list[TurnRecord]]]]


async def greeting_and_two_turns(script: Script) -> None:
    await script.wait_for_agent(20)
    for sample in SAMPLES:
        await script.say(sample)
        await script.wait_for_reply(20)


@pytest.fixture
async def converse() -> AsyncIterator[Converse]:
    """Places a call, talks and hangs up."""
    clock = MediaClock()
    settings = make_settings({"auth_token": "token"})

    async def call(gateway: Gateway, mode: str, talk: Talk) -> tuple[CallRecord, list[TurnRecord]]:
        destination = Destination.of(gateway.url, settings)
        context = make_context(settings, destination, certificate=Certificate(), clock=clock)
        session = CallSession(CallSpec(time.monotonic(), mode=mode, call_sid="sid"), context)
        task = asyncio.create_task(session.run())
        await session.wait_connected()
        await talk(session.script)
        session.hang_up(Outcome.COMPLETED)
        return await task

    yield call
    clock.close()


def voice(folder: Path, greeting: str) -> Path:
    """Recordings for an agent with another greeting and one short answer."""
    for name, source in {"greeting": greeting, "answer_1": "goodbye", "goodbye": "goodbye"}.items():
        shutil.copy(SPEECH_FOLDER / f"{source}.wav", folder / f"{name}.wav")
    return folder


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


@pytest.mark.parametrize("mode", ["end-to-end", "traditional"])
async def test_turn_latency_and_greeting_are_what_the_gateway_says(
    start_gateway: StartGateway, converse: Converse, tmp_path: Path, mode: str
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
    record, turns = await converse(gateway, mode, greeting_and_two_turns)
    events = await told(gateway, path)
    assert record.outcome == Outcome.COMPLETED
    measured = [turn.turn_latency_ms for turn in turns]
    assert measured == pytest.approx(latencies(events), abs=TOLERANCE_MS)
    greeting_ms = 1000 * (at(events, "greeting_started") - at(events, "connected"))
    assert record.greeting_ms == pytest.approx(greeting_ms, abs=TOLERANCE_MS)
    assert greeting_ms >= 400
    # What was drawn is what was waited: end of turn, thinking, and up to a packet.
    asked = [500 + event["think_ms"] for event in events if event["event"] == "thinking"]
    assert latencies(events) == pytest.approx(asked, abs=TOLERANCE_MS)


async def test_the_record_and_the_events_name_the_same_call(
    start_gateway: StartGateway, converse: Converse, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    gateway = await start_gateway(events=path, agent_latency="50ms")
    record, _ = await converse(gateway, "end-to-end", lambda script: script.wait_for_agent(20))
    events = (await told(gateway, path))[1:]
    assert {event["session_id"] for event in events} == {record.session_id}
    assert {event["call_sid"] for event in events} == {"sid"}
    assert record.started_at is not None and record.ended_at is not None
    assert record.started_at <= at(events, "session_opened") <= at(events, "connected") <= record.ended_at


async def test_an_agent_stops_as_soon_as_it_says_it_does(
    start_gateway: StartGateway, converse: Converse, tmp_path: Path
) -> None:
    async def talk(script: Script) -> None:
        assert await script.interrupt(SAMPLES[0], 0.5, 20) is not None
        assert await script.wait_for_reply(20) is not None

    path = tmp_path / "events.jsonl"
    gateway = await start_gateway(events=path, agent_latency="400ms", barge_in_after=0.3)
    _, (turn,) = await converse(gateway, "end-to-end", talk)
    events = await told(gateway, path)
    stopped = next(event for event in events if event["event"] == "stopped_speaking")
    assert stopped["reason"] == "barge_in"
    stop_ms = 1000 * (stopped["at"] - at(events, "heard_speech"))
    assert turn.barge_in_stop_ms == pytest.approx(stop_ms, abs=TOLERANCE_MS)
    assert turn.barge_in_missed is False
    assert turn.turn_latency_ms == pytest.approx(latencies(events)[0], abs=TOLERANCE_MS)


async def test_an_agent_that_cannot_be_interrupted_misses_it(
    start_gateway: StartGateway, converse: Converse, tmp_path: Path
) -> None:
    async def talk(script: Script) -> None:
        assert await script.interrupt(SAMPLES[0], 0.3, 20) is None

    # Its 4.3 s have no pause of 400 ms.
    gateway = await start_gateway(no_barge_in=True, speech_folder=voice(tmp_path, "answer_3"))
    _, (turn,) = await converse(gateway, "end-to-end", talk)
    assert turn.barge_in_missed is True
    assert turn.barge_in_stop_ms is None
