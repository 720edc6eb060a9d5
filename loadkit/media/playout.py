"""A listener's playout buffer, simulated: which packets would have come too late to be heard.

A packet is played a fixed time after the least delay that was seen; what comes later than that is thrown away. The
least delay may rise by 1 ms a second, so that a clock that drifts is followed. A delay that rises for good, as on
another path, is followed after 200 ms without a packet in time: a listener's buffer that has run empty starts anew.

Real buffers adapt further (W3C ``jitterBufferTarget`` is a wish, and every browser has its own way); the fixed one is
the same in every run, so that runs can be compared.
"""

from __future__ import annotations

import math

from loadkit.media import CLOCK_RATE

#: Between the least delay and the playout of a packet, in seconds: three packets of 20 ms.
PLAYOUT_S = 0.06

_LIMIT = PLAYOUT_S * CLOCK_RATE
#: Per packet, in ticks: 20 µs in 20 ms.
_RISE = 0.96
_PATIENCE = 10
#: A transit that differs by more ticks than this has a timestamp that wrapped, or jumped.
_STEP = float(1 << 30)


class Playout:
    """Follows one stream by the transit of each packet that is no duplicate."""

    __slots__ = ("_floor", "_in_a_row", "late")

    def __init__(self) -> None:
        #: Packets that came too late to be played.
        self.late = 0
        self._floor = math.inf
        self._in_a_row = 0

    def anew(self) -> None:
        """The source has started anew: nothing is known of its timestamps."""
        self._floor = math.inf

    def packet(self, transit: float) -> None:
        """One packet; ``transit`` is arrival less timestamp, in clock ticks."""
        behind = transit - self._floor
        if not -_STEP < behind < _STEP or behind <= 0:
            self._floor = transit
            self._in_a_row = 0
            return
        self._floor += _RISE
        if behind <= _LIMIT:
            self._in_a_row = 0
            return
        self.late += 1
        self._in_a_row += 1
        if self._in_a_row >= _PATIENCE:
            self._floor = transit
            self._in_a_row = 0
