"""How long a caller waits before it calls again after a call that failed at once.

A user without ``wait_time`` whose gateway is gone would place hundreds of calls a second that are all refused: the
refusals were the load, and the records of an hour's outage would drown those of the calls. Arrivals of
``--arrival-rate`` come when they come, and wait for nobody.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from loadkit.errors import Stage

#: Least time between the beginnings of two calls of a caller whose last one failed (seconds).
REDIAL_S = 1.0
#: Doubled with each call that did not reach the gateway, up to this (seconds).
LONGEST_REDIAL_S = 8.0

#: A call that failed here has not spoken with the gateway.
_NOT_REACHED = (Stage.PLACE, Stage.ICE_SERVERS, Stage.WEBSOCKET)


class Redial:
    """Of one caller.

    :param spread: factor of each pause, so that callers who failed together do not come back together.
    """

    def __init__(self, spread: Callable[[], float] = lambda: random.uniform(0.75, 1.25)) -> None:
        self._spread = spread
        self._began = 0.0
        self._in_vain = 0
        self._not_before = 0.0

    def began(self, now: float) -> None:
        """A call is being placed."""
        self._began = now

    def connected(self) -> None:
        """It reached somebody: the next one that fails starts anew."""
        self._in_vain = 0

    def failed(self, stage: str | None) -> None:
        """It failed in this stage."""
        pause = REDIAL_S
        if stage in _NOT_REACHED:
            pause = min(LONGEST_REDIAL_S, REDIAL_S * 2.0**self._in_vain)
            # Not counted beyond that: a number of weeks of failures would not be a float.
            self._in_vain += pause < LONGEST_REDIAL_S
        self._not_before = self._began + pause * self._spread()

    def pause(self, now: float) -> float:
        """Seconds until the next call may be placed."""
        return max(0.0, self._not_before - now)
