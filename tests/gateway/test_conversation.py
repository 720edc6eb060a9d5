"""A whole conversation with the speaking agent, measured on its packets."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from loadkit.gateway.settings import SPEECH_FOLDER
from loadkit.gateway.speaking import load_voice
from loadkit.media import FRAME_S
from loadkit.media.samples import EncodedSample, silence
from tests.waiting import PATIENCE_S

from .callers import Caller, all_gone
from .conftest import StartGateway

VOICE = load_voice(SPEECH_FOLDER)


#: The agent leaves out the silence at a recording's beginning.
assert VOICE.greeting.first_speech is not None
assert VOICE.answers[0].first_speech is not None
GREETED_S = (8 - VOICE.greeting.first_speech) * 0.02
ANSWERED_S = (8 - VOICE.answers[0].first_speech) * 0.02


def spoken_at(caller: Caller, sample: EncodedSample) -> float | None:
    """When the first packet of a recording arrived; None while it has not."""
    return next((at for packet, at in caller.heard if packet.payload == sample.packets[8]), None)


def waited(caller: Caller) -> float:
    """Seconds that the machine let packets wait, besides the 20 ms from one to the next."""
    gaps = (later - at for (_, at), (_, later) in itertools.pairwise(caller.heard))
    return sum(gap - FRAME_S for gap in gaps if gap > 3 * FRAME_S)


async def spoken(caller: Caller, sample: EncodedSample) -> float:
    async with asyncio.timeout(PATIENCE_S):
        while (at := spoken_at(caller, sample)) is None:
            caller.say(silence())
            await asyncio.sleep(0.02)
    return at


@pytest.mark.parametrize("mode", ["end-to-end", "traditional"])
async def test_it_greets_answers_after_the_delay_and_hangs_up(start_gateway: StartGateway, mode: str) -> None:
    gateway = await start_gateway(
        agent_latency="200ms", asr_latency="50ms", llm_latency="100ms", tts_latency="50ms", agent_turns=1
    )
    async with Caller(gateway) as caller:
        await caller.place(mode)
        greeted_at = await spoken(caller, VOICE.greeting)
        # The eighth packet of the greeting, which begins 0.2 s after the connection.
        assert greeted_at - caller.heard[0][1] == pytest.approx(0.2 + GREETED_S, abs=0.15 + waited(caller))
        await caller.hears_out()

        said = VOICE.goodbye
        assert said.last_speech is not None
        ended_at = await caller.say_all(said.packets[: said.last_speech + 1])
        answered_at = await spoken(caller, VOICE.answers[0])
        assert answered_at - ended_at == pytest.approx(0.5 + 0.2 + ANSWERED_S, abs=0.15 + waited(caller))

        numbers = [packet.sequence_number for packet, _ in caller.heard]
        assert all((b - a) & 0xFFFF == 1 for a, b in itertools.pairwise(numbers))
        await spoken(caller, VOICE.goodbye)
        closing = asyncio.create_task(caller.socket.receive("close"))
        assert await closing == {"type": "close", "sessionId": caller.session_id}
        await all_gone(gateway)
        assert caller.heard[0][0].marker
        assert VOICE.goodbye.packets[-1] in [packet.payload for packet, _ in caller.heard]
