"""Who answers a call: the interface of an agent, and the reference agent that speaks from WAVs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loadkit.errors import LoadkitError, SampleError
from loadkit.gateway.settings import GatewaySettings
from loadkit.media.samples import EncodedSample, load_sample, silence
from loadkit.media.speaker import Speaker
from loadkit.media.voice import LevelDecoder, UtteranceTracker

_SILENT_DBFS = -127.0


class AgentUnavailable(LoadkitError):
    """No agent can be had for a call; the text goes to the caller with ``AGENT_FAILURE``."""


class Agent(ABC):
    """One call's agent; ``now`` is monotonic seconds, a packet is an Opus payload of 20 ms.

    Everything is called in the event loop, between the packets of all other calls: it must not block.
    An agent that raises ends its own call with ``AGENT_FAILURE``.
    """

    #: Set by the agent when it has said its last word; the gateway then ends the call with ``close``.
    hung_up: bool = False

    @abstractmethod
    def start(self, now: float) -> None:
        """The call is connected."""

    @abstractmethod
    def packet_received(self, payload: bytes, now: float) -> None:
        """A packet of the caller arrived; some may come before :meth:`start`, or never."""

    @abstractmethod
    def next_packet(self, now: float) -> bytes:
        """The packet to send now; called every 20 ms from :meth:`start` on."""


#: Makes the agent of one call, given its canonical mode.
#: Raises :class:`AgentUnavailable` when it cannot.
AgentFactory = Callable[[str], Agent]


@dataclass(frozen=True)
class Voice:
    """What the reference agent can say."""

    greeting: EncodedSample
    answers: tuple[EncodedSample, ...]
    goodbye: EncodedSample


def load_voice(folder: Path) -> Voice:
    """Read the agent's recordings; each file is encoded once per process.

    :raises AgentUnavailable: one is missing or no audio.
    """
    answers = sorted(folder.glob("answer_*.wav"))
    if not answers:
        raise AgentUnavailable("the agent has no answers: there is no answer_*.wav among its recordings")
    try:
        return Voice(
            greeting=load_sample(folder / "greeting.wav"),
            answers=tuple(load_sample(path) for path in answers),
            goodbye=load_sample(folder / "goodbye.wav"),
        )
    except SampleError as exc:
        # Callers are told which recording, not where on this machine it is.
        raise AgentUnavailable(f"the agent's recording {Path(exc.path).name}: {exc.reason}") from exc


class SpeakingAgent(Agent):
    """Greets, listens, and answers each turn of the caller with the next of its answers.

    It hears the caller's turn end after ``end_of_turn`` of silence, and replies ``agent_delay`` after the
    last frame of the caller's speech, so the delay holds the silence. It says nothing while the caller
    talks, and does not stop when interrupted: a turn that ends meanwhile is answered afterwards. After
    ``agent_turns`` answers it says goodbye and hangs up.
    """

    def __init__(self, voice: Voice, settings: GatewaySettings) -> None:
        self._voice = voice
        self._settings = settings
        self._speaker = Speaker()
        self._tracker = UtteranceTracker(silence_s=settings.end_of_turn)
        self._decoder = LevelDecoder()
        self._silence = silence()
        self._turns = 0
        self._leaving = False
        #: When to say the greeting or the next answer; None while there is nothing to reply to.
        self._speak_at: float | None = None
        self._greeted = False

    def start(self, now: float) -> None:
        """Greet after the greeting's delay."""
        self._speak_at = now + self._settings.greeting_delay

    def packet_received(self, payload: bytes, now: float) -> None:
        """Listen to one packet."""
        # Decoding is the dearest thing here, and most of what a silent caller sends is this one packet.
        level = _SILENT_DBFS if payload == self._silence else self._decoder.level(payload)
        utterance = self._tracker.feed(level, now)
        if utterance is not None and utterance.ended:
            self._turn_ended(utterance.last_speech_at)

    def next_packet(self, now: float) -> bytes:
        """The next 20 ms of what is being said, or silence."""
        # A caller that sends nothing while silent (DTX) ends its turn by time alone.
        utterance = self._tracker.poll(now)
        if utterance is not None:
            self._turn_ended(utterance.last_speech_at)
        speaker = self._speaker
        if not speaker.playing:
            if self._leaving:
                self.hung_up = True
            elif self._turns == self._settings.agent_turns:
                self._leaving = True
                speaker.play(self._voice.goodbye)
            elif self._speak_at is not None and now >= self._speak_at and self._tracker.current is None:
                self._speak()
        return speaker.next_packet()

    def _turn_ended(self, last_speech_at: float) -> None:
        if self._greeted:
            self._speak_at = last_speech_at + self._settings.agent_delay

    def _speak(self) -> None:
        self._speak_at = None
        if not self._greeted:
            self._greeted = True
            self._speaker.play(self._voice.greeting)
            return
        self._speaker.play(self._voice.answers[self._turns % len(self._voice.answers)])
        self._turns += 1
