"""The media stream in Python: every packet built, protected, sent, decrypted and metered here."""

from __future__ import annotations

import time

from loadkit.call.stream import StreamFigures, StreamListener
from loadkit.media.bursts import LossBursts
from loadkit.media.clock import LATE_S, MediaClock, lateness_of_frames
from loadkit.media.drift import DriftMeter
from loadkit.media.meter import ReceptionMeter
from loadkit.media.rtcp import RtcpReporter
from loadkit.media.rtp import RtpSource, parse_rtp
from loadkit.media.speaker import Speaker
from loadkit.transport.peer import Peer


class PythonStream:
    """A :class:`~loadkit.call.stream.MediaStream`."""

    media_path = "python"

    def __init__(self, listener: StreamListener) -> None:
        self.wants_payloads = True
        self.sounding_since: float | None = None
        self.sounding_last: float | None = None
        self.speaker = Speaker()
        self._listener = listener
        self._meter = ReceptionMeter(LossBursts(), DriftMeter())
        self._peer: Peer | None = None
        self._source: RtpSource | None = None
        self._reporter: RtcpReporter | None = None
        self._clock: MediaClock | None = None
        self._payload_type = -1
        self._malformed = 0
        self._late_max: float | None = None
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
            self._send(frames, skipped, late)
        except Exception as exc:
            # The clock logs it and calls no more.
            self._listener.sending_failed(exc)
            raise

    def _send(self, frames: int, skipped: int, late: float) -> None:
        assert self._peer is not None and self._source is not None
        now = time.monotonic()
        if self._late_max is None or late > self._late_max:
            self._late_max = late
        if late > LATE_S:
            self._frames_late += sum(at > LATE_S for at in lateness_of_frames(late, frames, skipped))
        if skipped:
            self._frames_skipped += skipped
            self._source.skip(skipped)
        speaker = self.speaker
        for _ in range(frames):
            was_playing, was_speaking = speaker.playing, speaker.speaking
            payload = speaker.next_packet()
            self._peer.send_rtp(self._source.packet(payload, marker=self._source.packets_sent == 0))
            if speaker.sounding:
                self.sounding_last = now
                if self.sounding_since is None:
                    self.sounding_since = now
            if speaker.speaking and not was_speaking:
                self._listener.speech_began(now)
            if speaker.speech_ended:
                self._listener.speech_ended(now)
            if was_playing and not speaker.playing:
                self._listener.sample_over(now)

    # In

    def rtp_received(self, packet: bytes, now: float) -> None:
        """One decrypted RTP packet."""
        try:
            rtp = parse_rtp(packet)
        except ValueError:
            self._malformed += 1
            return
        if rtp.payload_type != self._payload_type:
            self._malformed += 1
            return
        first = self._meter.first_arrival is None
        if self._meter.packet(rtp.ssrc, rtp.sequence_number, rtp.timestamp, len(rtp.payload), now):
            if first:
                self._listener.first_packet(now)
            if self.wants_payloads:
                self._listener.payload(rtp.payload, now)

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
        if source is None or reporter is None or peer is None:
            return None
        return StreamFigures(
            packets_sent=source.packets_sent,
            bytes_sent=source.bytes_sent,
            late_max=self._late_max,
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
            clock_drift_ppm=meter.clock_drift_ppm,
            jitter=meter.jitter,
            longest_gap=meter.longest_gap,
            round_trip_time=reporter.round_trip_time,
            remote_packets_lost=reporter.remote_packets_lost,
            remote_jitter=reporter.remote_jitter,
            heard_by_remote=reporter.heard_by_remote,
        )
