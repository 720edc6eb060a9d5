"""How fast a socket may speak, second by second."""

from __future__ import annotations

from loadkit.gateway.sockets import MessageRate, Verdict


def test_as_many_as_are_permitted_are_read_each_second() -> None:
    rate = MessageRate(3)
    assert [rate.take(10.0 + n / 10) for n in range(3)] == [Verdict.READ] * 3
    assert [rate.take(11.0 + n / 10) for n in range(3)] == [Verdict.READ] * 3


def test_the_first_too_many_is_told_and_the_others_are_not() -> None:
    rate = MessageRate(2)
    assert [rate.take(0.0) for _ in range(5)] == [
        Verdict.READ,
        Verdict.READ,
        Verdict.REFUSED,
        Verdict.IGNORED,
        Verdict.IGNORED,
    ]
    assert rate.take(1.0) is Verdict.READ


def test_ten_times_too_many_are_a_flood() -> None:
    rate = MessageRate(2)
    verdicts = [rate.take(0.0) for _ in range(22)]
    assert verdicts.index(Verdict.FLOOD) == 20
