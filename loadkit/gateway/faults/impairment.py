"""What a bad network does to packets, and what a clock that drifts does to their timestamps."""

from __future__ import annotations

from random import Random

from loadkit.gateway.faults.kinds import Choppy
from loadkit.media import FRAME_S

#: A packet that is overtaken comes this much after the latest time at which the next one can.
_OVERTAKEN_S = 0.005


class GilbertElliott:
    """Loss in bursts: a chain of a good state, which loses nothing, and a bad one, which loses everything.

    (E. N. Gilbert, Capacity of a burst-noise channel, 1960.)

    :param loss: share of packets lost, below 1.
    :param burst: mean number of packets lost in a row, at least ``loss / (1 - loss)``; None for loss by chance,
        which also has bursts, of ``1 / (1 - loss)`` packets.
    """

    def __init__(self, loss: float, burst: float | None, random: Random) -> None:
        length = 1 / (1 - loss) if burst is None else burst
        self._to_good = 1 / length
        # In balance, as many bursts begin as end: (1 - loss) x to_bad = loss x to_good.
        self._to_bad = loss / ((1 - loss) * length)
        self._random = random
        self._bad = random.random() < loss

    def lost(self) -> bool:
        """Whether the next packet is lost."""
        lost = self._bad
        if self._random.random() < (self._to_good if lost else self._to_bad):
            self._bad = not lost
        return lost


class Impairment:
    """When packets arrive that are sent over a network with the given figures.

    Loss, delay, order and duplicates are drawn apart and once per packet, so that the packets lost are the same
    whatever the other figures are.

    :param seed: the same seed makes the same pattern.
    """

    def __init__(self, figures: Choppy, seed: str) -> None:
        self._figures = figures
        self._loss = GilbertElliott(figures.loss, figures.burst, Random(f"{seed}/loss"))
        self._delay, self._order, self._copies = (
            Random(f"{seed}/{what}") for what in ("delay", "order", "copies")
        )
        self._last_due = 0.0
        self._was_overtaken = False

    def deliver(self, now: float) -> tuple[float, ...]:
        """When a packet that is sent at ``now`` arrives: never when it is lost, twice when it is doubled."""
        figures = self._figures
        lost = self._loss.lost()
        later = figures.delay + figures.jitter * self._delay.random()
        overtaken = self._overtaken()
        doubled = self._copies.random() < figures.duplicate
        if lost:
            return ()
        due = max(self._last_due, now + later)
        if overtaken:
            # The next packet is sent a frame later, and is at most the whole jitter later than this one.
            due += FRAME_S + figures.jitter + _OVERTAKEN_S
        else:
            self._last_due = due
        return (due, due) if doubled else (due,)

    def _overtaken(self) -> bool:
        """Whether the next packet overtakes this one: never two in a row, as the second could not overtake."""
        share = self._figures.reorder
        draw = self._order.random()
        # In balance, share = (1 - share) x chance after a packet that was not overtaken.
        self._was_overtaken = not self._was_overtaken and draw < share / (1 - share)
        return self._was_overtaken

    def delay(self, now: float) -> float:
        """When a packet arrives that is delayed, and nothing else."""
        return now + self._figures.delay


class DriftingStamps:
    """RTP timestamps of a clock that runs too fast or too slow, out of those of one that is right.

    :param ppm: parts per million, positive when it is too fast.
    """

    def __init__(self, ppm: float) -> None:
        self._rate = ppm * 1e-6
        self._first: int | None = None
        self._last = 0
        self._ticks = 0

    def stamp(self, timestamp: int) -> int:
        """The timestamp to send instead; the first one stays."""
        if self._first is None:
            self._first = self._last = timestamp
        # Modulo 2^32 and signed: timestamps wrap, and packets may come out of order.
        self._ticks += (timestamp - self._last + 0x80000000) % 0x100000000 - 0x80000000
        self._last = timestamp
        return (self._first + self._ticks + round(self._ticks * self._rate)) & 0xFFFFFFFF


class Window:
    """A stretch of a call.

    :param start: seconds after the call was connected.
    :param length: seconds; None for the rest of the call.
    """

    def __init__(self, start: float, length: float | None) -> None:
        self._start = start
        self._end = None if length is None else start + length

    def holds(self, elapsed: float) -> bool:
        """Whether so many seconds after the connection are inside; what is before it counts as its beginning."""
        return max(0.0, elapsed) >= self._start and (self._end is None or elapsed < self._end)
