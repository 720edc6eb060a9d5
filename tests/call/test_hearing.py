"""What the caller heard, from encoded packets and a clock in the test's hand."""

from __future__ import annotations

import numpy as np
import pytest

from loadkit.call.hearing import Hearing
from loadkit.call.timeline import Timeline
from loadkit.media import CLOCK_RATE, FRAME_S
from loadkit.media.samples import encode, silence


def tone(seconds: float, dbfs: float = -20.0) -> tuple[bytes, ...]:
    times = np.arange(round(seconds * CLOCK_RATE)) / CLOCK_RATE
    sound = np.sqrt(2) * 10 ** (dbfs / 20) * np.sin(2 * np.pi * 440 * times) * 32767
    return encode(sound.astype(np.int16)[np.newaxis])


TALK = tone(0.6)
HUSH = (silence(),) * 50


class Listener:
    """A hearing, its timeline, and the time."""

    def __init__(self, *, listen: bool = True) -> None:
        self.now = 10.0
        self.changes = 0
        self.timeline = Timeline(0.0)
        self.timeline.mark("dtls_done", self.now)
        self.hearing = Hearing(self.timeline, listen=listen, changed=self.changed)

    def changed(self) -> None:
        self.changes += 1

    def hear(self, packets: tuple[bytes, ...]) -> None:
        for packet in packets:
            self.hearing.packet(packet, self.now)
            self.now += FRAME_S


def test_nothing_heard_is_nothing_measured() -> None:
    hearing = Listener().hearing
    assert hearing.audio_level is None
    assert hearing.silent is None
    assert not hearing.talking
    assert hearing.utterances == []
    assert hearing.turns == []
    assert hearing.reply() is None


def test_silence_is_heard_as_silence() -> None:
    listener = Listener()
    listener.hear(HUSH)
    assert listener.hearing.silent is True
    assert listener.hearing.audio_level == pytest.approx(0, abs=0.001)
    assert listener.timeline.at("first_audio") is None
    assert listener.changes == 0


def test_first_audio_and_greeting_are_marked_when_they_begin() -> None:
    listener = Listener()
    listener.hear(HUSH[:20] + TALK + HUSH)
    first, greeting = listener.timeline.at("first_audio"), listener.timeline.at("greeting")
    assert first == pytest.approx(10.4, abs=0.03)
    assert greeting == pytest.approx(10.4, abs=0.03)
    (utterance,) = listener.hearing.utterances
    assert utterance.ended
    assert utterance.duration == pytest.approx(0.6, abs=0.06)
    assert listener.hearing.audio_level == pytest.approx(0.1, rel=0.2)
    assert listener.hearing.silent is False
    assert listener.changes == 2


def test_talking_is_from_the_start_of_an_utterance_to_its_end() -> None:
    listener = Listener()
    listener.hear(TALK)
    assert listener.hearing.talking
    listener.hear(HUSH)
    assert not listener.hearing.talking


def test_utterance_ends_also_when_no_packets_come() -> None:
    listener = Listener()
    listener.hear(TALK)
    listener.hearing.poll(listener.now + 0.5)
    assert listener.hearing.talking
    listener.hearing.poll(listener.now + 1.0)
    assert not listener.hearing.talking
    assert listener.changes == 2


def test_who_does_not_listen_decodes_until_the_first_sound_only() -> None:
    listener = Listener(listen=False)
    listener.hear(HUSH[:5])
    assert listener.hearing._decoder is not None
    listener.hear(TALK)
    assert listener.hearing._decoder is None
    assert listener.timeline.at("first_audio") is not None
    assert listener.timeline.at("greeting") is None
    assert listener.hearing.utterances == []
    assert listener.hearing.silent is False


def test_damaged_packets_are_silence() -> None:
    listener = Listener()
    listener.hear((b"\xff" * 9, b"", b"\x03\x3f" + bytes(90)))
    assert listener.hearing.silent is not None


# Turns


def test_turn_latency_is_from_the_last_word_said_to_the_first_word_heard() -> None:
    listener = Listener()
    hearing = listener.hearing
    turn = hearing.begin_turn("hello.wav")
    assert (turn.turn, turn.sample) == (1, "hello.wav")
    hearing.speech_sent(listener.now, 10.0 - 2.5)
    listener.hear(HUSH[:30] + TALK + HUSH)
    reply = hearing.reply()
    assert reply is not None
    hearing.note_reply(reply)
    assert turn.said_at == pytest.approx(2.5)
    assert turn.turn_latency_ms == pytest.approx(600, abs=30)
    assert turn.reply_ms == pytest.approx(600, abs=60)
    assert not turn.no_response
    assert not turn.false_interrupt


def test_what_was_heard_before_the_last_word_is_no_reply() -> None:
    listener = Listener()
    listener.hear(TALK + HUSH)
    listener.hearing.begin_turn("hello.wav")
    assert listener.hearing.reply() is None
    listener.hearing.speech_sent(listener.now, 10.0)
    assert listener.hearing.reply() is None
    listener.hear(HUSH[:10] + TALK)
    reply = listener.hearing.reply()
    assert reply is listener.hearing.utterances[1]


def test_next_turn_waits_for_its_own_last_word() -> None:
    listener = Listener()
    hearing = listener.hearing
    hearing.begin_turn("one.wav")
    hearing.speech_sent(listener.now, 10.0)
    listener.hear(HUSH[:10] + TALK + HUSH)
    hearing.note_reply(hearing.reply())
    second = hearing.begin_turn("two.wav")
    assert second.turn == 2
    assert hearing.reply() is None


def test_no_reply_is_no_response() -> None:
    hearing = Listener().hearing
    turn = hearing.begin_turn("hello.wav")
    hearing.speech_sent(11.0, 10.0)
    hearing.note_reply(None)
    assert turn.no_response
    assert turn.turn_latency_ms is turn.reply_ms is None


def test_interruption_is_noted_in_the_newest_turn() -> None:
    hearing = Listener().hearing
    hearing.interrupted()
    hearing.note_reply(None)
    first, second = hearing.begin_turn("one.wav"), hearing.begin_turn("two.wav")
    hearing.interrupted()
    assert (first.false_interrupt, second.false_interrupt) == (False, True)


def test_speech_outside_of_turns_makes_none() -> None:
    hearing = Listener().hearing
    hearing.speech_sent(11.0, 10.0)
    assert hearing.turns == []


def interrupting(before: tuple[bytes, ...], after: tuple[bytes, ...]) -> Listener:
    """The caller interrupts after having heard one, and then hears the other."""
    listener = Listener()
    listener.hear(before)
    listener.hearing.begin_turn("stop.wav", interrupting=True)
    listener.hearing.speech_began(listener.now)
    listener.hear(after)
    return listener


def test_an_agent_that_stops_when_interrupted_is_in_the_turn() -> None:
    listener = interrupting(TALK, TALK[:10] + HUSH)
    (turn,) = listener.hearing.turns
    assert turn.barge_in_stop_ms == pytest.approx(200, abs=50)
    assert turn.barge_in_missed is False


def test_an_agent_that_talks_on_is_in_the_turn_and_what_it_says_is_no_latency() -> None:
    listener = interrupting(TALK, tone(2.5))
    (turn,) = listener.hearing.turns
    assert turn.barge_in_stop_ms is None
    assert turn.barge_in_missed is True
    listener.hearing.speech_sent(listener.now - 0.5, 10.0)
    assert listener.hearing.note_reply(listener.hearing.reply()) is None
    assert not turn.no_response
    assert not turn.false_interrupt


def test_who_interrupts_nothing_has_not_interrupted() -> None:
    listener = interrupting(TALK + HUSH, HUSH)
    (turn,) = listener.hearing.turns
    assert turn.barge_in_stop_ms is turn.barge_in_missed is None


def test_a_turn_that_only_says_something_interrupts_nothing() -> None:
    listener = Listener()
    listener.hear(TALK)
    turn = listener.hearing.begin_turn("hello.wav")
    listener.hearing.speech_began(listener.now)
    listener.hear(HUSH)
    assert turn.barge_in_stop_ms is turn.barge_in_missed is None


def test_the_reply_that_is_interrupted_has_its_latency() -> None:
    listener = Listener()
    first = listener.hearing.begin_turn("hello.wav")
    listener.hearing.speech_sent(listener.now, 10.0)
    listener.hear(HUSH[:30] + TALK)
    listener.hearing.begin_turn("stop.wav", interrupting=True)
    assert first.turn_latency_ms == pytest.approx(600, abs=30)
