"""The whole process stands still, as when it swaps, collects garbage or waits for a lock."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

from loadkit.gateway.faults.kinds import Stall

logger = logging.getLogger(__name__)


class Stalls:
    """Stalls the event loop at given times after the first call was connected."""

    def __init__(self, stalls: Sequence[Stall]) -> None:
        self._stalls = stalls
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._started = False

    def first_connected(self) -> None:
        """A call was connected; only the first one counts."""
        if self._started:
            return
        self._started = True
        for number, stall in enumerate(self._stalls):
            self._plan(number, stall.at)

    def _plan(self, number: int, later: float) -> None:
        self._timers[number] = asyncio.get_running_loop().call_later(later, self._stall, number)

    def _stall(self, number: int) -> None:
        stall = self._stalls[number]
        logger.info("the process stands still for %g s", stall.lasts)
        time.sleep(stall.lasts)
        if stall.every is not None:
            self._plan(number, stall.every - stall.lasts)

    def close(self) -> None:
        """No more stalls."""
        for timer in self._timers.values():
            timer.cancel()
