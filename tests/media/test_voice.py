"""Levels out of packets, speech out of levels, utterances out of speech."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.media import CLOCK_RATE, FRAME_S, FRAME_SAMPLES
from loadkit.media.samples import encode, silence
from loadkit.media.voice import (
    SILENCE_DBFS,
    LevelDecoder,
    SpeechDetector,
    Utterance,
    UtteranceTracker,
    is_digital_silence,
    level_of,
)

QUIET, TALK = -80.0, -25.0


def tone(dbfs: float, seconds: float, channels: int = 1) -> tuple[bytes, ...]:
    times = np.arange(round(seconds * CLOCK_RATE)) / CLOCK_RATE
    sound = np.sqrt(2) * 10 ** (dbfs / 20) * np.sin(2 * np.pi * 440 * times) * 32767
    return encode(np.stack([sound.astype(np.int16)] * channels))


# Levels


def test_level_of_a_full_scale_square_wave_is_0_dbfs() -> None:
    assert level_of(np.full(960, -32768, dtype=np.int16)) == pytest.approx(0)


def test_level_of_digital_silence_is_127_below() -> None:
    assert level_of(np.zeros((2, 960), dtype=np.int16)) == -127


@given(st.integers(1, 32767))
def test_level_is_that_of_the_definition(amplitude: int) -> None:
    square = np.tile(np.array([amplitude, -amplitude], dtype=np.int16), 480)
    assert level_of(square) == pytest.approx(20 * np.log10(amplitude / 32768), abs=1e-3)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("dbfs", [-50.0, -20.0, -6.0])
def test_tone_is_heard_at_its_level(channels: int, dbfs: float) -> None:
    decoder = LevelDecoder()
    levels = [decoder.level(packet) for packet in tone(dbfs, 0.6, channels)]
    assert np.median(levels) == pytest.approx(dbfs, abs=1.5)


def test_silence_is_heard_as_silence() -> None:
    decoder = LevelDecoder()
    assert all(decoder.level(silence()) <= SILENCE_DBFS for _ in range(20))


def test_dtx_packets_are_silence_without_being_decoded() -> None:
    assert is_digital_silence(b"")
    assert is_digital_silence(b"\xf8")
    assert is_digital_silence(b"\xf8\xff")
    assert not is_digital_silence(b"\xf8\xff\xfe")
    assert LevelDecoder().level(b"\xf8") == -127


@settings(max_examples=200)
@given(st.binary(min_size=3, max_size=200))
def test_damaged_packets_have_some_level_and_raise_nothing(payload: bytes) -> None:
    assert -127 <= LevelDecoder().level(payload) <= 1


def test_good_packets_are_heard_after_damaged_ones() -> None:
    decoder = LevelDecoder()
    for payload in (b"\xff" * 7, b"\x03\x3f" + b"x" * 90, bytes(2000), b"\xfc\xff\xfe"):
        decoder.level(payload)
    levels = [decoder.level(packet) for packet in tone(-20.0, 0.6)]
    assert np.median(levels) == pytest.approx(-20, abs=1.5)


# Speech


def test_silence_is_no_speech() -> None:
    detector = SpeechDetector()
    assert not any(detector.feed(level) for level in [-127.0] * 200)


def test_talk_out_of_silence_is_speech_at_once() -> None:
    detector = SpeechDetector()
    assert [detector.feed(level) for level in [QUIET] * 20 + [TALK] * 3 + [QUIET]] == (
        [False] * 20 + [True] * 3 + [False]
    )


def test_faint_noise_is_no_speech_and_talk_above_it_is() -> None:
    detector = SpeechDetector()
    assert not any(detector.feed(level) for level in [-52.0, -55.0, -53.0] * 100)
    assert detector.feed(TALK)
    assert not detector.feed(-53.0)


def test_floor_follows_noise_up_so_that_a_little_more_noise_is_no_speech() -> None:
    detector = SpeechDetector()
    for _ in range(500):
        detector.feed(-51.0)
    assert not detector.feed(-45.0)
    assert detector.feed(-35.0)


def test_floor_falls_at_once_when_it_is_quiet() -> None:
    detector = SpeechDetector()
    for _ in range(500):
        detector.feed(-51.0)
    detector.feed(QUIET)
    assert detector.feed(-45.0)


# Utterances


def utterances(levels: list[float], tracker: UtteranceTracker | None = None) -> list[Utterance]:
    """What is heard of one frame each 20 ms, from the time 0 on."""
    tracker = tracker or UtteranceTracker()
    heard: list[Utterance] = []
    for index, level in enumerate(levels):
        utterance = tracker.feed(level, index * FRAME_S)
        if utterance is not None and utterance not in heard:
            heard.append(utterance)
    return heard


def test_utterance_is_from_its_first_to_its_last_speech_frame() -> None:
    (utterance,) = utterances([QUIET] * 25 + [TALK] * 50 + [QUIET] * 60)
    assert utterance.started_at == pytest.approx(0.5)
    assert utterance.last_speech_at == pytest.approx(0.5 + 49 * FRAME_S)
    assert utterance.duration == pytest.approx(1.0)
    assert utterance.ended


def test_pause_shorter_than_the_silence_does_not_end_an_utterance() -> None:
    (utterance,) = utterances([TALK] * 20 + [QUIET] * 39 + [TALK] * 20 + [QUIET] * 60)
    assert utterance.duration == pytest.approx(79 * FRAME_S)


def test_pause_as_long_as_the_silence_makes_two_utterances() -> None:
    first, second = utterances([TALK] * 20 + [QUIET] * 45 + [TALK] * 20 + [QUIET] * 60)
    assert [first.duration, second.duration] == pytest.approx([0.4, 0.4])
    assert second.started_at == pytest.approx(65 * FRAME_S)


def test_utterance_knows_its_loudest_frame() -> None:
    tracker = UtteranceTracker()
    heard = [tracker.feed(level, index * 0.02) for index, level in enumerate([-30.0] * 5 + [-12.0, -25.0])]
    (utterance,) = [found for found in heard if found]
    assert utterance.loudest == -12.0


def test_click_is_no_utterance() -> None:
    assert utterances([QUIET] * 10 + [TALK] * 2 + [QUIET] * 50 + [TALK] + [QUIET] * 50) == []


def test_onset_with_a_hole_starts_at_its_first_frame() -> None:
    (utterance,) = utterances([QUIET] * 10 + [TALK, QUIET, TALK, QUIET, TALK] + [TALK] * 10)
    assert utterance.started_at == pytest.approx(0.2)
    assert not utterance.ended


def test_a_hum_that_never_pauses_is_no_speech_after_three_seconds() -> None:
    detector = SpeechDetector()
    heard = [detector.feed(-40.0) for _ in range(400)]
    assert all(heard[:149])
    assert not any(heard[150:])
    # A voice above it still is, and the hum after it is not.
    assert detector.feed(-20.0)
    assert not detector.feed(-40.0)


def test_speech_that_goes_on_has_not_ended() -> None:
    tracker = UtteranceTracker()
    # A pause between words each half second, as people make.
    (utterance,) = utterances(([TALK] * 23 + [QUIET] * 2) * 12, tracker)
    assert tracker.current is utterance
    assert not utterance.ended


def test_utterance_ends_also_when_packets_stop_coming() -> None:
    tracker = UtteranceTracker()
    (utterance,) = utterances([TALK] * 10, tracker)
    assert tracker.poll(9 * FRAME_S + 0.79) is None
    assert tracker.poll(9 * FRAME_S + 0.81) is utterance
    assert utterance.ended
    assert tracker.current is None
    assert tracker.poll(99.0) is None


def test_time_in_which_nobody_listened_is_no_silence_until_speech_is_heard_again() -> None:
    tracker = UtteranceTracker(silence_s=0.5)
    (utterance,) = utterances([TALK] * 10, tracker)
    tracker.did_not_listen(2.0)
    assert tracker.poll(2.6) is None
    assert tracker.feed(TALK, 2.6) is None
    assert tracker.poll(3.0) is None
    assert tracker.poll(3.2) is utterance
    assert utterance.last_speech_at == 2.6


def test_silence_and_onset_can_be_set() -> None:
    tracker = UtteranceTracker(silence_s=0.1, onset_frames=1)
    first, second = utterances([TALK] + [QUIET] * 6 + [TALK] + [QUIET] * 6, tracker)
    assert first.ended and second.ended
    assert first.duration == pytest.approx(FRAME_S)


def test_frame_is_20_ms_of_the_opus_clock() -> None:
    assert FRAME_SAMPLES / CLOCK_RATE == FRAME_S
