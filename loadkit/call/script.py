"""What the script of a call can do: talk, say, pause, wait for the agent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loadkit.call.hearing import Hearing
from loadkit.call.lifetime import Lifetime
from loadkit.errors import Stage, TransportError
from loadkit.media.samples import EncodedSample
from loadkit.media.speaker import Speaker
from loadkit.media.voice import Utterance

#: An agent that talks on and on is not listened to for ever.
_LONGEST_UTTERANCE_S = 120.0


class Script:
    """The commands; each raises :class:`~loadkit.call.lifetime.CallEnded` when the call ends meanwhile."""

    def __init__(self, lifetime: Lifetime, speaker: Speaker, hearing: Hearing) -> None:
        #: The first sample played; None when none was.
        self.first_sample: str | None = None
        self._lifetime = lifetime
        self._speaker = speaker
        self._hearing = hearing
        self._change = asyncio.Event()

    def changed(self) -> None:
        """Something that a command may wait for has changed: an utterance, the end of a sample."""
        self._change.set()

    async def talk(self, sample: EncodedSample, seconds: float) -> None:
        """Speak a sample, over and over, for so long."""
        self._note(sample)
        self._speaker.play(sample, loop=True)
        try:
            await self._lifetime.unless_ended(asyncio.sleep(seconds))
        finally:
            self._speaker.stop()

    async def say(self, sample: EncodedSample) -> None:
        """Speak a sample once and return when it was sent: a turn begins."""
        self._note(sample)
        self._hearing.begin_turn(sample.name)
        self._speaker.play(sample)
        await self._until(lambda: not self._speaker.playing, None)

    async def pause(self, seconds: float) -> None:
        """Say nothing for so long."""
        await self._lifetime.unless_ended(asyncio.sleep(seconds))

    async def wait_for_agent(self, timeout: float) -> float | None:
        """Wait until the agent has greeted and fallen silent; returns ``greeting_ms``.

        :raises TransportError: NO_RESPONSE; the call has failed.
        """
        await self._heard(self._hearing.first_utterance, timeout, "greeting")
        return self._hearing.greeting_ms

    async def wait_for_reply(self, timeout: float) -> float | None:
        """Wait until the agent has replied and fallen silent; returns ``turn_latency_ms``.

        :raises TransportError: NO_RESPONSE; the call has failed.
        """
        try:
            reply = await self._heard(self._hearing.reply, timeout, "reply")
        except TransportError:
            self._hearing.note_reply(None)
            raise
        return self._hearing.note_reply(reply)

    async def _heard(self, find: Callable[[], Utterance | None], timeout: float, what: str) -> Utterance:
        await self._until(lambda: find() is not None, timeout)
        utterance = find()
        if utterance is None:
            error = TransportError(Stage.AGENT, "NO_RESPONSE", f"no {what} within {timeout:g} s")
            self._lifetime.fail(error)
            raise error
        await self._until(lambda: utterance.ended, _LONGEST_UTTERANCE_S)
        return utterance

    def _note(self, sample: EncodedSample) -> None:
        if self.first_sample is None:
            self.first_sample = sample.name

    async def _until(self, condition: Callable[[], bool], timeout: float | None) -> None:
        """Wait until a condition about media holds, or the time is over."""
        try:
            async with asyncio.timeout(timeout):
                while not condition():
                    self._change.clear()
                    await self._lifetime.unless_ended(self._change.wait())
        except TimeoutError:
            return
