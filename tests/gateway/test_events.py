"""What the gateway tells of real calls."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from loadkit.gateway.app import Gateway
from loadkit.gateway.events import COMMON_FIELDS, EVENTS, SessionEvents
from loadkit.gateway.settings import SPEECH_FOLDER
from loadkit.gateway.speaking import load_voice
from loadkit.media.samples import silence
from tests.waiting import until

from .callers import Caller, RawSocket, all_gone, offer, voice
from .conftest import StartGateway

VOICE = load_voice(SPEECH_FOLDER)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def told(gateway: Gateway, path: Path) -> list[dict[str, Any]]:
    """Everything that a gateway told, after its end."""
    await gateway.close()
    return read(path)


async def talk_until_hung_up(caller: Caller) -> None:
    """Let the agent greet, say something, hear the answer and the goodbye."""
    await caller.hears_out()
    await caller.say_all(VOICE.goodbye.packets)
    async with asyncio.timeout(60):
        while caller.gateway.active_sessions:
            await caller.say_all((silence(),) * 5)


async def test_a_call_is_told_from_the_offer_to_its_end(start_gateway: StartGateway, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    short = voice(tmp_path, "goodbye")
    gateway = await start_gateway(
        events=path, agent_turns=1, agent_latency="50ms", agent_seed=3, speech_folder=short
    )
    async with Caller(gateway) as caller:
        await caller.place("end-to-end")
        await talk_until_hung_up(caller)
    await all_gone(gateway)
    first, *events = await told(gateway, path)
    assert (first["event"], first["agent_seed"], first["port"]) == ("gateway_started", 3, gateway.port)
    ours = [event for event in events if event["session_id"] == caller.session_id]
    assert ours == events
    assert [event["event"] for event in ours] == [
        *("session_opened", "answered", "connected", "greeting_started", "stopped_speaking"),
        *("heard_speech", "heard_end_of_turn", "thinking", "started_speaking", "stopped_speaking"),
        *("started_speaking", "stopped_speaking", "hung_up", "session_ended"),
    ]
    assert {event["mode"] for event in ours} == {"end-to-end"}
    assert ours[-1]["code"] is None
    offsets = [event["at"] - event["monotonic"] for event in [first, *ours]]
    assert max(offsets) - min(offsets) < 1e-3
    text = json.dumps(events)
    assert not [word for word in ("token", "candidate", "a=", "ufrag") if word in text]


async def test_every_event_and_field_is_one_that_the_table_has(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    short = voice(tmp_path, "goodbye")
    gateway = await start_gateway(events=path, agent_turns=1, barge_in_after=0.06, speech_folder=short)
    async with Caller(gateway) as caller:
        await caller.place("traditional")
        await talk_until_hung_up(caller)
    await all_gone(gateway)
    events = await told(gateway, path)
    for event in events:
        assert set(event) == {*COMMON_FIELDS, *EVENTS[event["event"]].fields}, event
    assert {event["event"] for event in events} >= set(EVENTS) - {"events_lost", "barge_in"}


async def test_a_caller_that_interrupts_is_heard_to(start_gateway: StartGateway, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    gateway = await start_gateway(events=path, barge_in_after=0.1)
    async with Caller(gateway) as caller:
        await caller.place("traditional")
        await until(lambda: any(packet.payload != silence() for packet, _ in caller.heard))
        await caller.say_all(VOICE.answers[0].packets)
        await caller.close()
        await all_gone(gateway)
    events = await told(gateway, path)
    (barge_in,) = [event for event in events if event["event"] == "barge_in"]
    (stopped,) = [event for event in events if event["event"] == "stopped_speaking"]
    assert barge_in["what"] == stopped["what"] == "greeting"
    assert stopped["reason"] == "barge_in"
    # The last frame of speech left before; there is at most one tick between them, and what held it up.
    assert stopped["at"] <= barge_in["at"]
    assert set(barge_in) == {*COMMON_FIELDS, *EVENTS["barge_in"].fields}


async def test_a_refused_offer_opens_no_session_and_a_failed_one_says_its_code(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    gateway = await start_gateway(events=path, tokens=("token",))
    async with RawSocket(gateway) as socket:
        assert (await socket.refusal(offer(authToken="wrong")))[0] == "UNAUTHORIZED"
        assert (await socket.refusal(offer("v=0\r\n", "traditional", callSid="sid")))[0] == (
            "MEDIA_BRIDGE_FAILURE"
        )
    await all_gone(gateway)
    _, opened, ended = await told(gateway, path)
    assert (opened["event"], opened["call_sid"], opened["mode"]) == ("session_opened", "sid", "traditional")
    assert (ended["event"], ended["code"]) == ("session_ended", "MEDIA_BRIDGE_FAILURE")


def test_an_agents_own_fields_take_the_place_of_none_that_every_event_has() -> None:
    written: list[dict[str, Any]] = []
    events = SessionEvents(lambda event, _: written.append(dict(event)), "s")
    events.opened(1.0, call_sid=None, mode="echo")
    events.note("own", 2.0, event="another", at=3, session_id="t", value=4)
    assert written[1] == {"session_id": "s", "call_sid": None, "mode": "echo", "event": "own", "value": 4}
