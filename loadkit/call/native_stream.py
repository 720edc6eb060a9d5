"""The media stream in the compiled module: Python is told what is rare, and asked for nothing per packet."""

from __future__ import annotations

from collections.abc import Callable

from loadkit.call.stream import StreamFigures, StreamListener
from loadkit.media.clock import MediaClock
from loadkit.media.drift import ppm_of
from loadkit.media.native_counts import NativeMeter, NativeSource, jitter_of, loss_burst_mean
from loadkit.media.rtcp import RtcpReporter
from loadkit.media.samples import EncodedSample, silence
from loadkit.native.structures import Event, Figures, Kind, known
from loadkit.transport.native_media import NativeMedia
from loadkit.transport.native_poll import NativePoll
from loadkit.transport.peer import Peer


class NativeSpeaker:
    """A :class:`~loadkit.call.stream.Playback`; what is played before the handshake's end starts with it."""

    def __init__(self) -> None:
        self._media: NativeMedia | None = None
        self._sample: EncodedSample | None = None
        self._loop = False

    @property
    def playing(self) -> bool:
        """Whether a sample has packets left."""
        return self._sample is not None

    @property
    def speaking(self) -> bool:
        """Whether the packet that was sent last belongs to the speech of a sample."""
        return self._media is not None and bool(self._media.figures().speaking)

    def play(self, sample: EncodedSample, *, loop: bool = False) -> None:
        """Start a sample with the next packet."""
        self._sample, self._loop = sample, loop
        self._apply()

    def stop(self) -> None:
        """Fall silent with the next packet."""
        self._sample = None
        self._apply()

    def opened(self, media: NativeMedia) -> None:
        """The module can be told now."""
        self._media = media
        self._apply()

    def over(self) -> None:
        """The module has played the sample to its end."""
        self._sample = None

    def _apply(self) -> None:
        if self._media is None or self._media.poll is None:
            return
        poll, sample = self._media.poll, self._sample
        if sample is None:
            poll.media.play(self._media.number, None)
            return
        number = poll.sample(sample.packets, sample.speech, sample.first_speech, sample.last_speech)
        poll.media.play(self._media.number, number, loop=self._loop)


class NativeStream:
    """A :class:`~loadkit.call.stream.MediaStream`."""

    def __init__(self, listener: StreamListener) -> None:
        self.media_path = "native"
        self.speaker = NativeSpeaker()
        self._listener = listener
        self._wants_payloads = True
        self._peer: Peer | None = None
        self._media: NativeMedia | None = None
        self._reporter: RtcpReporter | None = None
        self._malformed = 0
        #: What a report is being made of; None while none is.
        self._reported: Figures | None = None
        #: The clock, the poll that sends and its slot, while the stream sends.
        self._sending: tuple[MediaClock, NativePoll, int] | None = None
        #: The clock and its slot, also for the report with BYE.
        self._paced_by: tuple[MediaClock, int] | None = None

    # What the listener sets and asks

    @property
    def wants_payloads(self) -> bool:
        """Whether the listener is told of each payload."""
        return self._wants_payloads

    @wants_payloads.setter
    def wants_payloads(self, wants: bool) -> None:
        if wants != self._wants_payloads:
            self._wants_payloads = wants
            self._hear()

    @property
    def sounding_since(self) -> float | None:
        """When the first packet with sound was sent since this was last set to None."""
        return known(self._figures().speech_since)

    @sounding_since.setter
    def sounding_since(self, since: float | None) -> None:
        assert since is None, "the listener lets it begin anew, and no more"
        if self._media is not None and self._media.poll is not None:
            self._media.poll.media.answered(self._media.number)

    @property
    def sounding_last(self) -> float | None:
        """When the newest packet with sound was sent."""
        return known(self._figures().speech_last)

    @property
    def last_arrival(self) -> float | None:
        """When the newest packet arrived."""
        return known(self._figures().last_arrival)

    # The call's life

    def attach(self, peer: Peer, payload_type: int, ntp_offset: float) -> None:
        """Say which peer and payload type to use."""
        self._peer = peer
        self._media = NativeMedia(payload_type, told=self._told, opened=self._opened)
        source = NativeSource(peer.ssrc, self._figures, self._due_at)
        meter = NativeMeter(self._figures)
        self._reporter = RtcpReporter(source, meter, peer.cname, ntp_offset)
        peer.carry(self._media)

    def start(self, clock: MediaClock) -> None:
        """Start sending."""
        media = self._media
        if media is None or media.poll is None or self._sending is not None:
            return
        poll = media.poll
        poll.silence(silence())
        slot = clock.join(poll.send)
        poll.media.set_slot(media.number, slot)
        self._sending, self._paced_by = (clock, poll, slot), (clock, slot)

    def stop(self, now: float) -> None:
        """Stop sending, with RTCP BYE as the last word."""
        if self._sending is None or self._media is None:
            return
        (clock, poll, slot), self._sending = self._sending, None
        clock.leave(poll.send, slot)
        if self._media.poll is not None:
            poll.media.set_slot(self._media.number, None)
        if self._peer is not None and self._reporter is not None:
            self._peer.send_rtcp(self._written(self._reporter.bye, now))

    async def stopped(self) -> None:
        """BYE has left already."""

    def report(self, now: float) -> None:
        """Send a sender or receiver report."""
        if self._peer is not None and self._reporter is not None:
            self._peer.send_rtcp(self._written(self._reporter.report, now))

    def _written(self, packet: Callable[[float], bytes], now: float) -> bytes:
        """A report, which asks for a dozen figures, of one look at them all."""
        self._reported = self._figures()
        try:
            return packet(now)
        finally:
            self._reported = None

    # What the peer and the module hand over

    def rtp_received(self, packet: bytes, now: float) -> None:
        """Nothing: RTP goes to the module."""

    def rtcp_received(self, packet: bytes, now: float) -> None:
        """One decrypted compound RTCP packet."""
        assert self._reporter is not None
        try:
            self._reporter.receive(packet, now)
        except ValueError:
            self._malformed += 1

    def _opened(self) -> None:
        self._hear()
        if self._media is not None:
            self.speaker.opened(self._media)

    def _hear(self) -> None:
        if self._media is not None and self._media.poll is not None:
            self._media.poll.media.hear(self._media.number, hears=self._wants_payloads)

    def _told(self, event: Event) -> None:
        listener = self._listener
        match event.kind:
            case Kind.PAYLOAD:
                # Some that came with it may have been read before the listener had heard enough.
                if self._wants_payloads:
                    listener.payload(event.data, event.at)
            case Kind.FIRST_PACKET:
                listener.first_packet(event.at)
            case Kind.SPEECH_BEGAN:
                listener.speech_began(event.at)
            case Kind.SPEECH_SENT:
                listener.speech_ended(event.at)
            case Kind.SAMPLE_OVER:
                self.speaker.over()
                listener.sample_over(event.at)

    # Figures

    def _due_at(self) -> float | None:
        return None if self._paced_by is None else self._paced_by[0].due_at(self._paced_by[1])

    def _figures(self) -> Figures:
        if self._reported is not None:
            return self._reported
        return _NOTHING.figures() if self._media is None else self._media.figures()

    @property
    def packets(self) -> tuple[int, int]:
        """RTP packets sent and received so far."""
        counted = self._figures()
        return counted.packets_sent, counted.packets_received

    def figures(self) -> StreamFigures | None:
        """What was measured so far."""
        media, reporter, peer = self._media, self._reporter, self._peer
        if media is None or reporter is None or peer is None:
            return None
        counted = media.figures()
        return StreamFigures(
            packets_sent=counted.packets_sent,
            bytes_sent=counted.bytes_sent,
            late_max=known(counted.late_max),
            frames_late=counted.frames_late,
            frames_skipped=counted.frames_skipped,
            packets_received=counted.packets_received,
            bytes_received=counted.bytes_received,
            packets_discarded=self._malformed + counted.malformed + counted.refused + peer.reception.refused,
            packets_duplicated=counted.duplicated + counted.repeated + peer.reception.repeated,
            first_arrival=known(counted.first_arrival),
            last_arrival=known(counted.last_arrival),
            packets_lost=counted.packets_expected - counted.packets_received,
            packets_reordered=counted.reordered,
            loss_burst_mean=loss_burst_mean(counted),
            playout_late=counted.playout_late,
            clock_drift_ppm=ppm_of(media.drift_points()),
            jitter=jitter_of(counted),
            longest_gap=known(counted.longest_gap),
            round_trip_time=reporter.round_trip_time,
            remote_packets_lost=reporter.remote_packets_lost,
            remote_jitter=reporter.remote_jitter,
            heard_by_remote=reporter.heard_by_remote,
        )


#: A stream of which nothing was measured.
_NOTHING = NativeMedia(0, told=lambda _: None, opened=lambda: None)
