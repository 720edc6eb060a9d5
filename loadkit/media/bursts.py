"""How many packets are lost in a row, out of sequence numbers."""

from __future__ import annotations

#: A packet that comes later than this many packets after its turn counts as lost here.
_LATEST = 64
#: RFC 3550 A.1: a jump further than this is a source that started anew, not loss.
_MAX_DROPOUT = 3000


class LossBursts:
    """Follows one source; one that starts anew goes on in the same figure."""

    __slots__ = ("_bursts", "_highest", "_last_lost", "_lost", "_missing", "_ssrc")

    def __init__(self) -> None:
        self._ssrc: int | None = None
        self._highest = 0
        #: Numbers that were passed over and may still come, ascending.
        self._missing: dict[int, None] = {}
        self._lost = 0
        self._bursts = 0
        self._last_lost: int | None = None

    def packet(self, ssrc: int, sequence_number: int) -> None:
        """One packet arrived."""
        if ssrc != self._ssrc:
            self._start(ssrc, sequence_number)
            return
        # Signed distance from the highest number so far, modulo 2^16.
        delta = (sequence_number - self._highest + 0x8000 & 0xFFFF) - 0x8000
        if delta <= 0:
            self._missing.pop(self._highest + delta, None)
            return
        if delta > _MAX_DROPOUT:
            self._start(ssrc, sequence_number)
            return
        if delta > 1:
            self._missing.update(dict.fromkeys(range(self._highest + 1, self._highest + delta)))
        self._highest += delta
        if self._missing:
            self._give_up(self._highest - _LATEST)

    def in_order(self, count: int) -> None:
        """So many packets arrived, each the next of its source."""
        self._highest += count
        if self._missing:
            self._give_up(self._highest - _LATEST)

    def is_at(self, ssrc: int | None, highest: int) -> bool:
        """Whether the next packet of that source, after its ``highest``, is the next here."""
        return ssrc == self._ssrc and (highest - self._highest) & 0xFFFF == 0

    @property
    def mean(self) -> float | None:
        """Mean number of packets lost in a row; None when none was lost."""
        lost, bursts = self._count(list(self._missing))
        return lost / bursts if bursts else None

    def _start(self, ssrc: int, sequence_number: int) -> None:
        self._give_up(self._highest)
        self._ssrc, self._highest, self._last_lost = ssrc, sequence_number, None

    def _give_up(self, before: int) -> None:
        """Numbers below this one do not come any more."""
        late = []
        for number in self._missing:
            if number >= before:
                break
            late.append(number)
        if late:
            self._lost, self._bursts = self._count(late)
            self._last_lost = late[-1]
            for number in late:
                del self._missing[number]

    def _count(self, late: list[int]) -> tuple[int, int]:
        """Packets lost and bursts, with these."""
        previous, bursts = self._last_lost, self._bursts
        for number in late:
            bursts += previous is None or number != previous + 1
            previous = number
        return self._lost + len(late), bursts
