"""RTCP reports of one audio stream, both ways (RFC 3550 section 6), on ``aiortc.rtp``'s packets.

``now`` is monotonic seconds. NTP time stamps are ``now`` plus a fixed offset: RFC 3550 section 6.4.1
wants a clock that both reports of one sender share, and only differences are used.
"""

from __future__ import annotations

from statistics import fmean
from typing import Protocol

from aiortc.rtp import (
    RtcpByePacket,
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
    clamp_packets_lost,
)

from loadkit.media import CLOCK_RATE

#: Seconds from 1900, where NTP starts, to 1970.
_NTP_EPOCH = 2_208_988_800
_SDES_CNAME = 1
#: RFC 3550 section 6.2 wants five seconds on average between reports.
REPORT_INTERVAL_S = 5.0

#: Packets sent, 2 s of them, after which a report without a word of them says that none arrived. An earlier one may
#: have left before they could.
_HEARD_BY_THEN = 100


class Source(Protocol):
    """What a report tells of what was sent."""

    @property
    def ssrc(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def packets_sent(self) -> int: ...
    @property
    def bytes_sent(self) -> int: ...


class Meter(Protocol):
    """What a report tells of what arrived."""

    @property
    def ssrc(self) -> int | None: ...
    @property
    def packets_lost(self) -> int: ...
    @property
    def highest_sequence(self) -> int: ...
    @property
    def jitter_ticks(self) -> int: ...
    def fraction_lost(self) -> int: ...


class RtcpReporter:
    """Makes our reports and reads theirs.

    :param ntp_offset: seconds to add to ``now`` to get Unix time.
    """

    def __init__(self, source: Source, meter: Meter, cname: str, ntp_offset: float) -> None:
        self._source = source
        self._meter = meter
        self._cname = cname
        self._ntp_offset = ntp_offset
        self._last_sr: int | None = None
        self._last_sr_at = 0.0
        self._round_trip_times: list[float] = []
        #: Of our packets, lost on the way, by the other side's newest report; None before the first.
        self.remote_packets_lost: int | None = None
        #: Jitter of our packets at the other side in seconds; None before the first report.
        self.remote_jitter: float | None = None
        #: Whether a report of the other side spoke of our packets; None before its first report, and while those
        #: that did not were made too early to know of them.
        self.heard_by_remote: bool | None = None
        #: The other side said BYE.
        self.bye_received = False

    @property
    def round_trip_time(self) -> float | None:
        """Mean round trip time in seconds; None when no report allowed to compute one."""
        return fmean(self._round_trip_times) if self._round_trip_times else None

    def report(self, now: float) -> bytes:
        """The compound packet to send now: sender report (receiver report while nothing was sent), SDES."""
        reports = [self._reception(now)] if self._meter.ssrc is not None else []
        ssrc = self._source.ssrc
        first: RtcpSrPacket | RtcpRrPacket
        if self._source.packets_sent:
            info = RtcpSenderInfo(
                ntp_timestamp=self._ntp(now),
                rtp_timestamp=self._source.timestamp,
                packet_count=self._source.packets_sent & 0xFFFFFFFF,
                octet_count=self._source.bytes_sent & 0xFFFFFFFF,
            )
            first = RtcpSrPacket(ssrc=ssrc, sender_info=info, reports=reports)
        else:
            first = RtcpRrPacket(ssrc=ssrc, reports=reports)
        name = RtcpSourceInfo(ssrc=ssrc, items=[(_SDES_CNAME, self._cname.encode())])
        return bytes(first) + bytes(RtcpSdesPacket(chunks=[name]))

    def bye(self, now: float) -> bytes:
        """The compound packet that ends our stream (RFC 3550 section 6.6)."""
        return self.report(now) + bytes(RtcpByePacket(sources=[self._source.ssrc]))

    def receive(self, data: bytes, now: float) -> None:
        """Read a compound packet of the other side.

        :raises ValueError: it is malformed.
        """
        for packet in RtcpPacket.parse(data):
            if isinstance(packet, RtcpSrPacket):
                self._last_sr = (packet.sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF
                self._last_sr_at = now
            if isinstance(packet, RtcpSrPacket | RtcpRrPacket):
                if self._source.packets_sent >= _HEARD_BY_THEN:
                    self.heard_by_remote = bool(self.heard_by_remote)
                for report in packet.reports:
                    if report.ssrc == self._source.ssrc:
                        self._reported(report, now)
            elif isinstance(packet, RtcpByePacket):
                self.bye_received = True

    def _reported(self, report: RtcpReceiverInfo, now: float) -> None:
        self.heard_by_remote = True
        self.remote_packets_lost = report.packets_lost
        self.remote_jitter = report.jitter / CLOCK_RATE
        if report.lsr:
            # RFC 3550 section 6.4.1: A - LSR - DLSR, in 1/65536 s.
            middle = (self._ntp(now) >> 16) & 0xFFFFFFFF
            ticks = (middle - report.lsr - report.dlsr) & 0xFFFFFFFF
            if ticks < 0x80000000:
                self._round_trip_times.append(ticks / 65536)

    def _reception(self, now: float) -> RtcpReceiverInfo:
        meter = self._meter
        return RtcpReceiverInfo(
            ssrc=meter.ssrc or 0,
            fraction_lost=meter.fraction_lost(),
            packets_lost=clamp_packets_lost(meter.packets_lost),
            highest_sequence=meter.highest_sequence,
            jitter=meter.jitter_ticks,
            lsr=self._last_sr or 0,
            dlsr=int((now - self._last_sr_at) * 65536) & 0xFFFFFFFF if self._last_sr else 0,
        )

    def _ntp(self, now: float) -> int:
        return int((now + self._ntp_offset + _NTP_EPOCH) * (1 << 32))
