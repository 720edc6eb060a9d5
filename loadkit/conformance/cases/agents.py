"""Calls that an agent answers. They cost what an agent costs, for a few seconds each."""

from __future__ import annotations

import asyncio
from functools import partial

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import Case, ExpectationFailed, case
from loadkit.conformance.sources import MODES
from loadkit.media.voice import LevelDecoder

#: An agent may take its time before it says its first word.
_GREETING_S = 30.0
#: Louder than any noise floor (dBFS).
_SPEECH_DBFS = -50.0
#: So many loud packets are no click.
_LOUD_PACKETS = 5


async def _greets(bench: Bench, mode: str) -> None:
    call = await bench.call(mode=mode)
    decoder = LevelDecoder()
    decoded = loud = 0
    try:
        async with asyncio.timeout(_GREETING_S):
            while loud < _LOUD_PACKETS:
                await call.hears(1, "sound from the agent")
                for packet in call.heard[decoded:]:
                    loud += decoder.level(packet.payload) > _SPEECH_DBFS
                decoded = len(call.heard)
    except TimeoutError:
        seen = f"{decoded} packets, {loud} of them loud, within {_GREETING_S:g} s"
        raise ExpectationFailed(f"speech above {_SPEECH_DBFS:g} dBFS", seen) from None


def _agent(mode: str) -> Case:
    return case(
        f"agent.{mode}",
        f"The agent of mode {mode} says something",
        expect=f"in mode {mode} speech comes within {_GREETING_S:g} s of the connection",
        source=MODES,
        timeout=75.0,
    )(partial(_greets, mode=mode))


greetings = [_agent("end-to-end"), _agent("traditional")]
