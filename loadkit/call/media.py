"""The media of one call as its record sees it: what the stream tells, reports in time, the watch over both ways."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from loadkit.call.echo_watch import EchoWatch
from loadkit.call.hearing import Hearing
from loadkit.call.python_stream import PythonStream
from loadkit.call.stream import MakeStream, MediaStream, Playback, StreamFigures
from loadkit.call.timeline import Timeline
from loadkit.errors import Stage, TransportError
from loadkit.media.clock import MediaClock
from loadkit.media.quality import mos
from loadkit.media.rtcp import REPORT_INTERVAL_S
from loadkit.records import CallRecord
from loadkit.setting_values import MediaPath
from loadkit.signaling.modes import ECHO
from loadkit.transport.peer import Peer

#: ``no_audio`` is decided this long after connecting, ``media_stopped`` this long after the last packet.
NO_AUDIO_S = 2.0


class CallMedia:
    """Started when the handshake is done, stopped at the end of the call.

    :param failed: called once, with what broke.
    :param changed: called when the caller finished saying something.
    :param make_stream: makes what sends and receives the packets.
    """

    def __init__(
        self,
        timeline: Timeline,
        hearing: Hearing,
        *,
        media_timeout: float,
        failed: Callable[[TransportError], None],
        changed: Callable[[], None],
        make_stream: MakeStream = PythonStream,
    ) -> None:
        self.stream: MediaStream = make_stream(self)
        self._echo = EchoWatch()
        self._timeline = timeline
        self._hearing = hearing
        self._media_timeout = media_timeout
        self._failed = failed
        self._changed = changed
        self._clock: MediaClock | None = None
        self._connected_at = 0.0
        self._next_report = 0.0
        self._agent_was_talking = False

    @property
    def speaker(self) -> Playback:
        """What the caller says."""
        return self.stream.speaker

    def attach(self, peer: Peer, payload_type: int, ntp_offset: float) -> None:
        """Say which peer and payload type to use; packets may arrive from now on."""
        self.stream.attach(peer, payload_type, ntp_offset)

    def start(self, clock: MediaClock, now: float) -> None:
        """Start sending."""
        self._connected_at = now
        self._next_report = now + REPORT_INTERVAL_S * random.uniform(0.1, 0.5)
        self._clock = clock
        clock.watches.add(self._watch)
        self.stream.start(clock)

    def stop(self) -> None:
        """Stop sending, with RTCP BYE as the last word."""
        if self._clock is not None:
            self._clock.watches.remove(self._watch)
            self._clock = None
        self.stream.stop(time.monotonic())

    async def stopped(self) -> None:
        """Wait until the last word has left."""
        await self.stream.stopped()

    # What the stream tells

    def first_packet(self, now: float) -> None:
        """The first packet arrived."""
        self._timeline.mark("first_packet", now)

    def payload(self, payload: bytes, now: float) -> None:
        """A packet to hear."""
        hearing = self._hearing
        if hearing.listens:
            # After a stand-still a packet may be read before anything else is looked at.
            hearing.stand_stills.awake(time.monotonic())
        if hearing.packet(payload, now):
            self._sound_sent()
            self._echo.sound_heard(now)
            self.stream.sounding_since = None
            self.stream.wants_payloads = hearing.wants_packets
        if hearing.talking != self._agent_was_talking:
            self._agent_was_talking = hearing.talking
            if self._agent_was_talking and self.stream.speaker.speaking:
                hearing.interrupted()

    def speech_began(self, now: float) -> None:
        """The caller's first speech packet was sent."""
        self._hearing.speech_began(now)

    def speech_ended(self, now: float) -> None:
        """The caller's last speech packet was sent."""
        self._hearing.speech_sent(now, self._connected_at)

    def sample_over(self, _now: float) -> None:
        """The caller has said what there was to say."""
        self._changed()

    def sending_failed(self, error: Exception) -> None:
        """Nothing can be sent any more."""
        what = f"sending failed ({type(error).__name__}: {error})"
        self._failed(TransportError(Stage.MEDIA, "INTERNAL", what))

    def _sound_sent(self) -> None:
        since, last = self.stream.sounding_since, self.stream.sounding_last
        if since is not None and last is not None:
            self._echo.speech_sent(since)
            self._echo.speech_sent(last)

    # Twice a second

    def _watch(self, now: float) -> None:
        try:
            self._look(now)
        except Exception as exc:
            # Whoever watches logs it and looks no more.
            self.sending_failed(exc)
            raise

    def _look(self, now: float) -> None:
        self._hearing.poll(now)
        if now >= self._next_report:
            # RFC 3550 section 6.2: half to one and a half times the interval, so that calls do not march.
            self._next_report = now + REPORT_INTERVAL_S * random.uniform(0.5, 1.5)
            self.stream.report(now)
        if self._hearing.stand_stills.catching_up(now, long=True):
            return
        last = self.stream.last_arrival
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
        return self.stream.packets

    # At the end

    def fill(self, record: CallRecord) -> None:
        """Write the record's media columns."""
        figures, connected_ms = self.stream.figures(), record.connected_ms
        if figures is None or connected_ms is None:
            return
        self._hearing.look_back()
        record.stood_still_ms = self._hearing.stood_still_ms
        record.packets_sent, record.bytes_sent = figures.packets_sent, figures.bytes_sent
        record.packets_received, record.bytes_received = figures.packets_received, figures.bytes_received
        record.packets_discarded = figures.packets_discarded
        if figures.first_arrival is not None:
            record.packets_lost = figures.packets_lost
            record.loss_burst_mean = figures.loss_burst_mean
            record.playout_late_simulated = figures.playout_late
            record.packets_reordered = figures.packets_reordered
            record.packets_duplicated = figures.packets_duplicated
            record.clock_drift_ppm = figures.clock_drift_ppm
            record.jitter = figures.jitter
            record.longest_gap_ms = _milliseconds(figures.longest_gap)
        record.round_trip_time = figures.round_trip_time
        record.remote_packets_lost = figures.remote_packets_lost
        record.remote_jitter = figures.remote_jitter
        if not _arrivals_known(record):
            record.playout_late_simulated = None
        elif record.packets_lost is not None and figures.playout_late is not None:
            expected = figures.packets_received + figures.packets_lost
            late, bursts = figures.playout_late, figures.loss_burst_mean
            record.mos = mos(expected, figures.packets_lost, late, bursts, figures.round_trip_time)
        first = record.first_packet_ms
        if first is not None or connected_ms >= NO_AUDIO_S * 1000:
            record.no_audio = first is None or first > NO_AUDIO_S * 1000
        self._fill_one_way(record, figures, self._connected_at + connected_ms / 1000)
        record.audio_level = self._hearing.audio_level
        record.silent_audio = self._hearing.silent
        record.late_ms_max = _milliseconds(figures.late_max)
        if figures.late_max is not None:
            record.frames_late, record.frames_skipped = figures.frames_late, figures.frames_skipped

    def _behind(self, now: float) -> bool:
        """Whether packets may wait to be read, since this process stood still a moment ago."""
        self._hearing.stand_stills.awake(now)
        return self._hearing.stand_stills.catching_up(now, long=True)

    def _fill_one_way(self, record: CallRecord, figures: StreamFigures, ended_at: float) -> None:
        """Whether sound or packets went one way only."""
        last = figures.last_arrival
        if record.mode == ECHO:
            self._sound_sent()
            record.one_way = self._echo.one_way(listened=self._hearing.listens)
        elif last is not None and figures.heard_by_remote is not None:
            record.one_way = not figures.heard_by_remote
        if last is not None and ended_at - self._connected_at >= NO_AUDIO_S and not self._behind(ended_at):
            record.media_stopped = ended_at - last > NO_AUDIO_S


def _arrivals_known(record: CallRecord) -> bool:
    """Whether packets that waited while this process stood still were stamped when they came: by the kernel, for the
    compiled module, which asks it where no relay is between, and takes no wait for longer than 2 s."""
    stood_still_ms = record.stood_still_ms
    if stood_still_ms is None:
        return True
    stamped = record.media_path == MediaPath.NATIVE and record.relay_protocol is None
    return stamped and stood_still_ms < 2000


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
