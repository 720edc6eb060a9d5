"""How the packets of one call go out and come in: what a media path has to do, and what it tells.

:class:`~loadkit.call.media.CallMedia` drives a :class:`MediaStream` and is its :class:`StreamListener`. Fifty times
a second and call happens inside the stream, and it may happen in C; what crosses this seam is rare: edges of speech,
the first packet, a look twice a second, a report each five seconds. Payloads cross it only while ``wants_payloads``.

Times are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from loadkit.media.clock import MediaClock
from loadkit.media.samples import EncodedSample
from loadkit.transport.peer import Peer


class StreamListener(Protocol):
    """What a stream tells; called in the call's own loop."""

    def first_packet(self, now: float, /) -> None:
        """The first packet that counts arrived; once."""

    def payload(self, payload: bytes, now: float, /) -> None:
        """A packet arrived that is no duplicate; only while ``wants_payloads`` of the stream is set."""

    def speech_began(self, now: float, /) -> None:
        """The first speech packet of a sample was sent."""

    def speech_ended(self, now: float, /) -> None:
        """The last speech packet of a sample that is played once was sent; without speech in it, its last packet."""

    def sample_over(self, now: float, /) -> None:
        """The last packet of a sample that is played once was sent."""

    def sending_failed(self, error: Exception, /) -> None:
        """Nothing can be sent any more; once."""


class Playback(Protocol):
    """What is said: a sample once or looped, silence otherwise. As :class:`~loadkit.media.speaker.Speaker`."""

    @property
    def playing(self) -> bool:
        """Whether a sample has packets left."""

    @property
    def speaking(self) -> bool:
        """Whether the packet that was sent last belongs to the speech of a sample."""

    def play(self, sample: EncodedSample, *, loop: bool = False) -> None:
        """Start a sample with the next packet, in place of what was being played."""

    def stop(self) -> None:
        """Fall silent with the next packet."""


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """What was measured up to now; None is unmeasured. Names and units of :class:`~loadkit.records.CallRecord`,
    but for times, which are seconds."""

    packets_sent: int
    bytes_sent: int
    late_max: float | None
    """How late the latest packet left against the 20 ms clock, in seconds; None before the first."""
    frames_late: int
    frames_skipped: int

    packets_received: int
    bytes_received: int
    packets_discarded: int | None
    packets_duplicated: int | None
    first_arrival: float | None
    last_arrival: float | None
    packets_lost: int
    packets_reordered: int
    loss_burst_mean: float | None
    playout_late: int | None
    """Packets too late for the simulated playout (:mod:`loadkit.media.playout`)."""
    clock_drift_ppm: float | None
    jitter: float | None
    longest_gap: float | None

    round_trip_time: float | None
    remote_packets_lost: int | None
    remote_jitter: float | None
    heard_by_remote: bool | None
    """As :attr:`loadkit.media.rtcp.RtcpReporter.heard_by_remote`."""


class MediaStream(Protocol):
    """The packets of one call, in the order: ``attach``, ``start``, ``stop``, ``stopped``.

    Packets may arrive from ``attach`` on: media may overtake the end of our own handshake. Each method may be left
    out by a call that ends early; figures can be asked for at any time after ``attach``.
    """

    media_path: str
    """``native``, ``python`` or ``stock``."""

    wants_payloads: bool
    """Set by the listener: whether it is told of each payload. True at the beginning."""

    sounding_since: float | None
    """When the first packet with sound was sent since this was last set to None by the listener."""

    @property
    def sounding_last(self) -> float | None:
        """When the newest packet with sound was sent."""

    @property
    def speaker(self) -> Playback:
        """What is said."""

    @property
    def last_arrival(self) -> float | None:
        """When the newest packet arrived that counts; None before the first."""

    @property
    def packets(self) -> tuple[int, int]:
        """RTP packets sent and received so far; asked of every call once a second, so it must cost next to nothing."""

    def attach(self, peer: Peer, payload_type: int, ntp_offset: float) -> None:
        """Say which peer and payload type to use.

        :param ntp_offset: seconds to add to the monotonic clock to get Unix time.
        """

    def rtp_received(self, packet: bytes, now: float) -> None:
        """One decrypted RTP packet, from a peer that decrypts in Python."""

    def rtcp_received(self, packet: bytes, now: float) -> None:
        """One decrypted compound RTCP packet, likewise."""

    def start(self, clock: MediaClock) -> None:
        """The handshake is done: send each 20 ms from now on."""

    def report(self, now: float) -> None:
        """Send a sender or receiver report, unless the stream sends its own."""

    def stop(self, now: float) -> None:
        """Stop sending, with RTCP BYE as the last word; nothing when not started or stopped already."""

    async def stopped(self) -> None:
        """Wait until :meth:`stop` has had its effect."""

    def figures(self) -> StreamFigures | None:
        """What was measured so far; None before :meth:`attach`."""


#: Makes a stream that tells this listener.
MakeStream = Callable[[StreamListener], MediaStream]
