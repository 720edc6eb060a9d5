"""What has to be looked at twice a second for each call, with a timer for many of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from loadkit.media.stand_stills import StandStills

logger = logging.getLogger(__name__)

INTERVAL_S = 0.5
#: Watches are spread over the interval, so that those of many calls do not hold up the media clock.
_SLOTS = 25

#: Called twice a second with the time in monotonic seconds.
Watch = Callable[[float], None]


class Watches:
    """Calls every :data:`Watch` twice a second until it is removed; the first time after half a second."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._slots: list[list[Watch]] = [[] for _ in range(_SLOTS)]
        self._slot = 0
        self._watches = 0
        self._timer: asyncio.TimerHandle | None = None
        #: When the process stood still while there was something to look at.
        self.stand_stills = StandStills()

    def add(self, watch: Watch) -> None:
        """Look at something from now on."""
        # The slot that was looked at last comes again after a whole interval.
        self._slots[self._slot].append(watch)
        self._watches += 1
        if self._timer is None:
            self.stand_stills.begin(time.monotonic())
            self._wait()

    def remove(self, watch: Watch) -> None:
        """Look at it no more; nothing happens when it is not there."""
        for slot, watches in enumerate(self._slots):
            if watch in watches:
                # A new list, since the slot may be in the middle of its round.
                self._slots[slot] = [w for w in watches if w != watch]
                self._watches -= 1
                return

    def close(self) -> None:
        """Look at nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._slots = [[] for _ in range(_SLOTS)]
        self._watches = 0

    def _wait(self) -> None:
        self._timer = self._loop.call_later(INTERVAL_S / _SLOTS, self._look)

    def _look(self) -> None:
        self._timer = None
        self._slot = (self._slot + 1) % _SLOTS
        now = time.monotonic()
        self.stand_stills.awake(now)
        for watch in self._slots[self._slot]:
            try:
                watch(now)
            except Exception:
                logger.exception("a watch over a call failed, and is called no more")
                self.remove(watch)
        if self._watches:
            self._wait()
        else:
            self.stand_stills.end()
