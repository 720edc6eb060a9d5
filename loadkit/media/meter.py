"""What arrived of a stream of RTP packets: loss, order, duplicates, jitter, gaps (RFC 3550, A.1, A.3, A.8)."""

from __future__ import annotations

import math

from loadkit.media import CLOCK_RATE
from loadkit.media.bursts import LossBursts
from loadkit.media.drift import DriftMeter
from loadkit.media.playout import Playout

#: RFC 3550 A.1: a jump further than this is a source that started anew, not loss.
_MAX_DROPOUT = 3000
_MAX_MISORDER = 100
#: Duplicates are told from late packets within this many sequence numbers.
_WINDOW = 256
_WINDOW_MASK = (1 << _WINDOW) - 1
#: A transit that differs by more ticks than this has a timestamp that wrapped, or jumped, in between.
_STEP = float(1 << 30)


class ReceptionMeter:
    """Counts one stream as its packets arrive; a source that restarts goes on in the same totals.

    Nearly all packets are the next of their source. Of such a run of packets only what differs from packet to packet
    is noted as each arrives; the rest follows when something else arrives or somebody asks.

    :param bursts: told of each packet, too, in the same way.
    :param drift: told of each packet, too, in the same way.
    :param playout: told of the transit of each packet that is no duplicate.
    """

    __slots__ = (
        "_arrival",
        "_bad_sequence",
        "_base",
        "_bursts",
        "_bytes",
        "_drift",
        "_expected_before",
        "_expected_prior",
        "_highest",
        "_jitter",
        "_least",
        "_least_at",
        "_longest",
        "_next",
        "_playout",
        "_received",
        "_received_prior",
        "_run",
        "_seen",
        "_stamped",
        "_transit",
        "_window_end",
        "first_arrival",
        "packets_duplicated",
        "packets_reordered",
        "ssrc",
    )

    def __init__(
        self,
        bursts: LossBursts | None = None,
        drift: DriftMeter | None = None,
        playout: Playout | None = None,
    ) -> None:
        self.ssrc: int | None = None
        self.packets_reordered = 0
        self.packets_duplicated = 0
        #: Monotonic seconds; None before the first packet.
        self.first_arrival: float | None = None
        self._bursts = bursts
        self._drift = drift
        self._playout = playout
        self._bytes = 0
        self._bad_sequence: int | None = None
        self._base = 0
        self._highest = -1
        self._received = 0
        self._expected_before = 0
        self._seen = 0
        self._jitter = 0.0
        #: Arrival less timestamp of the newest packet in clock ticks, and that packet's timestamp: None before the
        #: first of a source.
        self._transit = 0.0
        self._stamped: int | None = None
        self._arrival = 0.0
        self._longest = -1.0
        self._expected_prior = 0
        self._received_prior = 0
        # The run of packets that are not counted yet: the number of the next, -1 when it cannot be in the run, how
        # many, the least transit and its arrival, and when the run ends in any case.
        self._next = -1
        self._run = 0
        self._least = math.inf
        self._least_at = 0.0
        self._window_end = math.inf

    def packet(self, ssrc: int, sequence_number: int, timestamp: int, size: int, now: float) -> bool:
        """Count one packet that arrived at ``now`` (monotonic seconds); False when it is a duplicate."""
        if sequence_number == self._next and ssrc == self.ssrc and now < self._window_end:
            transit = now * CLOCK_RATE - timestamp
            difference = transit - self._transit
            if -_STEP < difference < _STEP:
                self._next = sequence_number + 1 & 0xFFFF
                self._run += 1
                self._bytes += size
                # RFC 3550 A.8, in timestamp units; the transit's own offset falls out.
                self._jitter += ((difference if difference > 0 else -difference) - self._jitter) / 16
                self._transit = transit
                if self._playout is not None:
                    self._playout.packet(transit)
                if transit < self._least:
                    self._least, self._least_at = transit, now
                gap = now - self._arrival
                if gap > self._longest:
                    self._longest = gap
                self._arrival = now
                return True
        return self._out_of_run(ssrc, sequence_number, timestamp, size, now)

    def _out_of_run(self, ssrc: int, sequence_number: int, timestamp: int, size: int, now: float) -> bool:
        self._settle()
        counts = self._count(ssrc, sequence_number, timestamp, size, now)
        in_step = self._stamped is not None
        bursts, drift = self._bursts, self._drift
        if bursts is not None:
            if counts:
                bursts.packet(ssrc, sequence_number)
            # They think otherwise of a packet that is far off; until they agree there are no runs.
            in_step = in_step and bursts.is_at(self.ssrc, self._highest)
        if drift is not None:
            if counts:
                drift.packet(ssrc, timestamp, now)
            in_step = in_step and drift.is_at(self.ssrc, self._stamped)
            self._window_end = drift.window_end
        self._next = self._highest + 1 & 0xFFFF if in_step else -1
        return counts

    def _settle(self) -> None:
        """Count the packets of the run."""
        run = self._run
        if not run:
            return
        self._run = 0
        self._highest += run
        self._received += run
        self._seen = (self._seen << run | (1 << run) - 1) & _WINDOW_MASK
        self._stamped = round(self._arrival * CLOCK_RATE - self._transit)
        if self._bursts is not None:
            self._bursts.in_order(run)
        if self._drift is not None:
            self._drift.in_order(self._least, self._least_at, self._stamped)
        self._least = math.inf

    def _count(self, ssrc: int, sequence_number: int, timestamp: int, size: int, now: float) -> bool:
        """One packet, by the book."""
        if self.first_arrival is None:
            self.first_arrival = now
        else:
            self._longest = max(self._longest, now - self._arrival)
        self._arrival = now

        if ssrc != self.ssrc:
            self._start(ssrc, sequence_number)
        else:
            # Signed distance from the highest number so far, modulo 2^16.
            delta = (sequence_number - self._highest) & 0xFFFF
            if delta >= 0x8000:
                delta -= 0x10000
            if -_MAX_MISORDER < delta < _MAX_DROPOUT:
                if not self._place(delta):
                    self.packets_duplicated += 1
                    return False
            elif sequence_number == self._bad_sequence:
                self._start(ssrc, sequence_number)
                self._base -= 1
            else:
                # RFC 3550 A.1: one packet that far off may be a stray; only the next in its own order
                # proves that the source started anew.
                self._bad_sequence = (sequence_number + 1) & 0xFFFF
                self._received += 1
                self._bytes += size
                return True
        self._received += 1
        self._bytes += size

        transit = now * CLOCK_RATE - timestamp
        if self._stamped is not None:
            # Modulo 2^32: timestamps wrap.
            difference = abs(transit - self._transit) % 0x100000000
            if difference > 0x80000000:
                difference = 0x100000000 - difference
            self._jitter += (difference - self._jitter) / 16
        self._transit, self._stamped = transit, timestamp
        if self._playout is not None:
            self._playout.packet(transit)
        return True

    def _start(self, ssrc: int, sequence_number: int) -> None:
        if self.ssrc is not None:
            self._expected_before = self.packets_expected
        self.ssrc = ssrc
        self._base = self._highest = sequence_number
        self._seen = 1
        self._bad_sequence = None
        self._stamped = None
        if self._playout is not None:
            self._playout.anew()

    def _place(self, delta: int) -> bool:
        """Note a packet ``delta`` after the highest so far; False when it was there already."""
        if delta > 0:
            self._highest += delta
            self._seen = (self._seen << delta | 1) & _WINDOW_MASK
            return True
        bit = 1 << -delta
        if self._seen & bit:
            return False
        self._seen |= bit
        self.packets_reordered += 1
        self._base = min(self._base, self._highest + delta)
        return True

    @property
    def packets_received(self) -> int:
        """Packets received, duplicates left out."""
        return self._received + self._run

    @property
    def bytes_received(self) -> int:
        """Payload bytes, duplicates left out."""
        return self._bytes

    @property
    def packets_expected(self) -> int:
        """Packets that the sequence numbers say were sent."""
        if self.ssrc is None:
            return 0
        return self._expected_before + self._highest + self._run - self._base + 1

    @property
    def packets_lost(self) -> int:
        """Expected less received."""
        return self.packets_expected - self.packets_received

    @property
    def jitter(self) -> float | None:
        """Interarrival jitter in seconds; None below two packets."""
        return self._jitter / CLOCK_RATE if self.packets_received > 1 else None

    @property
    def jitter_ticks(self) -> int:
        """Interarrival jitter in clock ticks, as in a receiver report."""
        return int(self._jitter)

    @property
    def highest_sequence(self) -> int:
        """Extended highest sequence number, as in a receiver report."""
        return self._highest + self._run & 0xFFFFFFFF

    @property
    def last_arrival(self) -> float | None:
        """Monotonic seconds; None before the first packet."""
        return None if self.first_arrival is None else self._arrival

    @property
    def longest_gap(self) -> float | None:
        """Longest time between two packets in seconds; None before the second packet."""
        return None if self._longest < 0 else self._longest

    @property
    def loss_burst_mean(self) -> float | None:
        """Mean number of packets lost in a row; None when none was lost or nobody looks."""
        self._settle()
        return None if self._bursts is None else self._bursts.mean

    @property
    def playout_late(self) -> int | None:
        """Packets too late for the simulated playout; None when nobody looks."""
        return None if self._playout is None else self._playout.late

    @property
    def clock_drift_ppm(self) -> float | None:
        """How fast the other side's clock runs, in parts per million; None when it cannot be told or nobody looks."""
        self._settle()
        return None if self._drift is None else self._drift.ppm

    def fraction_lost(self) -> int:
        """Share lost since the last time this was asked, in 1/256 (RFC 3550 A.3)."""
        expected, received = self.packets_expected, self.packets_received
        share = share_lost(expected - self._expected_prior, received - self._received_prior)
        self._expected_prior, self._received_prior = expected, received
        return share


def share_lost(expected: int, received: int) -> int:
    """Share of the packets expected in an interval that did not come, in 1/256 (RFC 3550 A.3)."""
    lost = expected - received
    if expected <= 0 or lost <= 0:
        return 0
    return min(255, (lost << 8) // expected)
