"""The speaking agent, 20 ms after 20 ms, without a clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from loadkit.gateway.agent import AgentCall, AgentUnavailable
from loadkit.gateway.settings import SPEECH_FOLDER, GatewaySettings
from loadkit.gateway.speaking import SpeakingAgent, Voice, load_voice
from loadkit.media.samples import EncodedSample, silence


def recording(name: str, packets: int = 5) -> EncodedSample:
    return EncodedSample(name, tuple(f"{name} {i}".encode() for i in range(packets)), 0, packets - 1)


VOICE = Voice(recording("greeting"), (recording("first"), recording("second")), recording("goodbye"))
LONG = Voice(recording("greeting", 250), (recording("first", 250), recording("second")), VOICE.goodbye)
SPEECH = load_voice(SPEECH_FOLDER).greeting


@dataclass
class Conversation:
    """An agent and a caller in step, in a time of their own."""

    settings: GatewaySettings
    voice: Voice = VOICE
    mode: str = "end-to-end"
    number: int = 0
    frames: int = 0
    said: list[tuple[float, str]] = field(default_factory=list)
    """When the agent began to say what."""
    silent: bool = True
    """Whether the packet sent last was silence."""
    events: list[tuple[str, float, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        call = AgentCall(
            mode=self.mode,
            session_id="s",
            call_sid="c",
            seed=(7, self.number),
            settings=self.settings,
            note=lambda event, now, /, **fields: self.events.append((event, round(now, 2), dict(fields))),
        )
        self.agent = SpeakingAgent(call, self.voice)
        self.agent.start(0.0)

    @property
    def now(self) -> float:
        return round(self.frames * 0.02, 2)

    def frame(self, payload: bytes | None) -> None:
        if payload is not None:
            self.agent.packet_received(payload, self.now)
        packet = self.agent.next_packet(self.now)
        self.silent = packet == silence()
        name, _, number = packet.decode("latin-1").rpartition(" ")
        if number == "0" and not self.silent:
            self.said.append((self.now, name))
        self.frames += 1

    def listen(self, seconds: float, payload: bytes | None = None) -> None:
        for _ in range(round(seconds / 0.02)):
            self.frame(silence() if payload is None else payload)

    def stand_still(self, seconds: float) -> None:
        """Neither the agent nor what carries packets runs; then the clock comes before the socket."""
        self.frames += round(seconds / 0.02)
        self.frame(None)

    def speak(self) -> float:
        """The caller says something; returns the time of the last speech packet."""
        start = self.now
        for payload in SPEECH.packets:
            self.frame(payload)
        assert SPEECH.last_speech is not None
        return start + SPEECH.last_speech * 0.02

    def until(self, silent: bool) -> None:
        """The caller is silent until the agent is, or is not."""
        for _ in range(500):
            if self.silent is silent:
                return
            self.frame(silence())
        raise AssertionError("it never came")

    @property
    def words(self) -> list[str]:
        return [name for _, name in self.said]

    def noted(self, name: str) -> list[tuple[float, dict[str, Any]]]:
        """Events of a name: when, and their fields."""
        return [(at, fields) for event, at, fields in self.events if event == name]


def talk(voice: Voice = VOICE, mode: str = "end-to-end", number: int = 0, **settings: Any) -> Conversation:
    return Conversation(GatewaySettings(**{"agent_latency": "100ms"} | settings), voice, mode, number)


def test_it_greets_after_a_short_delay() -> None:
    conversation = talk()
    conversation.listen(1.0)
    assert conversation.said == [(0.2, "greeting")]


def test_it_answers_after_the_delay_counted_from_the_callers_last_speech() -> None:
    conversation = talk(agent_latency="300ms")
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


def test_a_turn_that_ends_while_an_agent_that_cannot_be_interrupted_speaks_is_answered_afterwards() -> None:
    conversation = talk(LONG, no_barge_in=True)
    conversation.listen(0.4)
    conversation.speak()
    conversation.listen(3.0)
    assert conversation.said == [(0.2, "greeting"), (5.2, "first")]
    assert conversation.noted("barge_in") == []


def test_it_falls_silent_with_the_packet_after_the_caller_has_talked_into_its_speech() -> None:
    conversation = talk(LONG, barge_in_after=0.2)
    conversation.listen(1.0)
    assert SPEECH.first_speech is not None
    began = conversation.now + SPEECH.first_speech * 0.02
    conversation.speak()
    ((at, fields),) = conversation.noted("barge_in")
    assert at == pytest.approx(began + 0.18, abs=0.1)
    assert fields["speech_started_at"] == pytest.approx(began, abs=0.041)
    assert fields["what"] == "greeting"
    ((stopped_at, stopped),) = conversation.noted("stopped_speaking")
    assert stopped == {"reason": "barge_in", "what": "greeting", "turn": None}
    assert stopped_at == pytest.approx(at - 0.02)
    conversation.listen(1.0)
    assert conversation.words == ["greeting", "first"]


def test_words_too_short_to_interrupt_are_answered_afterwards() -> None:
    conversation = talk(LONG, barge_in_after=60.0)
    conversation.listen(1.0)
    conversation.speak()
    conversation.listen(3.0)
    assert conversation.said == [(0.2, "greeting"), (5.2, "first")]


def test_the_goodbye_cannot_be_interrupted() -> None:
    voice = Voice(VOICE.greeting, VOICE.answers, recording("goodbye", 100))
    conversation = talk(voice, agent_turns=1)
    conversation.listen(1.0)
    conversation.speak()
    conversation.listen(1.0)
    assert conversation.words == ["greeting", "first", "goodbye"]
    conversation.speak()
    assert conversation.noted("stopped_speaking")[-1][1] == {
        "reason": "done",
        "what": "goodbye",
        "turn": None,
    }
    assert conversation.agent.hung_up


def test_it_does_not_say_goodbye_into_the_callers_speech() -> None:
    conversation = talk(LONG, agent_turns=1)
    conversation.listen(6.0)
    conversation.speak()
    conversation.listen(1.5)
    conversation.speak()
    assert conversation.words == ["greeting", "first"]
    conversation.listen(1.0)
    assert conversation.words == ["greeting", "first", "goodbye"]


def test_silence_at_the_beginning_of_a_recording_is_left_out() -> None:
    late = EncodedSample("late", (silence(), silence(), b"late 0", b"late 1", silence()), 2, 3)
    conversation = talk(Voice(late, VOICE.answers, VOICE.goodbye))
    conversation.listen(1.0)
    assert conversation.said == [(0.2, "late")]
    assert conversation.noted("greeting_started") == [(0.2, {"sample": "late"})]
    assert conversation.noted("stopped_speaking")[0][0] == 0.22


def test_each_stage_of_a_traditional_agent_takes_its_time() -> None:
    conversation = talk(
        mode="traditional", agent_latency="9s", asr_latency="100ms", llm_latency="300ms", tts_latency="50ms"
    )
    conversation.listen(1.0)
    conversation.speak()
    conversation.listen(2.0)
    ((at, fields),) = conversation.noted("thinking")
    ((heard_at, heard),) = conversation.noted("heard_end_of_turn")
    assert at == heard_at == pytest.approx(heard["last_speech_at"] + 0.5)
    assert fields["stages_ms"] == {"asr": 100.0, "llm": 300.0, "tts": 50.0}
    assert fields["think_ms"] == 450.0
    assert fields["due_at"] == pytest.approx(heard["last_speech_at"] + 0.95)
    assert conversation.said[1][0] == pytest.approx(fields["due_at"], abs=0.021)


def test_the_draws_of_a_call_depend_on_the_seed_and_its_number() -> None:
    def draws(number: int) -> list[float]:
        conversation = talk(number=number, agent_latency="lognormal(p50=200ms, p95=900ms)")
        conversation.listen(1.0)
        for _ in range(3):
            conversation.speak()
            conversation.listen(2.0)
        return [fields["think_ms"] for _, fields in conversation.noted("thinking")]

    first = draws(0)
    assert len(set(first)) == 3
    assert first == draws(0)
    assert first != draws(1)


def test_a_caller_that_goes_on_while_the_agent_thinks_is_answered_once() -> None:
    conversation = talk(agent_latency="1s")
    conversation.listen(1.0)
    conversation.speak()
    conversation.listen(0.8)
    conversation.speak()
    conversation.listen(3.0)
    assert conversation.words == ["greeting", "first"]
    assert len(conversation.noted("thinking")) == 2


def test_a_call_that_ends_amid_its_speech_is_noted() -> None:
    conversation = talk(LONG)
    conversation.listen(1.0)
    conversation.agent.stop(conversation.now)
    assert conversation.noted("stopped_speaking") == [
        (0.98, {"reason": "hang_up", "what": "greeting", "turn": None})
    ]


def test_silence_alone_gets_no_answer() -> None:
    conversation = talk()
    conversation.listen(20.0)
    assert conversation.words == ["greeting"]


def test_a_gateway_that_stood_still_does_not_take_that_for_the_end_of_the_callers_turn() -> None:
    conversation = talk()
    conversation.listen(1.0)
    for payload in SPEECH.packets[:40]:
        conversation.frame(payload)
    conversation.stand_still(2.0)
    for payload in SPEECH.packets[40:]:
        conversation.frame(payload)
    assert conversation.words == ["greeting"]
    assert conversation.noted("heard_end_of_turn") == []
    conversation.stand_still(2.0)
    assert conversation.words == ["greeting"]
    conversation.listen(1.0)
    assert conversation.words == ["greeting", "first"]


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
