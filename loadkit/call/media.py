"""The media of one call: what is sent each 20 ms, what arrived, reports, and the watch over both."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from loadkit.call.echo_watch import EchoWatch
from loadkit.call.hearing import Hearing
from loadkit.call.timeline import Timeline
from loadkit.errors import Stage, TransportError
from loadkit.media.bursts import LossBursts
from loadkit.media.clock import LATE_S, MediaClock, lateness_of_frames
from loadkit.media.drift import DriftMeter
from loadkit.media.meter import ReceptionMeter
from loadkit.media.rtcp import REPORT_INTERVAL_S, RtcpReporter
from loadkit.media.rtp import RtpSource, parse_rtp
from loadkit.media.speaker import Speaker
from loadkit.records import CallRecord
from loadkit.signaling.modes import ECHO
from loadkit.transport.peer import Peer

#: ``no_audio`` is decided this long after connecting, ``media_stopped`` this long after the last packet.
NO_AUDIO_S = 2.0
_WATCH_INTERVAL_S = 0.5


class CallMedia:
    """Started when the handshake is done, stopped at the end of the call.

    :param failed: called once, with what broke.
    :param changed: called when the caller finished saying something.
    """

    def __init__(
        self,
        timeline: Timeline,
        hearing: Hearing,
        *,
        media_timeout: float,
        failed: Callable[[TransportError], None],
        changed: Callable[[], None],
    ) -> None:
        self.speaker = Speaker()
        self.meter = ReceptionMeter()
        self._bursts = LossBursts()
        self._drift = DriftMeter()
        self._echo = EchoWatch()
        self._timeline = timeline
        self._hearing = hearing
        self._media_timeout = media_timeout
        self._failed = failed
        self._changed = changed
        self._peer: Peer | None = None
        self._source: RtpSource | None = None
        self._reporter: RtcpReporter | None = None
        self._clock: MediaClock | None = None
        self._payload_type = -1
        self._connected_at = 0.0
        self._next_report = 0.0
        self._next_watch = 0.0
        self._agent_was_talking = False
        self._malformed = 0
        self._late_max: float | None = None
        self._frames_late = 0
        self._frames_skipped = 0

    def attach(self, peer: Peer, payload_type: int, ntp_offset: float) -> None:
        """Say which peer and payload type to use; packets may arrive from now on."""
        self._peer = peer
        self._payload_type = payload_type
        self._source = RtpSource(peer.ssrc, payload_type)
        self._reporter = RtcpReporter(self._source, self.meter, peer.cname, ntp_offset)

    def start(self, clock: MediaClock, now: float) -> None:
        """Start sending."""
        self._connected_at = now
        self._next_report = now + REPORT_INTERVAL_S * random.uniform(0.1, 0.5)
        self._next_watch = now + _WATCH_INTERVAL_S
        self._clock = clock
        clock.add(self._tick)

    def stop(self) -> None:
        """Stop sending, with RTCP BYE as the last word."""
        if self._clock is None:
            return
        self._clock.remove(self._tick)
        self._clock = None
        if self._peer is not None and self._reporter is not None:
            self._peer.send_rtcp(self._reporter.bye(time.monotonic()))

    # Every packet

    def _tick(self, frames: int, skipped: int, late: float) -> None:
        try:
            self._send(frames, skipped, late)
        except Exception as exc:
            # The clock logs it and calls no more.
            what = f"sending failed ({type(exc).__name__}: {exc})"
            self._failed(TransportError(Stage.MEDIA, "INTERNAL", what))
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
                self._echo.speech_sent(now)
            if speaker.speaking and not was_speaking:
                self._hearing.speech_began(now)
            if speaker.speech_ended:
                self._hearing.speech_sent(now, self._connected_at)
            if was_playing and not speaker.playing:
                self._changed()
        if now >= self._next_watch:
            self._watch(now)

    def rtp_received(self, packet: bytes, now: float) -> None:
        """One decrypted RTP packet; also before :meth:`start`, when it overtook the handshake's end."""
        try:
            rtp = parse_rtp(packet)
        except ValueError:
            self._malformed += 1
            return
        if rtp.payload_type != self._payload_type:
            self._malformed += 1
            return
        if self.meter.packet(rtp.ssrc, rtp.sequence_number, rtp.timestamp, len(rtp.payload), now):
            self._timeline.mark("first_packet", now)
            self._bursts.packet(rtp.ssrc, rtp.sequence_number)
            self._drift.packet(rtp.ssrc, rtp.timestamp, now)
            if self._hearing.packet(rtp.payload, now):
                self._echo.sound_heard(now)
            if self._hearing.talking != self._agent_was_talking:
                self._agent_was_talking = self._hearing.talking
                if self._agent_was_talking and self.speaker.speaking:
                    self._hearing.interrupted()

    def rtcp_received(self, packet: bytes, now: float) -> None:
        """One decrypted compound RTCP packet."""
        assert self._reporter is not None
        try:
            self._reporter.receive(packet, now)
        except ValueError:
            self._malformed += 1

    # Twice a second

    def _watch(self, now: float) -> None:
        assert self._peer is not None and self._reporter is not None
        self._next_watch = now + _WATCH_INTERVAL_S
        self._hearing.poll(now)
        if now >= self._next_report:
            # RFC 3550 section 6.2: half to one and a half times the interval, so that calls do not march.
            self._next_report = now + REPORT_INTERVAL_S * random.uniform(0.5, 1.5)
            self._peer.send_rtcp(self._reporter.report(now))
        last = self.meter.last_arrival
        quiet = now - (self._connected_at if last is None else last)
        if quiet > self._media_timeout:
            if last is None:
                self._failed(
                    TransportError(
                        Stage.MEDIA, "NO_AUDIO", f"no RTP packet came within {quiet:.1f} s of connecting"
                    )
                )
            else:
                self._failed(TransportError(Stage.MEDIA, "MEDIA_LOST", f"no RTP packet for {quiet:.1f} s"))

    @property
    def packets(self) -> tuple[int, int]:
        """RTP packets sent and received so far."""
        return (self._source.packets_sent if self._source else 0), self.meter.packets_received

    # At the end

    def fill(self, record: CallRecord) -> None:
        """Write the record's media columns."""
        source, reporter, meter, peer = self._source, self._reporter, self.meter, self._peer
        if source is None or reporter is None or peer is None:
            return
        connected_ms = record.connected_ms
        if connected_ms is None:
            return
        record.packets_sent, record.bytes_sent = source.packets_sent, source.bytes_sent
        record.packets_received, record.bytes_received = meter.packets_received, meter.bytes_received
        record.packets_discarded = self._malformed + peer.reception.refused
        if meter.first_arrival is not None:
            record.packets_lost = meter.packets_lost
            record.loss_burst_mean = self._bursts.mean
            record.packets_reordered = meter.packets_reordered
            # SRTP drops nearly all of them before they are metered.
            record.packets_duplicated = meter.packets_duplicated + peer.reception.repeated
            record.clock_drift_ppm = self._drift.ppm
            record.jitter = meter.jitter
            record.longest_gap_ms = None if meter.longest_gap is None else round(meter.longest_gap * 1000, 3)
        record.round_trip_time = reporter.round_trip_time
        record.remote_packets_lost = reporter.remote_packets_lost
        record.remote_jitter = reporter.remote_jitter
        first = record.first_packet_ms
        if first is not None or connected_ms >= NO_AUDIO_S * 1000:
            record.no_audio = first is None or first > NO_AUDIO_S * 1000
        self._fill_one_way(record, reporter, self._connected_at + connected_ms / 1000)
        record.audio_level = self._hearing.audio_level
        record.silent_audio = self._hearing.silent
        record.late_ms_max = None if self._late_max is None else round(self._late_max * 1000, 3)
        if self._late_max is not None:
            record.frames_late, record.frames_skipped = self._frames_late, self._frames_skipped

    def _fill_one_way(self, record: CallRecord, reporter: RtcpReporter, ended_at: float) -> None:
        """Whether sound or packets went one way only."""
        last = self.meter.last_arrival
        if record.mode == ECHO:
            record.one_way = self._echo.one_way(listened=self._hearing.listens)
        elif last is not None and reporter.heard_by_remote is not None:
            record.one_way = not reporter.heard_by_remote
        if last is not None and ended_at - self._connected_at >= NO_AUDIO_S:
            record.media_stopped = ended_at - last > NO_AUDIO_S
