from __future__ import annotations

import pytest

from loadkit.call.interruption import Interruption


def told(speech: list[tuple[float, float]], until: float) -> Interruption:
    """An interruption at 10.0 of an agent whose speech is these stretches, looked at every 20 ms."""
    interruption, now, last = Interruption(10.0), 10.0, 9.99
    while now < until:
        if any(first <= now < end for first, end in speech):
            last = now
        interruption.heard(now, last)
        now = round(now + 0.02, 2)
    return interruption


def test_an_agent_that_stops_is_timed_to_its_last_speech_frame() -> None:
    interruption = told([(9.0, 10.3)], until=13.0)
    assert interruption.stop_ms == pytest.approx(280)
    assert interruption.missed is False


def test_it_has_stopped_only_after_400_ms_of_silence() -> None:
    interruption = told([(9.0, 10.3), (10.6, 11.0)], until=13.0)
    assert interruption.stop_ms == pytest.approx(980)
    assert not told([(9.0, 10.3)], until=10.6).decided


def test_an_agent_that_talks_on_for_two_seconds_has_missed_it() -> None:
    interruption = told([(9.0, 15.0)], until=13.0)
    assert interruption.missed is True
    assert interruption.stop_ms is None


def test_one_that_stops_just_before_has_not() -> None:
    interruption = told([(9.0, 11.9)], until=13.0)
    assert interruption.missed is False
    assert interruption.stop_ms == pytest.approx(1880)


def test_what_comes_after_the_verdict_does_not_change_it() -> None:
    interruption = told([(9.0, 10.3), (11.5, 20.0)], until=15.0)
    assert interruption.stop_ms == pytest.approx(280)


def test_an_agent_that_stopped_with_the_first_frame_took_no_time() -> None:
    assert told([(9.0, 9.9)], until=12.0).stop_ms == 0


@pytest.mark.parametrize(("last", "possible"), [(None, False), (9.9, True), (9.5, False)])
def test_only_speech_can_be_interrupted(last: float | None, possible: bool) -> None:
    assert Interruption.possible(10.0, last) is possible
