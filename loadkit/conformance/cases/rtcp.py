"""RTCP reports of the gateway; read by ``aiortc.rtp``, not by our own reader."""

from __future__ import annotations

from aiortc.rtp import RtcpPacket, RtcpReceiverInfo, RtcpRrPacket, RtcpSdesPacket, RtcpSrPacket

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import ExpectationFailed, case, demand
from loadkit.conformance.media_call import MediaCall
from loadkit.conformance.sources import rfc
from loadkit.media import CLOCK_RATE

#: RFC 3550 section 6.2: five seconds on average, up to half as much more, and some patience.
_REPORT_S = 12.0
_CNAME = 1
#: A report is this close to the stream that it is about: its clock may run on in silence.
_SANE_S = 10.0


def _read(data: bytes) -> list[object]:
    try:
        return list(RtcpPacket.parse(data))
    except ValueError as exc:
        raise ExpectationFailed("RTCP that can be read", f"{len(data)} bytes: {exc}") from None


@case(
    "rtcp.compound",
    "Reports come with the sender's name",
    expect="RTCP comes as SR or RR first, with an SDES CNAME behind it",
    source=rfc(3550, "6.1"),
)
async def compound(bench: Bench) -> None:
    call = await bench.call()
    data = await call.hears_report(lambda _data: True, "RTCP within 12 s", wait=_REPORT_S)
    packets = _read(data)
    first = type(packets[0]).__name__ if packets else "nothing"
    demand(isinstance(packets[0], RtcpSrPacket | RtcpRrPacket), "SR or RR first", first)
    names = [
        value
        for packet in packets
        if isinstance(packet, RtcpSdesPacket)
        for chunk in packet.chunks
        for kind, value in chunk.items
        if kind == _CNAME
    ]
    demand(any(names), "an SDES CNAME", "none")


@case(
    "rtcp.sender-report",
    "Sender reports fit the stream",
    expect="a sender report has the stream's SSRC, counts packets and bytes, and is at the stream's timestamp",
    source=rfc(3550, "6.4.1"),
)
async def sender_report(bench: Bench) -> None:
    call = await bench.call()
    data = await call.hears_report(
        lambda data: any(isinstance(packet, RtcpSrPacket) for packet in _read(data)),
        "a sender report within 12 s",
        wait=_REPORT_S,
    )
    report = next(packet for packet in _read(data) if isinstance(packet, RtcpSrPacket))
    streams = {packet.ssrc for packet in call.heard}
    demand(report.ssrc in streams, "the stream's SSRC", f"SSRC {report.ssrc}")
    info = report.sender_info
    demand(info.packet_count > 0 and info.octet_count > 0, "packets and bytes", "a count of 0")
    # A count from before we listened is too large by what was lost, never too small by much.
    demand(info.packet_count < 2 * len(call.heard) + 100, "a count of packets", f"{info.packet_count}")
    demand(info.ntp_timestamp > 0, "an NTP time", "0")
    ticks = min(_distance(packet.timestamp, info.rtp_timestamp) for packet in call.heard)
    demand(ticks < _SANE_S * CLOCK_RATE, "a timestamp of the stream", f"one {ticks / CLOCK_RATE:.0f} s away")


def _distance(first: int, second: int) -> int:
    difference = (first - second) & 0xFFFFFFFF
    return min(difference, 0x100000000 - difference)


@case(
    "rtcp.reception",
    "The gateway reports on what it hears",
    expect="a report has a block about our SSRC: sequence number, loss and jitter are possible ones",
    source=rfc(3550, "6.4.1"),
)
async def reception(bench: Bench) -> None:
    call = await bench.call()
    first = call.source.sequence_number
    data = await call.hears_report(
        lambda data: _block_about(call, data) is not None,
        "a report block about our SSRC within 12 s",
        wait=_REPORT_S,
    )
    block = _block_about(call, data)
    assert block is not None, "it was waited for"
    ahead = ((block.highest_sequence & 0xFFFF) - first) & 0xFFFF
    possible = ahead <= len(call.sent) or ahead > 0xFFFF - 10
    demand(possible, "a sequence number that was sent", f"one {ahead} after the first")
    demand(block.packets_lost <= len(call.sent), "no more lost than sent", f"{block.packets_lost}")
    demand(block.jitter < CLOCK_RATE, "jitter below a second", f"{block.jitter / CLOCK_RATE:.1f} s")


def _block_about(call: MediaCall, data: bytes) -> RtcpReceiverInfo | None:
    for packet in _read(data):
        if isinstance(packet, RtcpSrPacket | RtcpRrPacket):
            for block in packet.reports:
                if block.ssrc == call.source.ssrc:
                    return block
    return None
