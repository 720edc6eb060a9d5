"""Every private name of aiortc's sender and receiver that loadkit touches, each behind one function.

``tests/transport/test_aiortc_media.py`` has a test per name that says in words what moved. Those of ICE, DTLS and
SRTP are in :mod:`~loadkit.transport.aiortc_internals`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aiortc import MediaStreamTrack, RTCDtlsTransport, RTCRtpReceiver, RTCRtpSender
from aiortc.rtcrtpreceiver import RemoteStreamTrack
from aiortc.stats import RTCStatsReport


class DecryptedHandler(Protocol):
    """Called with every RTP or compound RTCP packet that aiortc has decrypted."""

    def __call__(self, packet: bytes, *, rtcp: bool) -> None: ...


def tap_decrypted(dtls: RTCDtlsTransport, handler: DecryptedHandler) -> None:
    """Show ``handler`` what aiortc has decrypted, before aiortc reads it itself."""
    handle_rtp, handle_rtcp = dtls._handle_rtp_data, dtls._handle_rtcp_data

    async def handle_rtp_data(data: bytes, arrival_time_ms: int) -> None:
        handler(data, rtcp=False)
        await handle_rtp(data, arrival_time_ms=arrival_time_ms)

    async def handle_rtcp_data(data: bytes) -> None:
        handler(data, rtcp=True)
        await handle_rtcp(data)

    dtls._handle_rtp_data = handle_rtp_data  # type: ignore[method-assign]
    dtls._handle_rtcp_data = handle_rtcp_data  # type: ignore[method-assign]


def make_sender(track: MediaStreamTrack, dtls: RTCDtlsTransport, ssrc: int) -> RTCRtpSender:
    """aiortc's sender, with the SSRC that our SDP has told."""
    sender = RTCRtpSender(track, dtls)
    sender._ssrc = ssrc
    return sender


def make_receiver(dtls: RTCDtlsTransport, reports_from: int) -> RTCRtpReceiver:
    """aiortc's receiver of audio, with the track that ``RTCPeerConnection`` would give it.

    :param reports_from: SSRC that its reports come from.
    """
    receiver = RTCRtpReceiver("audio", dtls)
    receiver._track = RemoteStreamTrack("audio")
    receiver._set_rtcp_ssrc(reports_from)
    return receiver


def stats_now(of: RTCRtpSender | RTCRtpReceiver) -> RTCStatsReport:
    """``getStats()`` without a turn of the loop: it is a coroutine, and waits for nothing."""
    return _at_once(of.getStats)


def _at_once(get: Callable[[], object]) -> RTCStatsReport:
    coroutine = get()
    try:
        coroutine.send(None)  # type: ignore[attr-defined]
    except StopIteration as done:
        report: RTCStatsReport = done.value
        return report
    raise RuntimeError("aiortc's getStats() waits for something now")
