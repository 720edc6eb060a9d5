"""What one side says next."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadkit.media.samples import EncodedSample, silence
from loadkit.media.speaker import Speaker

HELLO = EncodedSample("hello.wav", (b"0", b"1", b"2", b"3", b"4"), first_speech=1, last_speech=3)
HUSH = EncodedSample("hush.wav", (b"a", b"b"), first_speech=None, last_speech=None)


def test_new_speaker_says_nothing() -> None:
    speaker = Speaker()
    assert [speaker.next_packet() for _ in range(3)] == [silence()] * 3
    assert not speaker.playing
    assert not speaker.speaking
    assert not speaker.speech_ended


def test_sample_is_said_once_and_silence_follows() -> None:
    speaker = Speaker()
    speaker.play(HELLO)
    assert speaker.playing
    said = [speaker.next_packet() for _ in range(7)]
    assert said == [b"0", b"1", b"2", b"3", b"4", silence(), silence()]
    assert not speaker.playing


def test_speech_is_between_its_labels_and_ends_once() -> None:
    speaker = Speaker()
    speaker.play(HELLO)
    seen = []
    for _ in range(6):
        speaker.next_packet()
        seen.append((speaker.speaking, speaker.speech_ended, speaker.playing))
    assert seen == [
        (False, False, True),
        (True, False, True),
        (True, False, True),
        (True, True, True),
        (False, False, False),
        (False, False, False),
    ]


def test_looped_sample_is_all_speech_and_never_ends() -> None:
    speaker = Speaker()
    speaker.play(HELLO, loop=True)
    said = []
    for _ in range(12):
        said.append(speaker.next_packet())
        assert speaker.speaking
        assert not speaker.speech_ended
        assert speaker.playing
    assert b"".join(said) == b"012340123401"


def test_stop_falls_silent_with_the_next_packet() -> None:
    speaker = Speaker()
    speaker.play(HELLO, loop=True)
    speaker.next_packet()
    speaker.stop()
    assert not speaker.playing
    assert not speaker.speaking
    assert speaker.next_packet() == silence()


def test_second_sample_takes_the_place_of_the_first() -> None:
    speaker = Speaker()
    speaker.play(HELLO)
    speaker.next_packet()
    speaker.next_packet()
    speaker.play(HELLO)
    assert speaker.next_packet() == b"0"
    assert not speaker.speaking


def test_sample_without_speech_is_no_speech_whatever_was_said_before() -> None:
    speaker = Speaker()
    speaker.play(HELLO)
    speaker.next_packet()
    speaker.next_packet()
    assert speaker.speaking
    speaker.play(HUSH, loop=True)
    speaker.next_packet()
    assert not speaker.speaking
    assert not speaker.speech_ended


def test_only_packets_that_hold_speech_sound() -> None:
    speaker = Speaker()
    sample = EncodedSample("words.wav", (b"0", b"1", b"2", b"3"), 1, 3, frozenset({1, 3}))
    speaker.play(sample, loop=True)
    sounding = []
    for _ in range(6):
        speaker.next_packet()
        sounding.append(speaker.sounding)
    assert sounding == [False, True, False, True, False, True]
    speaker.stop()
    speaker.next_packet()
    assert not speaker.sounding


@given(
    packets=st.integers(1, 12),
    labels=st.none() | st.tuples(st.integers(0, 11), st.integers(0, 11)),
    speech=st.frozensets(st.integers(0, 11)),
    actions=st.lists(st.sampled_from(["next"] * 6 + ["play", "loop", "stop"]), max_size=60),
)
def test_packets_asked_for_the_short_way_say_the_same_as_the_long_way(
    packets: int, labels: tuple[int, int] | None, speech: frozenset[int], actions: list[str]
) -> None:
    first, last = (min(labels) % packets, min(max(labels), packets - 1)) if labels else (None, None)
    sample = EncodedSample("any.wav", tuple(bytes([n]) for n in range(packets)), first, last, speech)
    long, short = Speaker(), Speaker()
    for action in actions:
        match action:
            case "play" | "loop":
                long.play(sample, loop=action == "loop")
                short.play(sample, loop=action == "loop")
            case "stop":
                long.stop()
                short.stop()
            case "next":
                before = (long.playing, long.speaking)
                expected = long.next_packet()
                ordinary = short.ordinary_packet()
                assert (short.next_packet() if ordinary is None else ordinary) == expected
                if ordinary is not None:
                    assert (long.playing, long.speaking) == before
                    assert not long.speech_ended
                assert short.sounding == long.sounding
        assert (short.playing, short.speaking) == (long.playing, long.speaking)


def test_silence_goes_on_for_ever() -> None:
    speaker = Speaker()
    said = {speaker.ordinary_packet() or speaker.next_packet() for _ in range(6100)}
    assert said == {silence()}
    assert not speaker.playing
