"""The names of aiortc's sender and receiver that the stock media path stands on, one test each.

A test that fails here says what a new version of aiortc has moved, and what loadkit needs it for.
"""

from __future__ import annotations

import inspect

import pytest
from aiortc import (
    MediaStreamTrack,
    RTCDtlsTransport,
    RTCIceGatherer,
    RTCIceTransport,
    RTCRtpReceiver,
    RTCRtpSender,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcrtpreceiver import RemoteStreamTrack
from aiortc.stats import RTCInboundRtpStreamStats, RTCRemoteInboundRtpStreamStats

from loadkit.call.stock_track import SpokenTrack
from loadkit.transport import aiortc_media
from tests.fakes import CERTIFICATE


@pytest.fixture
async def dtls() -> RTCDtlsTransport:
    return RTCDtlsTransport(RTCIceTransport(RTCIceGatherer(iceServers=[])), [CERTIFICATE.certificate])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("_handle_rtp_data", ["data", "arrival_time_ms"]), ("_handle_rtcp_data", ["data"])],
)
async def test_dtls_transport_hands_on_what_it_has_decrypted(
    dtls: RTCDtlsTransport, name: str, parameters: list[str]
) -> None:
    method = getattr(dtls, name, None)
    assert inspect.iscoroutinefunction(method), (
        f"aiortc's RTCDtlsTransport no longer has {name}(): loadkit sees there what aiortc has decrypted"
    )
    assert list(inspect.signature(method).parameters) == parameters, (
        f"aiortc's RTCDtlsTransport.{name}() takes other parameters than {parameters}"
    )
    assert f"await self.{name}(" in inspect.getsource(RTCDtlsTransport._recv_next), (
        f"aiortc's RTCDtlsTransport no longer calls {name}() through its instance: loadkit puts itself in its place"
    )


async def test_decrypted_packets_are_shown_and_then_go_their_way(
    dtls: RTCDtlsTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    went: list[bytes] = []

    async def handle_rtp_data(data: bytes, arrival_time_ms: int) -> None:
        went.append(data)

    async def handle_rtcp_data(data: bytes) -> None:
        went.append(data)

    monkeypatch.setattr(dtls, "_handle_rtp_data", handle_rtp_data)
    monkeypatch.setattr(dtls, "_handle_rtcp_data", handle_rtcp_data)
    shown: list[tuple[bytes, bool]] = []
    aiortc_media.tap_decrypted(dtls, lambda packet, *, rtcp: shown.append((packet, rtcp)))
    await dtls._handle_rtp_data(b"rtp", arrival_time_ms=1)
    await dtls._handle_rtcp_data(b"rtcp")
    assert shown == [(b"rtp", False), (b"rtcp", True)]
    assert went == [b"rtp", b"rtcp"]


async def test_sender_takes_the_ssrc_that_the_sdp_has_told(dtls: RTCDtlsTransport) -> None:
    track = SpokenTrack(lambda late: b"")
    assert isinstance(getattr(RTCRtpSender(track, dtls), "_ssrc", None), int), (
        "aiortc's RTCRtpSender no longer has _ssrc: loadkit sets there what its SDP has told"
    )
    sender = aiortc_media.make_sender(track, dtls, 77)
    (stats,) = (entry for entry in aiortc_media.stats_now(sender).values() if entry.type == "outbound-rtp")
    assert stats.ssrc == 77, "aiortc's RTCRtpSender no longer sends with _ssrc"


async def test_receiver_takes_a_track_and_the_ssrc_of_its_reports(dtls: RTCDtlsTransport) -> None:
    receiver = RTCRtpReceiver("audio", dtls)
    assert hasattr(receiver, "_track"), (
        "aiortc's RTCRtpReceiver no longer has _track: loadkit gives it the track that RTCPeerConnection would"
    )
    assert callable(getattr(receiver, "_set_rtcp_ssrc", None)), (
        "aiortc's RTCRtpReceiver no longer has _set_rtcp_ssrc(): it would send no reports"
    )
    track = aiortc_media.make_receiver(dtls, 77).track
    assert isinstance(track, RemoteStreamTrack), "aiortc's RTCRtpReceiver no longer shows _track as track"
    # As when the call ends.
    await track._queue.put(None)
    with pytest.raises(MediaStreamError):
        await track.recv()


@pytest.mark.parametrize("kind", [RTCRtpSender, RTCRtpReceiver])
async def test_statistics_wait_for_nothing(dtls: RTCDtlsTransport, kind: type) -> None:
    made = kind("audio", dtls)
    assert "transport" in {entry.type for entry in aiortc_media.stats_now(made).values()}, (
        "aiortc's getStats() waits for something now: loadkit asks for it between two turns of the loop"
    )


def test_statistics_that_wait_are_told() -> None:
    class Waits:
        async def getStats(self) -> None:
            await _Never()

    with pytest.raises(RuntimeError, match="waits for something"):
        aiortc_media.stats_now(Waits())  # type: ignore[arg-type]


class _Never:
    def __await__(self):  # type: ignore[no-untyped-def]
        yield


def test_jitter_is_in_ticks() -> None:
    for kind in (RTCInboundRtpStreamStats, RTCRemoteInboundRtpStreamStats):
        assert inspect.get_annotations(kind.__mro__[1])["jitter"] in (int, "int"), (
            f"aiortc's {kind.__name__}.jitter is no whole number any more: loadkit takes it for ticks of the RTP clock"
        )


def test_tracks_may_hand_out_packets_that_are_encoded() -> None:
    assert "Packet" in str(inspect.signature(MediaStreamTrack.recv).return_annotation), (
        "aiortc's tracks no longer hand out packets: loadkit's stock path sends its sample without encoding it again"
    )
