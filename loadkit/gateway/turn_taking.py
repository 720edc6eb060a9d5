"""An agent that takes turns: it listens for the end of the caller's turn, thinks, answers, can be interrupted.

What it says and how long it thinks is its subclass's; when, and whether it is silent again, is here.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from loadkit.gateway.agent import Agent, AgentCall
from loadkit.media import FRAME_S
from loadkit.media.samples import EncodedSample, silence
from loadkit.media.speaker import Speaker
from loadkit.media.voice import LevelDecoder, Utterance, UtteranceTracker

_SILENT_DBFS = -127.0
#: An agent that was not asked for a packet for so long has stood still, or its whole process: five frames.
_STOOD_STILL_S = 5 * FRAME_S


@dataclass
class _Speech:
    """What the agent is saying."""

    what: str
    turn: int | None
    sample: str
    last_frame_at: float | None = None
    """When the newest frame of speech was handed to the network; None before the first."""


class TurnTakingAgent(Agent):
    """Greets, listens, and answers each turn of the caller.

    The caller's turn is over after ``end_of_turn`` of silence. Thinking begins then, so an answer is due
    ``end_of_turn`` and the think time after the caller's last frame of speech as it arrived here; its first
    frame of speech leaves with the next packet. Silence at a recording's beginning is left out. Time in
    which this process stood still was no silence of the caller.

    It never begins to speak while the caller talks: a turn that ends meanwhile is answered instead. When the
    caller talks into its speech for ``barge_in_after``, it falls silent with the next packet, and answers the
    caller's turn when that has ended. The goodbye cannot be interrupted. With ``no_barge_in``, or when
    the caller's words were too short for that, it speaks on, and answers them afterwards.

    After ``agent_turns`` answers it says goodbye and hangs up.
    """

    def __init__(self, call: AgentCall) -> None:
        self.call = call
        settings = self._settings = call.settings
        self._speaker = Speaker()
        self._speech: _Speech | None = None
        self._tracker = UtteranceTracker(silence_s=settings.end_of_turn)
        self._decoder = LevelDecoder()
        #: When it last listened or spoke; None before it was started.
        self._awake_at: float | None = None
        self._silence = silence()
        self._turns = 0
        self._greeted = False
        self._leaving = False
        #: When the greeting or the next answer is due; None while there is nothing to reply to.
        self._due_at: float | None = None

    # For a subclass to fill in

    @abstractmethod
    def answer(self, turn: int) -> EncodedSample:
        """What to say to the caller's turn; ``turn`` is 1 for the first answer."""

    def greeting(self) -> EncodedSample | None:
        """What to say first; None to let the caller begin."""
        return None

    def goodbye(self) -> EncodedSample | None:
        """What to say before hanging up, after ``agent_turns`` answers."""
        return None

    def think(self) -> Mapping[str, float]:
        """Seconds that each stage of making an answer takes, by its name; called at each end of a turn."""
        return {}

    # Agent

    def start(self, now: float) -> None:
        """Greet after the greeting's delay."""
        self._due_at = now + self._settings.greeting_delay

    def packet_received(self, payload: bytes, now: float) -> None:
        """Listen to one packet."""
        self._wake(now)
        # Decoding is the dearest thing here, and most of what a silent caller sends is this one packet.
        level = _SILENT_DBFS if payload == self._silence else self._decoder.level(payload)
        self._heard(self._tracker.feed(level, now), now)
        if self._interrupted():
            self._fall_silent(now)

    def next_packet(self, now: float) -> bytes:
        """The next 20 ms of what is being said, or silence."""
        self._wake(now)
        # A caller that sends nothing while silent (DTX) ends its turn by time alone.
        self._heard(self._tracker.poll(now), now)
        if not self._speaker.playing:
            self._go_on(now)
        payload = self._speaker.next_packet()
        self._note_speech(now)
        return payload

    def stop(self, now: float) -> None:  # noqa: ARG002 - the speech ended with its last frame
        """Note a speech that the end of the call cut off."""
        self._end_speech("hang_up")

    # Listening

    def _wake(self, now: float) -> None:
        """Take no time in which this process stood still for the caller's silence: its packets wait to be read."""
        if self._awake_at is not None and now - self._awake_at > _STOOD_STILL_S:
            self._tracker.did_not_listen(now - self._awake_at)
        self._awake_at = now

    def _heard(self, utterance: Utterance | None, now: float) -> None:
        """Take the start or the end of the caller's turn."""
        if utterance is None:
            return
        if utterance.ended:
            self.call.note(
                "heard_end_of_turn",
                now,
                speech_started_at=utterance.started_at,
                last_speech_at=utterance.last_speech_at,
                detected_at=now,
            )
            if self._greeted and not self._leaving:
                self._think(utterance.last_speech_at, now)
        else:
            self.call.note("heard_speech", utterance.started_at, detected_at=now)

    def _think(self, last_speech_at: float, now: float) -> None:
        stages = self.think()
        seconds = sum(stages.values())
        self._due_at = last_speech_at + self._settings.end_of_turn + seconds
        in_ms = {stage: round(value * 1000, 3) for stage, value in stages.items()}
        self.call.note(
            "thinking", now, stages_ms=in_ms, think_ms=round(seconds * 1000, 3), due_at=self._due_at
        )

    def _interrupted(self) -> bool:
        current, speech = self._tracker.current, self._speech
        return (
            current is not None
            and speech is not None
            and not self._leaving
            and not self._settings.no_barge_in
            and current.duration >= self._settings.barge_in_after
        )

    # Speaking

    def _go_on(self, now: float) -> None:
        """Decide what comes after silence."""
        if self._leaving:
            self.hung_up = True
        elif self._tracker.current is not None:
            return
        elif self._turns == self._settings.agent_turns:
            self._leaving = True
            self._say(self.goodbye(), "goodbye")
        elif self._due_at is not None and now >= self._due_at:
            self._due_at = None
            if self._greeted:
                self._turns += 1
                self._say(self.answer(self._turns), "answer", self._turns)
            else:
                self._greeted = True
                self._say(self.greeting(), "greeting")

    def _say(self, sample: EncodedSample | None, what: str, turn: int | None = None) -> None:
        if sample is None:
            return
        first, last = sample.first_speech, sample.last_speech
        if first and last is not None:
            sample = dataclasses.replace(
                sample, packets=sample.packets[first:], first_speech=0, last_speech=last - first
            )
        self._speaker.play(sample)
        self._speech = _Speech(what, turn, sample.name)

    def _note_speech(self, now: float) -> None:
        """Note that the packet which leaves now begins or ends a speech."""
        speech = self._speech
        if speech is None:
            return
        if speech.last_frame_at is None:
            speech.last_frame_at = now
            if speech.what == "greeting":
                self.call.note("greeting_started", now, sample=speech.sample)
            else:
                self.call.note(
                    "started_speaking", now, sample=speech.sample, what=speech.what, turn=speech.turn
                )
        if self._speaker.speaking:
            speech.last_frame_at = now
        if self._speaker.speech_ended:
            speech.last_frame_at = now
            self._end_speech("done")

    def _fall_silent(self, now: float) -> None:
        current, speech = self._tracker.current, self._speech
        assert current is not None
        assert speech is not None
        self._speaker.stop()
        self._end_speech("barge_in")
        self.call.note(
            "barge_in", now, speech_started_at=current.started_at, what=speech.what, turn=speech.turn
        )

    def _end_speech(self, reason: str) -> None:
        speech, self._speech = self._speech, None
        if speech is not None and speech.last_frame_at is not None:
            self.call.note(
                "stopped_speaking", speech.last_frame_at, reason=reason, what=speech.what, turn=speech.turn
            )
