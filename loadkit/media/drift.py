"""How fast the other side's media clock runs, out of RTP timestamps and arrivals.

A packet takes at least as long as the path is; what comes on top, jitter, only ever adds. So the least transit
(arrival less timestamp) of each second is taken, and the slope of the straight line through these least
transits is the drift (a simple form of V. Paxson, On calibrating measurements of packet transit times, 1998).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from loadkit.media import CLOCK_RATE

#: Below this much time, in seconds, nothing is said.
SHORTEST_S = 8.0
#: A standard error of the slope above this much, in parts per million, and above this share of the slope, says
#: too little.
WORST_ERROR_PPM = 100.0
WORST_ERROR_SHARE = 0.1
_WINDOW_S = 1.0
#: When there are so many windows, two at a time become one: a call of a day holds no more than one of minutes.
MOST_POINTS = 512
_MICRO = 1e-6


class DriftMeter:
    """Follows one source; one that starts anew is followed from there on."""

    __slots__ = (
        "_least",
        "_points",
        "_ssrc",
        "_start",
        "_ticks",
        "_timestamp",
        "_window",
        "_window_at",
        "_window_end",
    )

    def __init__(self) -> None:
        self._ssrc: int | None = None
        self._start = 0.0
        self._timestamp = 0
        self._ticks = 0
        #: Length of a window in seconds, and when the present one ends.
        self._window = _WINDOW_S
        self._window_end = 0.0
        self._least = math.inf
        self._window_at = 0.0
        #: (arrival, transit) in seconds from the first packet: the least transit of each window that is over.
        self._points: list[tuple[float, float]] = []

    def packet(self, ssrc: int, timestamp: int, now: float) -> None:
        """One packet that arrived at ``now`` (monotonic seconds)."""
        if ssrc != self._ssrc:
            self._ssrc, self._start, self._timestamp, self._ticks = ssrc, now, timestamp, 0
            self._window, self._points = _WINDOW_S, []
            self._window_end, self._least = now + _WINDOW_S, math.inf
        # Modulo 2^32 and signed: timestamps wrap, and packets may come out of order.
        step = (timestamp - self._timestamp) & 0xFFFFFFFF
        self._ticks += step if step < 0x80000000 else step - 0x100000000
        self._timestamp = timestamp
        if now >= self._window_end:
            if self._least < math.inf:
                self._points.append((self._window_at, self._least))
                if len(self._points) >= MOST_POINTS:
                    self._widen()
            self._window_end = now + self._window
            self._least = math.inf
        elapsed = now - self._start
        transit = elapsed - self._ticks / CLOCK_RATE
        if transit < self._least:
            self._least, self._window_at = transit, elapsed

    def in_order(self, least: float, arrival: float, timestamp: int) -> None:
        """Packets arrived before the window's end whose timestamps did not wrap.

        :param least: the least of their transits, in clock ticks: arrival less timestamp.
        :param arrival: of the packet that had it.
        :param timestamp: of the last of them.
        """
        transit = (least - (self._start * CLOCK_RATE + self._ticks - self._timestamp)) / CLOCK_RATE
        if transit < self._least:
            self._least, self._window_at = transit, arrival - self._start
        self._ticks += timestamp - self._timestamp
        self._timestamp = timestamp

    def is_at(self, ssrc: int | None, timestamp: int | None) -> bool:
        """Whether this is the source that is followed, and the timestamp of its newest packet."""
        return ssrc == self._ssrc and timestamp == self._timestamp

    @property
    def window_end(self) -> float:
        """A packet from this time on (monotonic seconds) begins a window."""
        return self._window_end

    def _widen(self) -> None:
        """Make windows of twice the length; of two least transits the least stays, with its time."""
        pairs = zip(self._points[::2], self._points[1::2], strict=True)
        self._points = [min(pair, key=lambda point: point[1]) for pair in pairs]
        self._window *= 2

    @property
    def ppm(self) -> float | None:
        """Parts per million, positive when the other clock is too fast; None when it cannot be told."""
        return ppm_of(self._points)


def ppm_of(points: Sequence[tuple[float, float]]) -> float | None:
    """Parts per million out of the least transits (arrival, transit) of windows, in seconds; None when it cannot be
    told."""
    if len(points) < 3 or points[-1][0] - points[0][0] < SHORTEST_S:
        return None
    mean_at = math.fsum(at for at, _ in points) / len(points)
    mean_transit = math.fsum(transit for _, transit in points) / len(points)
    spread = math.fsum((at - mean_at) ** 2 for at, _ in points)
    slope = math.fsum((at - mean_at) * (transit - mean_transit) for at, transit in points) / spread
    squares = math.fsum((transit - mean_transit - slope * (at - mean_at)) ** 2 for at, transit in points)
    error = math.sqrt(squares / (len(points) - 2) / spread)
    if error > max(WORST_ERROR_PPM * _MICRO, WORST_ERROR_SHARE * abs(slope)):
        return None
    # Transits shrink when timestamps run ahead of arrivals: dt/dT = 1 - slope.
    return round(-slope / _MICRO, 1)
