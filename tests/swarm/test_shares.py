"""Which worker gets the next arrival, and when it is meant to start there."""

from __future__ import annotations

import pytest

from loadkit.swarm.run_clock import RunClock
from loadkit.swarm.shares import SILENCE_S, Shares, Status
from loadkit.swarm.talk_time import TalkTime

BOTH = ["a", "b"]


def handed(shares: Shares, count: int) -> list[str | None]:
    given = []
    for _ in range(count):
        worker = shares.freest(BOTH, 0.0)
        given.append(worker)
        if worker is not None:
            shares.handed(worker, 0.0)
    return given


def test_arrivals_go_to_the_worker_with_the_fewest_calls_per_engine() -> None:
    shares = Shares()
    shares.said("a", Status(engines=1), 0.0)
    shares.said("b", Status(engines=3), 0.0)
    given = handed(shares, 8)
    assert (given.count("a"), given.count("b")) == (2, 6)
    assert shares.in_progress(BOTH) == 8


def test_the_freer_worker_gets_all_until_the_other_holds_as_few() -> None:
    shares = Shares()
    shares.said("a", Status(engines=1, in_progress=3), 0.0)
    shares.said("b", Status(engines=1), 0.0)
    assert handed(shares, 3) == ["b", "b", "b"]


def test_what_was_handed_over_counts_until_the_worker_speaks_of_it() -> None:
    shares = Shares()
    shares.said("a", Status(engines=1), 0.0)
    for _ in range(5):
        shares.handed("a", 0.0)
    assert shares.in_progress(BOTH) == 5
    shares.said("a", Status(engines=1, in_progress=2, taken=4), 0.1)
    assert shares.in_progress(BOTH) == 3
    shares.said("a", Status(engines=1, in_progress=0, taken=5), 0.2)
    assert shares.in_progress(BOTH) == 0
    # A worker that is gone holds nothing.
    shares.handed("a", 0.3)
    assert shares.in_progress(["b"]) == 0


def test_a_worker_that_does_not_confirm_gets_no_more_until_it_does_or_nobody_else_is_there() -> None:
    shares = Shares()
    shares.said("a", Status(engines=1), 0.0)
    shares.said("b", Status(engines=1, in_progress=9), 0.0)
    shares.handed("a", 0.0)
    late = SILENCE_S + 0.1
    assert shares.freest(BOTH, 0.5) == "a"
    assert shares.freest(BOTH, late) == "b"
    # Late is better than not at all.
    assert shares.freest(["a"], late) == "a"
    shares.said("a", Status(engines=1, in_progress=1, taken=1), late)
    assert shares.freest(BOTH, late) == "a"


def test_without_engines_or_without_a_word_a_worker_gets_nothing() -> None:
    shares = Shares()
    shares.said("a", Status(engines=0), 0.0)
    assert shares.freest(BOTH, 0.0) is None
    assert shares.freest([], 0.0) is None
    assert not shares.ready("a") and not shares.ready("b")


def test_connected_calls_go_on_since_a_worker_last_spoke() -> None:
    shares = Shares()
    shares.said("a", Status(engines=1, connected_s=10.0, connected=4), 100.0)
    shares.said("b", Status(engines=1, connected_s=1.0), 100.0)
    assert shares.connected_s(BOTH, 100.0) == 11.0
    assert shares.connected_s(BOTH, 100.5) == 13.0


def test_calls_of_a_worker_that_is_gone_use_up_no_more_of_the_budget() -> None:
    shares = Shares()
    shares.said("a", Status(engines=1, connected=4), 100.0)
    shares.said("b", Status(engines=1, connected=1), 100.0)
    assert shares.connected_s(BOTH, 110.0) == 50.0
    # Those that it had until then are spent.
    assert shares.connected_s(["b"], 120.0) == 60.0
    # It had only been silent: its calls went on, and it has nothing new to say.
    assert shares.connected_s(BOTH, 130.0) == 150.0


def test_a_message_that_was_held_up_moves_no_intended_moment() -> None:
    clock = RunClock()
    clock.heard(sent=1.0, now=501.002)
    assert clock.here(3.0) == pytest.approx(503.002)
    clock.heard(sent=2.0, now=502.7)  # 0.7 s under way
    assert clock.here(3.0) == pytest.approx(503.002)
    clock.heard(sent=3.0, now=503.001)  # a little quicker than the first
    assert clock.here(3.0) == pytest.approx(503.001)


def test_clocks_that_drift_apart_are_followed() -> None:
    clock = RunClock()
    for second in range(400):
        clock.heard(sent=float(second), now=500 + second * (1 + 200e-6))
    # The least of the last minute or two, not of all time.
    assert 280 * 200e-6 <= clock.here(0.0) - 500 <= 400 * 200e-6


def test_talk_time_is_the_records_own_and_what_calls_in_progress_have_so_far() -> None:
    talk = TalkTime()
    talk.began("a", 10.0)
    talk.began("b", 12.0)
    assert (talk.seconds(13.0), talk.connected) == (4.0, 2)
    talk.ended({"call_id": "a", "connected_ms": 2500.0})
    talk.ended({"call_id": "never connected", "connected_ms": None})
    assert (talk.seconds(14.0), talk.connected) == (4.5, 1)
