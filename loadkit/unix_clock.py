"""Unix time that does not jump: read once at the start of a run, then carried on by the monotonic clock.

A machine's clock may be set while a run goes on, by NTP or by hand: durations would be wrong by hours, and the report's
pictures torn in two. So all time stamps of a process are of this clock, and engines take it over from the process that
started them. A slow correction of the machine's clock (adjtime) moves the monotonic clock alike and is followed.
"""

from __future__ import annotations

import time

_CLOSE_S = 1e-3
_TRIES = 10


def _ahead() -> float:
    """By how many seconds the machine's clock is ahead of the monotonic one, as both are read at one moment.

    A process that is held up between the two would take that for a clock that was set.
    """
    closest, found = float("inf"), 0.0
    for _ in range(_TRIES):
        before, unix, after = time.monotonic(), time.time(), time.monotonic()
        if after - before < closest:
            closest, found = after - before, unix - (before + after) / 2
        if closest <= _CLOSE_S:
            break
    return found


_offset = _ahead()


def unix_now() -> float:
    """Seconds since 1970, as the machine's clock had it when it was last read, and what has passed since."""
    return time.monotonic() + _offset


def unix_offset() -> float:
    """Seconds to add to the monotonic clock to get Unix time."""
    return _offset


def read_clock() -> None:
    """Believe the machine's clock again: a run begins."""
    global _offset
    _offset = _ahead()


def clock_error() -> float:
    """By how many seconds the machine's clock is ahead of this one: it was set since it was read."""
    return _ahead() - _offset
