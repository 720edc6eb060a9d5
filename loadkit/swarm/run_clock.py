"""The master's clock as a worker sees it, without asking what time it is there.

Each message says when it was sent, in seconds since the run's arrivals began. How much earlier that is than the
worker's own monotonic clock is the difference of the clocks and the time under way; the least of many is the difference
and the shortest way. So a message that was held up delays no arrival's intended moment, and no wall clock enters.
The least of the last minute or two counts: clocks drift against each other by some ms an hour.
"""

from __future__ import annotations

import math

_WINDOW_S = 60.0


class RunClock:
    """Of one run on one worker."""

    def __init__(self) -> None:
        self._least = self._least_before = math.inf
        self._window_began = -math.inf

    def heard(self, sent: float, now: float) -> None:
        """A message came.

        :param sent: the master's run time when it sent it, in seconds.
        :param now: this machine's monotonic clock.
        """
        if now - self._window_began > _WINDOW_S:
            self._least_before, self._least = self._least, math.inf
            self._window_began = now
        self._least = min(self._least, now - sent)

    def here(self, run_time: float) -> float:
        """A moment of the run on this machine's monotonic clock; infinite before anything was heard."""
        return run_time + min(self._least, self._least_before)
