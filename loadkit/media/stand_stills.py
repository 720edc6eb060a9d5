"""When this process stood still, so that nobody takes it for the silence or the slowness of the other side.

A process that does not run reads no packets: they wait, and are read in one burst when it runs again. Media in Python
take such a packet for one that came just now; the compiled module knows the kernel's time of most of them. What was
sent meanwhile is broken in the middle, too.

Pure: times in (monotonic seconds), stand-stills out.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from loadkit.media import FRAME_S

#: Who was not awake for so long has stood still: five frames, as many as the clock catches up with.
NOTICED_S = 5 * FRAME_S
#: What was heard or said around a stand-still of this length is not measured; a shorter one is lateness, which moves a
#: measure by its own length at most. As long as the silence that says that an agent has stopped.
STOOD_STILL_S = 0.4
#: By then all that had waited has been read.
_CAUGHT_UP_S = 0.5
#: What is read so soon after a stand-still may have waited.
BACKLOG_S = 0.2
_KEPT = 32


class StandStill(NamedTuple):
    """One: awake for the last time at ``since``, and again at ``until``."""

    since: float
    until: float

    @property
    def seconds(self) -> float:
        """Its length at most: up to one interval of waking longer than it was."""
        return self.until - self.since

    @property
    def long(self) -> bool:
        """Whether what was heard or said around it is not measured."""
        return self.seconds >= STOOD_STILL_S

    def touches(self, begin: float, end: float) -> bool:
        """Whether some of it, or of what had waited, was between two times."""
        return self.since <= end and self.until + BACKLOG_S >= begin

    def hides(self, arrival: float) -> bool:
        """Whether a packet that was seen to arrive at this time may have waited; not one whose arrival is known."""
        return self.until - FRAME_S <= arrival <= self.until + BACKLOG_S


class StandStills:
    """The newest of a process."""

    def __init__(self) -> None:
        self._awake_at: float | None = None
        self._found: deque[StandStill] = deque(maxlen=_KEPT)
        #: When the newest ended.
        self.newest = -math.inf

    def begin(self, now: float) -> None:
        """From now on somebody says each 20 ms that this process is awake."""
        self._awake_at = now

    def end(self) -> None:
        """Nobody says so any more."""
        self._awake_at = None

    def awake(self, now: float) -> None:
        """The process is awake."""
        last = self._awake_at
        if last is None:
            return
        if now - last > NOTICED_S:
            self._found.append(StandStill(last, now))
            self.newest = now
        if now > last:
            self._awake_at = now

    def after(self, at: float) -> Iterator[StandStill]:
        """Those that ended after this time, oldest first."""
        return iter([still for still in self._found if still.until > at])

    def catching_up(self, now: float, *, long: bool = False) -> bool:
        """Whether packets may wait still to be read.

        :param long: leave out those that are not :attr:`StandStill.long`.
        """
        return any(still.long or not long for still in self.after(now - _CAUGHT_UP_S))
