"""Callers of a gateway that is gone: they wait before they call again, and are back soon after it."""

from __future__ import annotations

import pytest

from loadkit.swarm.redial import LONGEST_REDIAL_S, Redial


def _pauses(redial: Redial, stages: list[str]) -> list[float]:
    pauses, now = [], 0.0
    for stage in stages:
        redial.began(now)
        redial.failed(stage)
        pauses.append(redial.pause(now))
        now += pauses[-1]
    return pauses


def test_a_gateway_that_is_not_reached_is_tried_less_and_less_often() -> None:
    assert _pauses(Redial(lambda: 1.0), ["websocket"] * 6) == [1, 2, 4, 8, 8, 8]


def test_weeks_of_failures_are_no_more_than_the_longest_pause() -> None:
    assert _pauses(Redial(lambda: 1.0), ["place"] * 5000)[-1] == LONGEST_REDIAL_S


@pytest.mark.parametrize("stage", ["answer", "ice", "dtls", "media", "agent"])
def test_a_call_that_a_gateway_refuses_is_followed_by_the_next_after_a_second(stage: str) -> None:
    assert _pauses(Redial(lambda: 1.0), [stage] * 4) == [1, 1, 1, 1]


def test_a_connected_call_ends_the_longer_pauses() -> None:
    redial = Redial(lambda: 1.0)
    _pauses(redial, ["websocket"] * 4)
    redial.began(100.0)
    redial.connected()
    redial.failed("media")
    assert redial.pause(100.5) == 0.5
    assert _pauses(redial, ["websocket"]) == [1]


def test_a_call_that_took_longer_to_fail_is_followed_at_once() -> None:
    redial = Redial(lambda: 1.0)
    redial.began(0.0)
    redial.failed("ice")
    assert redial.pause(15.0) == 0


def test_the_first_call_of_a_caller_waits_for_nothing() -> None:
    assert Redial().pause(0.0) == 0


def test_callers_that_failed_together_do_not_come_back_together() -> None:
    assert len({round(_pauses(Redial(), ["websocket"])[0], 6) for _ in range(20)}) > 10
