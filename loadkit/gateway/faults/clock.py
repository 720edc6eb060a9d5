"""A 20 ms clock of one call that runs too fast or too slow."""

from __future__ import annotations

import asyncio
import logging
import time

from loadkit.media import FRAME_S
from loadkit.media.clock import Tick

logger = logging.getLogger(__name__)

#: After a stall at most this many frames are sent at once to catch up, as by the clock of all calls.
_CATCH_UP_FRAMES = 5


class DriftingClock:
    """Stands in for :class:`~loadkit.media.clock.MediaClock` in one call.

    :param ppm: parts per million, positive when it is too fast.
    """

    def __init__(self, ppm: float) -> None:
        self._frame_s = FRAME_S / (1 + ppm * 1e-6)
        self._tick: Tick | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def add(self, tick: Tick) -> None:
        """Call this each 20 ms of the clock, from now on."""
        self._tick = tick
        self._due = time.monotonic()
        self._schedule()

    def remove(self, tick: Tick) -> None:  # noqa: ARG002 - there is only one
        """Stop; nothing happens when it has stopped already."""
        self._tick = None
        if self._timer is not None:
            self._timer.cancel()

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(
            max(0.0, self._due - time.monotonic()), self._fire
        )

    def _fire(self) -> None:
        tick = self._tick
        if tick is None:
            return
        late = max(0.0, time.monotonic() - self._due)
        frames = 1 + int(late / self._frame_s)
        skipped = max(0, frames - _CATCH_UP_FRAMES)
        self._due += frames * self._frame_s
        try:
            tick(frames - skipped, skipped, late)
        except Exception:
            logger.exception("a tick failed, and is called no more")
            self._tick = None
            return
        self._schedule()
