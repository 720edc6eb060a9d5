"""What the caller measures when its own process stood still: real Opus, and a time in the test's hand.

Each holds whether packets that waited are stamped when they are read, as media in Python do, or when they came, as the
kernel tells the compiled module.
"""

from __future__ import annotations

import asyncio
import time

import pytest

from loadkit.call.hearing import Hearing
from loadkit.call.lifetime import Lifetime
from loadkit.call.script import Script
from loadkit.call.timeline import Timeline
from loadkit.media import FRAME_S
from loadkit.media.samples import silence
from loadkit.media.speaker import Speaker
from loadkit.media.stand_stills import STOOD_STILL_S, StandStills
from loadkit.records import TurnRecord
from tests.call.test_hearing import TALK, tone

FRAMES = round(1 / FRAME_S)
SPEECH = tone(3.0)
SILENCE = (silence(),) * (4 * FRAMES)


def talk(seconds: float) -> tuple[bytes, ...]:
    return SPEECH[: round(seconds * FRAMES)]


def hush(seconds: float) -> tuple[bytes, ...]:
    return SILENCE[: round(seconds * FRAMES)]


class Caller:
    """A hearing in a process that is awake for each packet, unless it stands still."""

    def __init__(self, *, stamped: bool) -> None:
        self.now = 10.0
        self.stamped = stamped
        self.timeline = Timeline(0.0)
        self.timeline.mark("dtls_done", self.now)
        self.stand_stills = StandStills()
        self.stand_stills.begin(self.now)
        self.hearing = Hearing(
            self.timeline, listen=True, changed=lambda: None, stand_stills=self.stand_stills
        )

    def hear(self, *packets: bytes) -> None:
        for packet in packets:
            self.stand_stills.awake(self.now)
            self.hearing.packet(packet, self.now)
            self.now = round(self.now + FRAME_S, 6)

    def stand_still(self, *waiting: bytes) -> None:
        """For as long as these packets take to come; then a look at the call comes before they are read."""
        began, self.now = self.now, round(self.now + len(waiting) * FRAME_S, 6)
        self.stand_stills.awake(self.now)
        self.hearing.poll(self.now)
        for number, packet in enumerate(waiting):
            self.stand_stills.awake(self.now)
            self.hearing.packet(packet, began + number * FRAME_S if self.stamped else self.now)

    def say(self, *heard: bytes, interrupting: bool = False) -> TurnRecord:
        """Say something for as long as these packets are heard."""
        turn = self.hearing.begin_turn("words.wav", interrupting=interrupting)
        self.hearing.speech_began(self.now)
        self.hear(*heard)
        self.hearing.speech_sent(self.now, 10.0)
        return turn

    def reply(self) -> None:
        self.hearing.note_reply(self.hearing.reply())


@pytest.fixture(params=[False, True], ids=["when-read", "when-come"])
def caller(request: pytest.FixtureRequest) -> Caller:
    return Caller(stamped=request.param)


def test_speech_that_waits_to_be_read_is_not_over(caller: Caller) -> None:
    caller.hear(*talk(1.0))
    caller.stand_still(*talk(1.0))
    assert caller.hearing.talking
    caller.hear(*talk(0.4), *hush(1.0))
    (utterance,) = caller.hearing.utterances
    assert utterance.ended
    assert utterance.duration == pytest.approx(2.4, abs=0.08)


def test_a_pause_that_waits_to_be_read_is_no_longer_than_it_was(caller: Caller) -> None:
    caller.hear(*talk(1.0))
    caller.stand_still(*hush(0.2), *talk(0.8))
    caller.hear(*talk(0.3), *hush(1.0))
    (utterance,) = caller.hearing.utterances
    assert utterance.duration == pytest.approx(2.3, abs=0.08)


def test_silence_that_waited_to_be_read_ends_speech_all_the_same(caller: Caller) -> None:
    caller.hear(*talk(1.0))
    caller.stand_still(*hush(2.0))
    caller.hear(*hush(1.0))
    assert not caller.hearing.talking


def test_speech_is_over_when_nothing_waited_and_nothing_comes(caller: Caller) -> None:
    caller.hear(*talk(1.0))
    caller.now += 2.0
    caller.stand_stills.awake(caller.now)
    caller.hearing.poll(caller.now)
    assert caller.hearing.talking, "it may wait to be read"
    caller.now += 0.5
    caller.hearing.poll(caller.now)
    assert not caller.hearing.talking


def test_an_agent_that_had_stopped_before_has_stopped(caller: Caller) -> None:
    caller.hear(*talk(1.0))
    turn = caller.say(*talk(0.2), *hush(0.2), interrupting=True)
    caller.stand_still(*hush(2.5))
    caller.hear(*hush(0.5))
    assert turn.barge_in_stop_ms == pytest.approx(200, abs=50)
    assert turn.barge_in_missed is False
    assert turn.stood_still_ms == pytest.approx(2500, abs=30)


@pytest.mark.parametrize("longer", [talk(0.4), talk(2.2)], ids=["stops", "talks-on"])
def test_whether_an_agent_stops_is_not_known_when_it_talks_meanwhile(
    caller: Caller, longer: tuple[bytes, ...]
) -> None:
    caller.hear(*talk(0.5))
    turn = caller.say(*talk(0.1), interrupting=True)
    caller.stand_still(*longer, *hush(0.3))
    interruption = caller.hearing.interruption
    assert interruption is not None and interruption.decided
    caller.hear(*hush(1.0))
    assert turn.barge_in_stop_ms is turn.barge_in_missed is None
    assert turn.stood_still_ms == pytest.approx(1000 * FRAME_S * (len(longer) + 15), abs=30)


def test_what_is_interrupted_just_after_standing_still_is_not_judged(caller: Caller) -> None:
    caller.hear(*talk(0.5))
    began, caller.now = caller.now, caller.now + 1.0
    turn = caller.hearing.begin_turn("words.wav", interrupting=True)
    caller.hearing.speech_began(caller.now)
    assert caller.now - began > STOOD_STILL_S
    caller.hear(*talk(0.5), *hush(1.0))
    assert turn.barge_in_stop_ms is turn.barge_in_missed is None
    assert turn.stood_still_ms == pytest.approx(1000, abs=30)


def test_an_agent_that_may_have_talked_on_is_heard_to_reply(caller: Caller) -> None:
    caller.hear(*talk(0.5))
    turn = caller.say(*talk(0.1), interrupting=True)
    caller.stand_still(*talk(1.0))
    caller.hear(*talk(0.5), *hush(1.0))
    caller.reply()
    assert (turn.no_response, turn.false_interrupt, turn.turn_latency_ms) == (False, False, None)


def test_a_reply_that_came_meanwhile_has_a_latency_only_if_its_arrival_is_known(caller: Caller) -> None:
    turn = caller.say(*hush(1.0))
    caller.hear(*hush(0.3))
    caller.stand_still(*hush(0.3), *talk(0.8), *hush(0.2))
    caller.hear(*hush(1.0))
    caller.reply()
    assert turn.turn_latency_ms == (pytest.approx(600, abs=30) if caller.stamped else None)
    assert turn.reply_ms == (pytest.approx(800, abs=60) if caller.stamped else None)
    assert turn.stood_still_ms == pytest.approx(1300, abs=30)
    assert (turn.no_response, turn.false_interrupt) == (False, False)


def test_the_latency_of_a_reply_that_came_later_is_measured(caller: Caller) -> None:
    turn = caller.say(*hush(1.0))
    caller.hear(*hush(0.1))
    caller.stand_still(*hush(1.0))
    caller.hear(*hush(0.3), *talk(1.0), *hush(1.0))
    caller.reply()
    assert turn.turn_latency_ms == pytest.approx(1400, abs=30)
    assert turn.stood_still_ms == pytest.approx(1000, abs=30)


def test_an_agent_that_answers_words_which_we_broke_off_is_not_blamed(caller: Caller) -> None:
    turn = caller.hearing.begin_turn("words.wav")
    caller.hearing.speech_began(caller.now)
    caller.hear(*hush(0.5))
    caller.stand_still(*hush(0.7), *talk(0.3))
    caller.hearing.interrupted()
    caller.hear(*talk(0.3))
    caller.hearing.speech_sent(caller.now, 10.0)
    caller.hear(*talk(0.3), *hush(1.0))
    caller.reply()
    assert (turn.false_interrupt, turn.turn_latency_ms) == (False, None)
    assert turn.stood_still_ms is not None


def test_a_greeting_that_came_meanwhile_is_measured_only_if_its_arrival_is_known(caller: Caller) -> None:
    caller.hear(*hush(0.4))
    caller.stand_still(*hush(0.4), *TALK)
    caller.hear(*hush(1.0), *TALK, *hush(1.0))
    assert len(caller.hearing.utterances) == 2
    assert caller.hearing.greeting_ms == (pytest.approx(800, abs=30) if caller.stamped else None)
    assert caller.hearing.stood_still_ms == pytest.approx(1000, abs=30)


def test_a_shorter_stop_is_lateness_and_leaves_nothing_out(caller: Caller) -> None:
    caller.hear(*hush(0.4), *talk(0.5))
    turn = caller.say(*talk(0.1), interrupting=True)
    caller.stand_still(*talk(0.06), *hush(0.24))
    caller.hear(*hush(0.9), *talk(0.5), *hush(1.0))
    caller.reply()
    assert turn.barge_in_stop_ms == pytest.approx(160, abs=60 if caller.stamped else 300)
    assert turn.barge_in_missed is False
    assert turn.turn_latency_ms == pytest.approx(1200, abs=30)
    assert turn.stood_still_ms is caller.hearing.stood_still_ms is None


async def test_a_time_out_does_not_count_the_time_in_which_nothing_could_be_read() -> None:
    caller = Caller(stamped=False)
    caller.now = time.monotonic()
    caller.stand_stills.begin(caller.now)
    script = Script(Lifetime("call"), Speaker(), caller.hearing)
    caller.hearing._changed = script.changed

    def stand_still() -> None:
        time.sleep(1.2)
        # What waited is read after the timers.
        loop.call_later(0.001, lambda: caller.hear(*TALK, *hush(1.0)))

    loop = asyncio.get_running_loop()
    loop.call_soon(stand_still)
    async with asyncio.timeout(20):
        await script.wait_for_agent(0.8)
    assert caller.hearing.utterances[0].ended
