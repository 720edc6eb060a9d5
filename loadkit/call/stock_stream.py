"""The media stream on aiortc's own sender and receiver, to compare with: slow, and as much of a record as it can.

What goes out is the encoded sample, packet by packet, so that both ends of a comparison carry the same sound; aiortc
packs, numbers, protects, paces and reports. What comes in aiortc decrypts, buffers and decodes, in a thread per call.
Figures are aiortc's own where it has them; the others are taken from packets as aiortc has decrypted them.
"""

from __future__ import annotations

import asyncio
import time
from typing import TypeVar

from aiortc import RTCRtcpParameters, RTCRtpCodecParameters, RTCRtpReceiver, RTCRtpSender
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters, RTCRtpSendParameters
from aiortc.stats import (
    RTCInboundRtpStreamStats,
    RTCOutboundRtpStreamStats,
    RTCRemoteInboundRtpStreamStats,
    RTCRemoteOutboundRtpStreamStats,
    RTCStats,
)

from loadkit.call.stock_track import SpokenTrack
from loadkit.call.stream import StreamFigures, StreamListener
from loadkit.media import CLOCK_RATE
from loadkit.media.bursts import LossBursts
from loadkit.media.clock import LATE_S, MediaClock
from loadkit.media.drift import DriftMeter
from loadkit.media.meter import ReceptionMeter
from loadkit.media.playout import Playout
from loadkit.media.rtp import parse_rtp
from loadkit.media.speaker import Speaker
from loadkit.transport import aiortc_media
from loadkit.transport.peer import Peer

#: A report of the other side so many seconds after our first packet would speak of it, if it had come.
_HEARD_BY_THEN_S = 2.0
_MID = "0"

_Stats = TypeVar("_Stats", bound=RTCStats)


class StockStream:
    """A :class:`~loadkit.call.stream.MediaStream`."""

    media_path = "stock"

    def __init__(self, listener: StreamListener) -> None:
        self.wants_payloads = True
        self.sounding_since: float | None = None
        self.sounding_last: float | None = None
        self.speaker = Speaker()
        self._listener = listener
        self._meter = ReceptionMeter(playout=Playout())
        self._bursts = LossBursts()
        self._drift = DriftMeter()
        self._track = SpokenTrack(self._next_payload)
        self._peer: Peer | None = None
        self._payload_type = -1
        self._sender: RTCRtpSender | None = None
        self._receiver: RTCRtpReceiver | None = None
        self._clock: MediaClock | None = None
        self._late_max: float | None = None
        self._frames_late = 0
        self._running: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def last_arrival(self) -> float | None:
        """When the newest packet arrived."""
        return self._meter.last_arrival

    def attach(self, peer: Peer, payload_type: int, ntp_offset: float) -> None:  # noqa: ARG002 - aiortc has a clock
        """Say which peer and payload type to use."""
        self._peer, self._payload_type = peer, payload_type

    def start(self, clock: MediaClock) -> None:
        """Start aiortc's sender and receiver."""
        assert self._peer is not None
        self._clock = clock
        self._sender = aiortc_media.make_sender(self._track, self._peer.dtls, self._peer.ssrc)
        self._receiver = aiortc_media.make_receiver(self._peer.dtls, self._peer.ssrc)
        self._running = asyncio.create_task(self._run(self._sender, self._receiver, self._peer.cname))

    async def _run(self, sender: RTCRtpSender, receiver: RTCRtpReceiver, cname: str) -> None:
        """Start both, then take the frames that aiortc decodes, as any application has to, until there are no more."""
        codec = RTCRtpCodecParameters("audio/opus", CLOCK_RATE, channels=2, payloadType=self._payload_type)
        rtcp = RTCRtcpParameters(cname=cname, mux=True)
        await receiver.receive(RTCRtpReceiveParameters(codecs=[codec], muxId=_MID))
        await sender.send(RTCRtpSendParameters(codecs=[codec], muxId=_MID, rtcp=rtcp))
        try:
            while True:
                await receiver.track.recv()
        except MediaStreamError:
            return

    def stop(self, now: float) -> None:  # noqa: ARG002 - aiortc has a clock of its own
        """Stop aiortc's sender, which says BYE, and its receiver."""
        if self._running is not None and self._closing is None:
            self._closing = asyncio.create_task(self._stop())

    async def _stop(self) -> None:
        assert self._sender is not None and self._receiver is not None and self._running is not None
        # When it was started a moment ago, it has not yet begun.
        await asyncio.sleep(0)
        await self._sender.stop()
        await self._receiver.stop()
        # The receiver's track has ended, but for one whose decoder was stopped before it was asked for a frame.
        self._running.cancel()
        await asyncio.wait({self._running})

    async def stopped(self) -> None:
        """Wait until BYE has left and the decoder's thread has ended."""
        if self._closing is not None:
            await asyncio.shield(self._closing)

    # Out

    def _next_payload(self, late: float) -> bytes:
        try:
            return self._say(late)
        except Exception as exc:
            # aiortc logs it and asks no more.
            self._listener.sending_failed(exc)
            raise

    def _say(self, late: float) -> bytes:
        now = time.monotonic()
        self._late_max = max(late, self._late_max or 0.0)
        self._frames_late += late > LATE_S
        if self._clock is not None:
            self._clock.note_lateness(late)
        speaker = self.speaker
        was_playing, was_speaking = speaker.playing, speaker.speaking
        payload = speaker.next_packet()
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
        return payload

    # In

    def rtp_received(self, packet: bytes, now: float) -> None:
        """One RTP packet that aiortc has decrypted."""
        try:
            rtp = parse_rtp(packet)
        except ValueError:
            return
        if rtp.payload_type != self._payload_type:
            return
        first = self._meter.first_arrival is None
        if self._meter.packet(rtp.ssrc, rtp.sequence_number, rtp.timestamp, len(rtp.payload), now):
            if first:
                self._listener.first_packet(now)
            self._bursts.packet(rtp.ssrc, rtp.sequence_number)
            self._drift.packet(rtp.ssrc, rtp.timestamp, now)
            if self.wants_payloads:
                self._listener.payload(rtp.payload, now)

    def rtcp_received(self, packet: bytes, now: float) -> None:
        """aiortc reads reports itself."""

    # Reports

    def report(self, now: float) -> None:
        """aiortc reports once a second on its own."""

    @property
    def packets(self) -> tuple[int, int]:
        """RTP packets sent and received so far."""
        sent, received = (
            _only(self._sender, RTCOutboundRtpStreamStats),
            _only(self._receiver, RTCInboundRtpStreamStats),
        )
        return (sent.packetsSent if sent else 0), (received.packetsReceived if received else 0)

    def figures(self) -> StreamFigures | None:
        """What was measured so far."""
        if self._peer is None:
            return None
        sent = _only(self._sender, RTCOutboundRtpStreamStats)
        received = _only(self._receiver, RTCInboundRtpStreamStats)
        remote = _only(self._sender, RTCRemoteInboundRtpStreamStats)
        meter = self._meter
        return StreamFigures(
            packets_sent=sent.packetsSent if sent else 0,
            bytes_sent=sent.bytesSent if sent else 0,
            late_max=self._late_max,
            frames_late=self._frames_late,
            frames_skipped=0,  # aiortc sends what is due at once, however much it is
            packets_received=received.packetsReceived if received else meter.packets_received,
            bytes_received=meter.bytes_received,
            # aiortc drops in silence what is not authentic, and what SRTP has seen before.
            packets_discarded=None,
            packets_duplicated=None,
            first_arrival=meter.first_arrival,
            last_arrival=meter.last_arrival,
            packets_lost=received.packetsLost if received else meter.packets_lost,
            packets_reordered=meter.packets_reordered,
            loss_burst_mean=self._bursts.mean,
            playout_late=meter.playout_late,
            clock_drift_ppm=self._drift.ppm,
            # aiortc's jitter is in ticks of the RTP clock, here as there.
            jitter=received.jitter / CLOCK_RATE if received else meter.jitter,
            longest_gap=meter.longest_gap,
            round_trip_time=remote.roundTripTime if remote else None,
            remote_packets_lost=remote.packetsLost if remote else None,
            remote_jitter=remote.jitter / CLOCK_RATE if remote else None,
            heard_by_remote=self._heard_by_remote(remote is not None),
        )

    def _heard_by_remote(self, reported: bool) -> bool | None:
        """As the other side's reports say; None before the first that could know of our packets."""
        if reported:
            return True
        began, theirs = self._track.began, _only(self._receiver, RTCRemoteOutboundRtpStreamStats)
        if began is None or theirs is None or theirs.timestamp.timestamp() - began < _HEARD_BY_THEN_S:
            return None
        return False


def _only(of: RTCRtpSender | RTCRtpReceiver | None, kind: type[_Stats]) -> _Stats | None:
    """The entry of a kind in aiortc's getStats(), which has at most one of each."""
    if of is None:
        return None
    return next((entry for entry in aiortc_media.stats_now(of).values() if isinstance(entry, kind)), None)
