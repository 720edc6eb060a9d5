"""Unix time that does not jump, and a machine's clock that is found to be set only when it was."""

from __future__ import annotations

import pytest

from loadkit import unix_clock

_UNIX_AT_ZERO = 1_800_000_000.0


class _HeldUp:
    """Both clocks, of a process that is held up for a while before it gets to read the second one."""

    def __init__(self, *held_up_s: float) -> None:
        self._now = 100.0
        self._held_up = list(held_up_s)
        self.set_s = 0.0

    def monotonic(self) -> float:
        self._now += 1e-6
        return self._now

    def time(self) -> float:
        self._now += self._held_up.pop(0) if self._held_up else 1e-6
        return _UNIX_AT_ZERO + self._now + self.set_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _HeldUp:
    held_up = _HeldUp(2.0, 0.7)
    monkeypatch.setattr(unix_clock, "time", held_up)
    monkeypatch.setattr(unix_clock, "_offset", _UNIX_AT_ZERO)
    return held_up


def test_a_process_that_is_held_up_between_two_clocks_takes_neither_for_set(clock: _HeldUp) -> None:
    assert unix_clock.clock_error() == pytest.approx(0, abs=1e-3)
    clock.set_s = -7200.0
    assert unix_clock.clock_error() == pytest.approx(-7200, abs=1e-3)


def test_the_clock_is_believed_as_it_was_and_not_as_much_later_as_the_process_was_held_up(
    clock: _HeldUp,
) -> None:
    clock.set_s = 5.0
    unix_clock.read_clock()
    assert unix_clock.unix_offset() == pytest.approx(_UNIX_AT_ZERO + 5, abs=1e-3)
    assert unix_clock.clock_error() == pytest.approx(0, abs=1e-3)
