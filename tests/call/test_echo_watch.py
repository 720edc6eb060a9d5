"""Whether sound that goes out in echo mode comes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from loadkit.call.echo_watch import ONE_WAY_S, EchoWatch
from loadkit.media import FRAME_S


def watch(sent: list[float], heard: list[float]) -> EchoWatch:
    echo = EchoWatch()
    for now, speech in sorted([(at, True) for at in sent] + [(at, False) for at in heard]):
        if speech:
            echo.speech_sent(now)
        else:
            echo.sound_heard(now)
    return echo


def frames(start: float, seconds: float) -> list[float]:
    return [start + number * FRAME_S for number in range(round(seconds / FRAME_S))]


def test_nothing_can_be_told_before_anything_was_said() -> None:
    assert watch([], []).one_way(listened=True) is None
    assert watch(frames(0, 1.5), []).one_way(listened=True) is None


@given(delay=st.floats(0, 1.5), seconds=st.floats(2, 10))
def test_speech_that_comes_back_is_no_one_way(delay: float, seconds: float) -> None:
    sent = frames(0, seconds)
    assert watch(sent, [at + delay for at in sent]).one_way(listened=True) is False


def test_speech_of_which_nothing_comes_back_is_one_way() -> None:
    assert watch(frames(0, ONE_WAY_S + 0.1), []).one_way(listened=True) is True


def test_a_pause_of_the_caller_is_no_one_way() -> None:
    sent = frames(0, 1) + frames(10, 1)
    assert watch(sent, [at + 0.3 for at in sent]).one_way(listened=True) is False


def test_a_hole_in_mid_call_is_one_way_also_when_sound_comes_again() -> None:
    assert watch(frames(0, 6), frames(0.1, 1) + frames(4, 2)).one_way(listened=True) is True


def test_who_did_not_listen_knows_of_the_first_sound_only() -> None:
    assert watch(frames(0, 6), [0.1]).one_way(listened=False) is False
    assert watch(frames(0, 6), []).one_way(listened=False) is True
