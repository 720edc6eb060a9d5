"""What the script of a call can do: talk, say, pause, wait for the agent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from loadkit.call.hearing import Hearing
from loadkit.call.interruption import MISSED_S, STOPPED_S
from loadkit.call.lifetime import Lifetime
from loadkit.call.stream import Playback
from loadkit.errors import Stage, TransportError
from loadkit.media.samples import EncodedSample
from loadkit.media.voice import Utterance

#: An agent that talks on and on is not listened to for ever.
_LONGEST_UTTERANCE_S = 120.0
#: By then it is known whether an agent that was interrupted has stopped; media is watched twice a second.
_DECIDED_S = MISSED_S + STOPPED_S + 1.0


class Script:
    """The commands; each raises :class:`~loadkit.call.lifetime.CallEnded` when the call ends meanwhile."""

    def __init__(self, lifetime: Lifetime, speaker: Playback, hearing: Hearing) -> None:
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

    async def interrupt(self, sample: EncodedSample, after: float, timeout: float) -> float | None:
        """Speak a sample into the agent's speech, ``after`` seconds of it, and return when it was sent and the
        agent has stopped or has not: ``barge_in_stop_ms``. A turn begins.

        :raises TransportError: NO_RESPONSE: the agent said nothing; the call has failed.
        """
        hearing = self._hearing
        await self._until(lambda: hearing.talking, timeout)
        if not hearing.talking:
            raise self._no_response("speech to interrupt", timeout)
        await self.pause(max(0.0, hearing.utterances[-1].started_at + after - time.monotonic()))
        self._note(sample)
        turn = hearing.begin_turn(sample.name, interrupting=True)
        self._speaker.play(sample)
        await self._until(lambda: not self._speaker.playing, None)
        interruption = hearing.interruption
        if interruption is not None:
            await self._until(lambda: interruption.decided, _DECIDED_S)
        return turn.barge_in_stop_ms

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
            raise self._no_response(what, timeout)
        await self._until(lambda: utterance.ended, _LONGEST_UTTERANCE_S)
        return utterance

    def _no_response(self, what: str, timeout: float) -> TransportError:
        error = TransportError(Stage.AGENT, "NO_RESPONSE", f"no {what} within {timeout:g} s")
        self._lifetime.fail(error)
        return error

    def _note(self, sample: EncodedSample) -> None:
        if self.first_sample is None:
            self.first_sample = sample.name

    async def _until(self, condition: Callable[[], bool], timeout: float | None) -> None:
        """Wait until a condition about media holds, or the time is over; time in which we stood still is not counted,
        since what came meanwhile waits to be read."""
        began = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(timeout):
                    while not condition():
                        self._change.clear()
                        await self._lifetime.unless_ended(self._change.wait())
            except TimeoutError:
                now = time.monotonic()
                began, timeout = now, self._hearing.stood_still_since(began, now)
                if timeout:
                    continue
            return
