"""The one 20 ms clock of a process.

Calls are spread over the 20 ms in slots of 2 ms, so that the packets of many calls do not leave in one
burst; each slot costs one timer, whatever the number of its calls. How late a slot fires is the
generator's own lateness and is counted for every packet. It is read from the monotonic clock: uvloop's
``loop.time()`` has whole milliseconds and stands still during a turn of the loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable

from loadkit.lateness import bucket_of
from loadkit.media import FRAME_S
from loadkit.media.watches import Watches

logger = logging.getLogger(__name__)

_SLOTS = 10
_SLOT_S = FRAME_S / _SLOTS
#: After a stall at most this many frames are sent at once to catch up (100 ms); the rest is skipped.
_CATCH_UP_FRAMES = 5
#: A packet that leaves later than this counts as late: half a frame.
LATE_S = 0.010

#: Called each 20 ms with (frames to send now, frames to skip before them, lateness in seconds).
Tick = Callable[[int, int, float], None]


#: Called each 20 ms for all calls that joined it, with their slot and what a tick is told.
Batch = Callable[[int, int, int, float], None]


def lateness_of_frames(late: float, frames: int, skipped: int) -> list[float]:
    """How late each of the frames is that are sent now, in seconds: each was due 20 ms after the one before."""
    return [max(0.0, late - (skipped + number) * FRAME_S) for number in range(frames)]


class MediaClock:
    """Calls every registered :data:`Tick` each 20 ms until it is removed."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._epoch = time.monotonic()
        #: What is looked at twice a second for each call.
        self.watches = Watches()
        self._slots: list[list[Tick]] = [[] for _ in range(_SLOTS)]
        #: Per slot, how many calls each batch sends for.
        self._batches: list[dict[Batch, int]] = [{} for _ in range(_SLOTS)]
        self._timers: list[asyncio.TimerHandle | None] = [None] * _SLOTS
        self._due: list[float] = [0.0] * _SLOTS
        #: Lateness of packets since :meth:`take_lateness`, bucket → packets.
        self._lateness: Counter[int] = Counter()
        self.frames_late = 0
        self.frames_skipped = 0

    def add(self, tick: Tick) -> None:
        """Register a tick in the least filled slot."""
        slot = self._least_filled()
        self._slots[slot].append(tick)
        self._begin(slot)

    def join(self, batch: Batch) -> int:
        """One more call for a batch, in the least filled slot; returns the slot."""
        slot = self._least_filled()
        batches = self._batches[slot]
        batches[batch] = batches.get(batch, 0) + 1
        self._begin(slot)
        return slot

    def leave(self, batch: Batch, slot: int) -> None:
        """One call less for a batch; nothing happens when it has none there."""
        batches = self._batches[slot]
        left = batches.get(batch, 0) - 1
        if left > 0:
            batches[batch] = left
        else:
            batches.pop(batch, None)

    def due_at(self, slot: int) -> float:
        """When the next packets of a slot are due, in monotonic seconds; before now when the clock is late."""
        return self._due[slot]

    def _calls(self, slot: int) -> int:
        return len(self._slots[slot]) + sum(self._batches[slot].values())

    def _least_filled(self) -> int:
        return min(range(_SLOTS), key=self._calls)

    def _begin(self, slot: int) -> None:
        if self._timers[slot] is None:
            now = time.monotonic()
            offset = self._epoch + slot * _SLOT_S
            periods = int((now - offset) / FRAME_S) + 1
            self._due[slot] = offset + periods * FRAME_S
            self._schedule(slot, now)

    def remove(self, tick: Tick) -> None:
        """Take a tick out; nothing happens when it is not there."""
        for slot, ticks in enumerate(self._slots):
            if tick in ticks:
                # A new list, since the slot may be in the middle of its round.
                self._slots[slot] = [t for t in ticks if t != tick]
                return

    def note_lateness(self, late: float) -> None:
        """Count a packet that something else than this clock has paced, and that left so many seconds late."""
        self._lateness[bucket_of(late * 1000)] += 1
        self.frames_late += late > LATE_S

    def take_lateness(self) -> dict[int, int]:
        """Histogram of the lateness of all packets since the last time this was asked."""
        taken, self._lateness = dict(self._lateness), Counter()
        return taken

    def close(self) -> None:
        """Stop all timers."""
        for timer in self._timers:
            if timer is not None:
                timer.cancel()
        self._timers = [None] * _SLOTS
        self._slots = [[] for _ in range(_SLOTS)]
        self._batches = [{} for _ in range(_SLOTS)]
        self.watches.close()

    def _fire(self, slot: int) -> None:
        ticks, calls = self._slots[slot], self._calls(slot)
        if not calls:
            self._timers[slot] = None
            return
        now = time.monotonic()
        due = self._due[slot]
        late = max(0.0, now - due)
        frames = 1 + int(late / FRAME_S)
        skipped = max(0, frames - _CATCH_UP_FRAMES)
        frames -= skipped
        for frame_late in lateness_of_frames(late, frames, skipped):
            self._lateness[bucket_of(frame_late * 1000)] += calls
            if frame_late > LATE_S:
                self.frames_late += calls
        self.frames_skipped += skipped * calls
        for tick in ticks:
            try:
                tick(frames, skipped, late)
            except Exception:
                # It would take the timer of its slot, and so all other calls in it, down with it.
                logger.exception("a tick failed, and is called no more")
                self.remove(tick)
        for batch in list(self._batches[slot]):
            try:
                batch(slot, frames, skipped, late)
            except Exception:
                logger.exception("a batch of calls could not be sent")
        self._due[slot] = due + (frames + skipped) * FRAME_S
        self._schedule(slot, now)

    def _schedule(self, slot: int, now: float) -> None:
        self._timers[slot] = self._loop.call_later(max(0.0, self._due[slot] - now), self._fire, slot)
