"""The plain way to meter a stream, packet by packet (RFC 3550, A.1, A.3, A.8): what the fast one is held against."""

from __future__ import annotations

from loadkit.media import CLOCK_RATE

#: RFC 3550 A.1: a jump further than this is a source that started anew, not loss.
_MAX_DROPOUT = 3000
_MAX_MISORDER = 100
#: Duplicates are told from late packets within this many sequence numbers.
_WINDOW = 256
_WINDOW_MASK = (1 << _WINDOW) - 1


class PlainMeter:
    """Counts one stream as its packets arrive; a source that restarts goes on in the same totals."""

    __slots__ = (
        "_bad_sequence",
        "_base",
        "_expected_before",
        "_expected_prior",
        "_highest",
        "_jitter",
        "_last_arrival",
        "_received",
        "_received_prior",
        "_seen",
        "_transit",
        "bytes_received",
        "first_arrival",
        "longest_gap",
        "packets_duplicated",
        "packets_reordered",
        "ssrc",
    )

    def __init__(self) -> None:
        self.ssrc: int | None = None
        #: Payload bytes, duplicates left out.
        self.bytes_received = 0
        self.packets_reordered = 0
        self.packets_duplicated = 0
        #: Monotonic seconds; None before the first packet.
        self.first_arrival: float | None = None
        #: Longest time between two packets in seconds; None before the second packet.
        self.longest_gap: float | None = None
        self._bad_sequence: int | None = None
        self._base = 0
        self._highest = -1
        self._received = 0
        self._expected_before = 0
        self._seen = 0
        self._transit: float | None = None
        self._jitter = 0.0
        self._last_arrival: float | None = None
        self._expected_prior = 0
        self._received_prior = 0

    def packet(self, ssrc: int, sequence_number: int, timestamp: int, size: int, now: float) -> bool:
        """Count one packet that arrived at ``now`` (monotonic seconds); False when it is a duplicate."""
        last = self._last_arrival
        if last is None:
            self.first_arrival = now
        elif self.longest_gap is None or now - last > self.longest_gap:
            self.longest_gap = now - last
        self._last_arrival = now

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
                self.bytes_received += size
                return True
        self._received += 1
        self.bytes_received += size

        # RFC 3550 A.8, in timestamp units; the transit's own offset falls out.
        transit = now * CLOCK_RATE - timestamp
        if self._transit is not None:
            difference = abs(transit - self._transit) % 0x100000000
            if difference > 0x80000000:
                difference = 0x100000000 - difference
            self._jitter += (difference - self._jitter) / 16
        self._transit = transit
        return True

    def _start(self, ssrc: int, sequence_number: int) -> None:
        if self.ssrc is not None:
            self._expected_before = self.packets_expected
        self.ssrc = ssrc
        self._base = self._highest = sequence_number
        self._seen = 1
        self._bad_sequence = None
        self._transit = None

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
        return self._received

    @property
    def packets_expected(self) -> int:
        """Packets that the sequence numbers say were sent."""
        if self.ssrc is None:
            return 0
        return self._expected_before + self._highest - self._base + 1

    @property
    def packets_lost(self) -> int:
        """Expected less received."""
        return self.packets_expected - self._received

    @property
    def jitter(self) -> float | None:
        """Interarrival jitter in seconds; None below two packets."""
        return self._jitter / CLOCK_RATE if self._received > 1 else None

    @property
    def jitter_ticks(self) -> int:
        """Interarrival jitter in clock ticks, as in a receiver report."""
        return int(self._jitter)

    @property
    def highest_sequence(self) -> int:
        """Extended highest sequence number, as in a receiver report."""
        return self._highest & 0xFFFFFFFF

    @property
    def last_arrival(self) -> float | None:
        """Monotonic seconds; None before the first packet."""
        return self._last_arrival

    def fraction_lost(self) -> int:
        """Share lost since the last time this was asked, in 1/256 (RFC 3550 A.3)."""
        expected, received = self.packets_expected, self._received
        expected_interval = expected - self._expected_prior
        lost_interval = expected_interval - (received - self._received_prior)
        self._expected_prior, self._received_prior = expected, received
        if expected_interval <= 0 or lost_interval <= 0:
            return 0
        return min(255, (lost_interval << 8) // expected_interval)
