"""The speaking agent, 20 ms after 20 ms, without a clock."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from loadkit.gateway.agent import AgentUnavailable, SpeakingAgent, Voice, load_voice
from loadkit.gateway.settings import SPEECH_FOLDER, GatewaySettings
from loadkit.media.samples import EncodedSample, silence


def recording(name: str, packets: int = 5) -> EncodedSample:
    return EncodedSample(name, tuple(f"{name} {i}".encode() for i in range(packets)), 0, packets - 1)


VOICE = Voice(recording("greeting"), (recording("first"), recording("second")), recording("goodbye"))
SPEECH = load_voice(SPEECH_FOLDER).greeting


@dataclass
class Conversation:
    """An agent and a caller in step, in a time of their own."""

    agent: SpeakingAgent
    frames: int = 0
    said: list[tuple[float, str]] = field(default_factory=list)
    """When the agent began to say what."""

    @property
    def now(self) -> float:
        return round(self.frames * 0.02, 2)

    def frame(self, payload: bytes | None) -> None:
        if payload is not None:
            self.agent.packet_received(payload, self.now)
        packet = self.agent.next_packet(self.now)
        name, _, number = packet.decode("latin-1").rpartition(" ")
        if number == "0" and packet != silence():
            self.said.append((self.now, name))
        self.frames += 1

    def listen(self, seconds: float, payload: bytes | None = None) -> None:
        for _ in range(round(seconds / 0.02)):
            self.frame(silence() if payload is None else payload)

    def speak(self) -> float:
        """The caller says something; returns the time of the last speech packet."""
        start = self.now
        for payload in SPEECH.packets:
            self.frame(payload)
        assert SPEECH.last_speech is not None
        return start + SPEECH.last_speech * 0.02

    @property
    def words(self) -> list[str]:
        return [name for _, name in self.said]


def talk(**settings: object) -> Conversation:
    agent = SpeakingAgent(VOICE, GatewaySettings(**settings))  # type: ignore[arg-type]
    agent.start(0.0)
    return Conversation(agent)


def test_it_greets_after_a_short_delay() -> None:
    conversation = talk()
    conversation.listen(1.0)
    assert conversation.said == [(0.2, "greeting")]


def test_it_answers_after_the_delay_counted_from_the_callers_last_speech() -> None:
    conversation = talk(agent_delay=0.8)
    conversation.listen(1.0)
    last_speech_at = conversation.speak()
    conversation.listen(2.0)
    assert conversation.words == ["greeting", "first"]
    # The level of the recording's last frames fades: speech is heard to end a few frames before it does.
    assert conversation.said[1][0] == pytest.approx(last_speech_at + 0.8, abs=0.08)


def test_it_says_nothing_while_the_caller_talks() -> None:
    conversation = talk()
    conversation.listen(1.0)
    for _ in range(4):
        conversation.speak()
    assert conversation.words == ["greeting"]


def test_it_does_not_greet_into_the_callers_speech() -> None:
    conversation = talk()
    conversation.speak()
    assert conversation.words == []
    conversation.listen(1.0)
    assert conversation.words == ["greeting"]


def test_answers_go_round() -> None:
    conversation = talk()
    conversation.listen(1.0)
    for _ in range(3):
        conversation.speak()
        conversation.listen(1.5)
    assert conversation.words == ["greeting", "first", "second", "first"]


def test_a_turn_that_ends_while_the_agent_speaks_is_answered_afterwards() -> None:
    voice = Voice(recording("greeting", 250), VOICE.answers, VOICE.goodbye)
    agent = SpeakingAgent(voice, GatewaySettings())
    agent.start(0.0)
    conversation = Conversation(agent)
    conversation.listen(0.4)
    conversation.speak()
    conversation.listen(3.0)
    assert conversation.said == [(0.2, "greeting"), (5.2, "first")]


def test_silence_alone_gets_no_answer() -> None:
    conversation = talk()
    conversation.listen(20.0)
    assert conversation.words == ["greeting"]


def test_a_caller_that_sends_nothing_while_silent_is_answered() -> None:
    conversation = talk()
    conversation.listen(1.0)
    conversation.speak()
    for _ in range(60):
        conversation.frame(None)
    assert conversation.words == ["greeting", "first"]


def test_after_its_turns_it_says_goodbye_and_hangs_up() -> None:
    conversation = talk(agent_turns=2)
    conversation.listen(1.0)
    conversation.speak()
    conversation.listen(1.5)
    assert not conversation.agent.hung_up
    conversation.speak()
    conversation.listen(1.5)
    assert conversation.words == ["greeting", "first", "second", "goodbye"]
    assert conversation.agent.hung_up


def test_packets_that_are_no_opus_are_silence() -> None:
    conversation = talk()
    conversation.listen(1.0)
    for payload in (b"", b"\xff", b"\xff" * 50):
        conversation.listen(0.2, payload)
    assert conversation.words == ["greeting"]


def test_a_folder_without_answers_names_what_is_missing(tmp_path: object) -> None:
    with pytest.raises(AgentUnavailable, match=r"there is no answer_\*\.wav among its recordings"):
        load_voice(SPEECH_FOLDER / "none")
