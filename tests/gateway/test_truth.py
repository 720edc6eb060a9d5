"""The tester's latencies against what the gateway says it did: two witnesses of the same call.

They share one machine's clock. Between what one sends and the other hears lie a packet's way over loopback, the
voice activity detection of a decoded frame against that of the recording (a frame or two of 20 ms), and how
late a busy machine runs either. Each test allows 60 ms; ``benchmarks/latency_truth.py`` measures what it is.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from loadkit.call.context import Destination, make_context, open_http
from loadkit.call.session import CallSession
from loadkit.call.spec import CallSpec
from loadkit.gateway.app import Gateway
from loadkit.media.clock import MediaClock
from loadkit.media.samples import load_sample
from loadkit.records import CallRecord, Outcome, TurnRecord
from loadkit.settings import SAMPLES_DIR, make_settings
from loadkit.transport.peer import Certificate

from .conftest import StartGateway
from .test_events import told

TOLERANCE_MS = 60
SAMPLES = [load_sample(SAMPLES_DIR / name) for name in ("opening_hours.wav", "speak_to_a_person.wav")]

Converse = Callable[[Gateway, str, int], Awaitable[tuple[CallRecord, list[TurnRecord]]]]


@pytest.fixture
async def converse() -> AsyncIterator[Converse]:
    """Places a call, waits for the greeting, has so many turns and hangs up."""
    clock = MediaClock()
    settings = make_settings({"auth_token": "token"})

    async def call(gateway: Gateway, mode: str, turns: int) -> tuple[CallRecord, list[TurnRecord]]:
        destination = Destination.of(gateway.url, settings)
        async with open_http(settings) as http:
            context = make_context(settings, destination, certificate=Certificate(), clock=clock, http=http)
            session = CallSession(CallSpec(time.monotonic(), mode=mode, call_sid="sid"), context)
            task = asyncio.create_task(session.run())
            await session.wait_connected()
            await session.script.wait_for_agent(20)
            for sample in itertools.islice(itertools.cycle(SAMPLES), turns):
                await session.script.say(sample)
                await session.script.wait_for_reply(20)
            session.hang_up(Outcome.COMPLETED)
            return await task

    yield call
    clock.close()


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
    )
    record, turns = await converse(gateway, mode, 2)
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
    record, _ = await converse(gateway, "end-to-end", 1)
    events = (await told(gateway, path))[1:]
    assert {event["session_id"] for event in events} == {record.session_id}
    assert {event["call_sid"] for event in events} == {"sid"}
    assert record.started_at is not None and record.ended_at is not None
    assert record.started_at <= at(events, "session_opened") <= at(events, "connected") <= record.ended_at
