"""The media stream in Python: every packet built, protected, sent, decrypted and metered here."""

from __future__ import annotations

import time
from collections.abc import Callable

from loadkit.call.stream import StreamFigures, StreamListener
from loadkit.media import FRAME_S
from loadkit.media.bursts import LossBursts
from loadkit.media.clock import LATE_S, MediaClock, lateness_of_frames
from loadkit.media.drift import DriftMeter
from loadkit.media.meter import ReceptionMeter
from loadkit.media.playout import Playout
from loadkit.media.rtcp import RtcpReporter
from loadkit.media.rtp import RtpSource, parse_plain, parse_rtp
from loadkit.media.speaker import Speaker
from loadkit.transport.peer import Peer


def _nowhere(_packet: bytes) -> None:
    """Where packets go before it is known where."""


class PythonStream:
    """A :class:`~loadkit.call.stream.MediaStream`."""

    media_path = "python"

    def __init__(self, listener: StreamListener) -> None:
        self.wants_payloads = True
        self.sounding_since: float | None = None
        self.sounding_last: float | None = None
        self.speaker = Speaker()
        self._listener = listener
        self._meter = ReceptionMeter(LossBursts(), DriftMeter(), Playout())
        self._peer: Peer | None = None
        # What a packet needs, and nobody has before attach.
        self._source = RtpSource(0, 0)
        self._send_rtp: Callable[[bytes], None] = _nowhere
        self._reporter: RtcpReporter | None = None
        self._clock: MediaClock | None = None
        self._payload_type = -1
        self._malformed = 0
        self._heard = False
        #: How late the latest packet left; below 0 before the first.
        self._latest = -1.0
        self._frames_late = 0
        self._frames_skipped = 0

    @property
    def last_arrival(self) -> float | None:
        """When the newest packet arrived."""
        return self._meter.last_arrival

    def attach(self, peer: Peer, payload_type: int, ntp_offset: float) -> None:
        """Say which peer and payload type to use."""
        self._peer = peer
        self._payload_type = payload_type
        self._source = RtpSource(peer.ssrc, payload_type)
        self._send_rtp = peer.send_rtp
        self._reporter = RtcpReporter(self._source, self._meter, peer.cname, ntp_offset)

    def start(self, clock: MediaClock) -> None:
        """Start sending."""
        self._clock = clock
        clock.add(self._tick)

    def stop(self, now: float) -> None:
        """Stop sending, with RTCP BYE as the last word."""
        if self._clock is None:
            return
        self._clock.remove(self._tick)
        self._clock = None
        if self._peer is not None and self._reporter is not None:
            self._peer.send_rtcp(self._reporter.bye(now))

    async def stopped(self) -> None:
        """BYE has left already."""

    # Out

    def _tick(self, frames: int, skipped: int, late: float) -> None:
        try:
            if late > self._latest:
                self._latest = late
            if frames == 1 and not skipped and late <= LATE_S:
                speaker = self.speaker
                payload = speaker.ordinary_packet()
                if payload is not None:
                    # What most packets are: nothing begins or ends with them.
                    self._send_rtp(self._source.packet(payload))
                    if speaker.sounding:
                        self._sounded(time.monotonic())
                    return
            self._send(frames, skipped, late)
        except Exception as exc:
            # The clock logs it and calls no more.
            self._listener.sending_failed(exc)
            raise

    def _send(self, frames: int, skipped: int, late: float) -> None:
        now = time.monotonic()
        if late > LATE_S:
            self._frames_late += sum(at > LATE_S for at in lateness_of_frames(late, frames, skipped))
        if skipped:
            self._frames_skipped += skipped
            self._source.skip(skipped)
        speaker, source = self.speaker, self._source
        source.due(now - late + skipped * FRAME_S)
        for _ in range(frames):
            was_playing, was_speaking = speaker.playing, speaker.speaking
            payload = speaker.next_packet()
            self._send_rtp(source.packet(payload, marker=source.packets_sent == 0))
            if speaker.sounding:
                self._sounded(now)
            if speaker.speaking and not was_speaking:
                self._listener.speech_began(now)
            if speaker.speech_ended:
                self._listener.speech_ended(now)
            if was_playing and not speaker.playing:
                self._listener.sample_over(now)

    def _sounded(self, now: float) -> None:
        self.sounding_last = now
        if self.sounding_since is None:
            self.sounding_since = now

    # In

    def rtp_received(self, packet: bytes, now: float) -> None:
        """One decrypted RTP packet."""
        plain = parse_plain(packet)
        if plain is None:
            self._receive_unusual(packet, now)
            return
        second, sequence_number, timestamp, ssrc = plain
        if second & 0x7F != self._payload_type:
            self._malformed += 1
            return
        counts = self._meter.packet(ssrc, sequence_number, timestamp, len(packet) - 12, now)
        if counts and (self.wants_payloads or not self._heard):
            self._tell(packet[12:], now)

    def _receive_unusual(self, packet: bytes, now: float) -> None:
        """A packet with CSRC, extension or padding, or what is none."""
        try:
            rtp = parse_rtp(packet)
        except ValueError:
            self._malformed += 1
            return
        if rtp.payload_type != self._payload_type:
            self._malformed += 1
        elif self._meter.packet(rtp.ssrc, rtp.sequence_number, rtp.timestamp, len(rtp.payload), now):
            self._tell(rtp.payload, now)

    def _tell(self, payload: bytes, now: float) -> None:
        if not self._heard:
            self._heard = True
            self._listener.first_packet(now)
        if self.wants_payloads:
            self._listener.payload(payload, now)

    # Reports

    def rtcp_received(self, packet: bytes, now: float) -> None:
        """One decrypted compound RTCP packet."""
        assert self._reporter is not None
        try:
            self._reporter.receive(packet, now)
        except ValueError:
            self._malformed += 1

    def report(self, now: float) -> None:
        """Send a sender or receiver report."""
        if self._peer is not None and self._reporter is not None:
            self._peer.send_rtcp(self._reporter.report(now))

    @property
    def packets(self) -> tuple[int, int]:
        """RTP packets sent and received so far."""
        return (self._source.packets_sent if self._source else 0), self._meter.packets_received

    def figures(self) -> StreamFigures | None:
        """What was measured so far."""
        source, reporter, meter, peer = self._source, self._reporter, self._meter, self._peer
        if reporter is None or peer is None:
            return None
        return StreamFigures(
            packets_sent=source.packets_sent,
            bytes_sent=source.bytes_sent,
            late_max=None if self._latest < 0 else self._latest,
            frames_late=self._frames_late,
            frames_skipped=self._frames_skipped,
            packets_received=meter.packets_received,
            bytes_received=meter.bytes_received,
            packets_discarded=self._malformed + peer.reception.refused,
            # SRTP drops nearly all of them before they are metered.
            packets_duplicated=meter.packets_duplicated + peer.reception.repeated,
            first_arrival=meter.first_arrival,
            last_arrival=meter.last_arrival,
            packets_lost=meter.packets_lost,
            packets_reordered=meter.packets_reordered,
            loss_burst_mean=meter.loss_burst_mean,
            playout_late=meter.playout_late,
            clock_drift_ppm=meter.clock_drift_ppm,
            jitter=meter.jitter,
            longest_gap=meter.longest_gap,
            round_trip_time=reporter.round_trip_time,
            remote_packets_lost=reporter.remote_packets_lost,
            remote_jitter=reporter.remote_jitter,
            heard_by_remote=reporter.heard_by_remote,
        )
