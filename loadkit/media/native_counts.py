"""What the compiled module counted of a stream, as RTCP reports and records ask for it."""

from __future__ import annotations

from collections.abc import Callable

from loadkit.media import CLOCK_RATE
from loadkit.media.meter import share_lost
from loadkit.native.structures import Figures, known


class NativeSource:
    """What was sent; as :class:`~loadkit.media.rtp.RtpSource`.

    :param due_at: when the next packet is due by the clock that paces it, in monotonic seconds; None when none does.
    """

    def __init__(
        self, ssrc: int, figures: Callable[[], Figures], due_at: Callable[[], float | None] = lambda: None
    ) -> None:
        self.ssrc = ssrc
        self._figures = figures
        self._due_at = due_at

    @property
    def timestamp(self) -> int:
        """Of the packet that is sent next."""
        return self._figures().timestamp

    def timestamp_at(self, now: float) -> int:
        """The timestamp of sound at ``now``, also when the clock is late; of the next packet when no clock is known."""
        due_at = self._due_at()
        ahead = 0 if due_at is None else round((now - due_at) * CLOCK_RATE)
        return self.timestamp + ahead & 0xFFFFFFFF

    @property
    def packets_sent(self) -> int:
        """Packets sent."""
        return self._figures().packets_sent

    @property
    def bytes_sent(self) -> int:
        """Payload bytes sent."""
        return self._figures().bytes_sent


class NativeMeter:
    """What arrived; as :class:`~loadkit.media.meter.ReceptionMeter`."""

    def __init__(self, figures: Callable[[], Figures]) -> None:
        self._figures = figures
        self._expected_prior = 0
        self._received_prior = 0

    @property
    def ssrc(self) -> int | None:
        """None before the first packet."""
        ssrc = self._figures().ssrc
        return None if ssrc < 0 else ssrc

    @property
    def packets_received(self) -> int:
        """Packets received, duplicates left out."""
        return self._figures().packets_received

    @property
    def packets_lost(self) -> int:
        """Expected less received."""
        figures = self._figures()
        return figures.packets_expected - figures.packets_received

    @property
    def jitter_ticks(self) -> int:
        """Interarrival jitter in clock ticks, as in a receiver report."""
        return int(self._figures().jitter)

    @property
    def highest_sequence(self) -> int:
        """Extended highest sequence number, as in a receiver report."""
        return self._figures().highest & 0xFFFFFFFF

    @property
    def last_arrival(self) -> float | None:
        """Monotonic seconds; None before the first packet."""
        return known(self._figures().last_arrival)

    def fraction_lost(self) -> int:
        """Share lost since the last time this was asked, in 1/256 (RFC 3550 A.3)."""
        figures = self._figures()
        expected, received = figures.packets_expected, figures.packets_received
        share = share_lost(expected - self._expected_prior, received - self._received_prior)
        self._expected_prior, self._received_prior = expected, received
        return share


def jitter_of(figures: Figures) -> float | None:
    """Interarrival jitter in seconds; None below two packets."""
    return figures.jitter / CLOCK_RATE if figures.packets_received > 1 else None


def loss_burst_mean(figures: Figures) -> float | None:
    """Mean number of packets lost in a row; None when none was lost."""
    return figures.burst_lost / figures.bursts if figures.bursts else None
