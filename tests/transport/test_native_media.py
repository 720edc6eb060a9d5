"""A peer whose RTP the compiled module carries, against one whose RTP Python carries: ICE, DTLS and SRTP are real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from loadkit.media.rtp import RtpSource, parse_rtp
from loadkit.native.structures import Event, Kind
from loadkit.transport.dtls import Certificate
from loadkit.transport.native_media import NativeMedia
from loadkit.transport.peer import Peer
from tests.fakes import Footprint
from tests.media_paths import NATIVE
from tests.transport.test_peer import CERTIFICATE, Inbox, Pair, consent_expires_soon

pytestmark = pytest.mark.skipif(
    not NATIVE,
    reason="the compiled module is not built: python -m loadkit.native",
)
SAMPLE = (b"one", b"two", b"three")


class NativePair(Pair):
    """A caller in the compiled module and a gateway in Python."""

    def __init__(self, addresses: tuple[str, ...] = ("127.0.0.1",)) -> None:
        super().__init__(addresses)
        self.told: asyncio.Queue[Event] = asyncio.Queue()
        inbox = self.caller_inbox
        self.caller = Peer(
            controlling=True,
            certificate=CERTIFICATE,
            addresses=addresses,
            on_rtp=inbox.on_rtp,
            on_rtcp=inbox.on_rtcp,
            native=True,
        )
        self.media = NativeMedia(111, told=self.told.put_nowait, opened=self.opened)
        self.caller.carry(self.media)
        self.source = RtpSource(self.gateway.ssrc, 111)
        self.opened_at_handshake = False

    def opened(self) -> None:
        self.opened_at_handshake = True
        assert self.media.poll is not None
        self.media.poll.media.hear(self.media.number, hears=True)

    async def up(self) -> None:
        await self.connect()
        await self.handshake()

    async def next(self, kind: Kind) -> Event:
        async with asyncio.timeout(60):
            while (event := await self.told.get()).kind != kind:
                pass
        return event


@pytest.fixture
async def pair() -> AsyncIterator[NativePair]:
    footprint = Footprint()
    pair = NativePair()
    yield pair
    await pair.close()
    await footprint.assert_nothing_is_left()


async def test_packets_are_heard_and_counted_in_the_module(pair: NativePair) -> None:
    await pair.up()
    assert pair.opened_at_handshake
    pair.gateway.send_rtp(pair.source.packet(b"first"))
    assert (await pair.next(Kind.FIRST_PACKET)).at > 0
    assert (await pair.next(Kind.PAYLOAD)).data == b"first"
    figures = pair.media.figures()
    assert (figures.ssrc, figures.packets_received, figures.bytes_received) == (pair.gateway.ssrc, 1, 5)
    assert pair.caller_inbox.rtp.empty()


async def test_a_sample_is_sent_and_its_edges_are_told(pair: NativePair) -> None:
    await pair.up()
    poll, number = pair.media.poll, pair.media.number
    assert poll is not None
    poll.silence(b"hush")
    poll.media.set_slot(number, 3)
    poll.send(3, 1, 0, 0.0)
    poll.media.play(number, poll.sample(SAMPLE, frozenset({1}), 1, 1))
    for _ in range(4):
        poll.send(3, 1, 0, 0.002)
    async with asyncio.timeout(60):
        heard = [parse_rtp(await pair.gateway_inbox.rtp.get()) for _ in range(5)]
    assert [packet.payload for packet in heard] == [b"hush", *SAMPLE, b"hush"]
    assert [packet.marker for packet in heard] == [True, False, False, False, False]
    first = heard[0]
    assert [packet.sequence_number - first.sequence_number for packet in heard] == [0, 1, 2, 3, 4]
    assert [(packet.timestamp - first.timestamp) % 2**32 for packet in heard] == [0, 960, 1920, 2880, 3840]
    assert {(packet.ssrc, packet.payload_type) for packet in heard} == {(pair.caller.ssrc, 111)}
    assert [pair.told.get_nowait().kind for _ in range(3)] == [
        Kind.SPEECH_BEGAN,
        Kind.SPEECH_SENT,
        Kind.SAMPLE_OVER,
    ]
    figures = pair.media.figures()
    assert (figures.packets_sent, figures.bytes_sent) == (5, 2 * 4 + len(b"".join(SAMPLE)))
    assert figures.late_max == 0.002


async def test_frames_that_are_skipped_leave_a_gap_in_time_alone(pair: NativePair) -> None:
    await pair.up()
    poll = pair.media.poll
    assert poll is not None
    poll.media.set_slot(pair.media.number, 0)
    poll.send(0, 1, 0, 0.0)
    poll.send(0, 5, 2, 0.15)
    async with asyncio.timeout(60):
        heard = [parse_rtp(await pair.gateway_inbox.rtp.get()) for _ in range(6)]
    stamps = [(packet.timestamp - heard[0].timestamp) % 2**32 // 960 for packet in heard]
    assert stamps == [0, 3, 4, 5, 6, 7]
    assert [p.sequence_number - heard[0].sequence_number for p in heard] == [0, 1, 2, 3, 4, 5]
    figures = pair.media.figures()
    # 150 ms late are 110, 90, 70, 50 and 30 ms for the five that were sent.
    assert (figures.frames_skipped, figures.frames_late) == (2, 5)


async def test_reports_take_the_way_through_python_both_ways(pair: NativePair) -> None:
    await pair.up()
    report = bytes.fromhex("80c8000600000001" + "00" * 20)
    pair.caller.send_rtcp(report)
    pair.gateway.send_rtcp(report)
    async with asyncio.timeout(60):
        assert await pair.gateway_inbox.rtcp.get() == report
        assert await pair.caller_inbox.rtcp.get() == report


async def test_media_that_overtakes_the_handshake_is_counted(pair: NativePair) -> None:
    await pair.connect()
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        gateway = tasks.create_task(pair.gateway.handshake(pair.dtls_of(pair.caller, "auto")))
        tasks.create_task(pair.caller.handshake(pair.dtls_of(pair.gateway, "client")))
        await asyncio.wait({gateway})
        pair.gateway.send_rtp(pair.source.packet(b"early"))
    assert (await pair.next(Kind.PAYLOAD)).data == b"early"


async def test_repetitions_and_forgeries_are_counted_apart(pair: NativePair) -> None:
    await pair.up()
    packet = pair.gateway.protect_rtp(pair.source.packet(b"once"))
    assert packet is not None
    forged = packet[:2] + bytes([packet[2] ^ 1]) + packet[3:]
    for data in (packet, packet, forged, packet[:11], b"\x80", b"\x80" * 1600):
        pair.gateway.send_protected(data)
    pair.gateway.send_rtp(pair.source.packet(b"end"))
    while (await pair.next(Kind.PAYLOAD)).data != b"end":
        pass
    figures = pair.media.figures()
    assert (figures.packets_received, figures.repeated, figures.refused) == (2, 1, 4)


async def test_figures_stay_when_the_peer_is_closed(pair: NativePair) -> None:
    await pair.up()
    pair.gateway.send_rtp(pair.source.packet(b"first"))
    await pair.next(Kind.PAYLOAD)
    poll = pair.media.poll
    assert poll is not None and poll.media.streams == 1
    await pair.caller.close()
    assert pair.media.poll is None
    assert poll.media.streams == 0
    assert pair.media.figures().packets_received == 1
    # Whoever asks late is answered: nothing is sent, and nothing fails.
    poll.send(0, 1, 0, 0.0)
    pair.media.take(b"\x80" * 40, 1.0)
    pair.media.send_nowhere()


async def test_a_carried_peer_is_lost_when_the_other_side_closes(pair: NativePair) -> None:
    await pair.up()
    await pair.gateway.close()
    async with asyncio.timeout(60):
        assert await pair.caller.lost == "the other side closed DTLS"


async def test_a_carried_peer_is_lost_when_consent_expires_though_media_comes(
    pair: NativePair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.02)
    await pair.up()
    for protocol in pair.gateway._connection._protocols:
        protocol.datagram_received = lambda data, addr: None  # type: ignore[method-assign]
    consent_expires_soon(monkeypatch)
    async with asyncio.timeout(60):
        while not pair.caller.lost.done():
            pair.gateway.send_rtp(pair.source.packet(b"still here"))
            await asyncio.wait({pair.caller.lost}, timeout=0.02)
    assert pair.caller.lost.result().startswith("ICE consent expired")
    assert pair.media.figures().packets_received > 0


async def test_packets_on_a_socket_that_was_not_nominated_are_heard() -> None:
    footprint = Footprint()
    pair = NativePair(("127.0.0.1", "127.0.0.2"))
    await pair.up()
    nominated = pair.gateway.nominated()
    assert nominated is not None
    for candidate in pair.caller.local_candidates:
        packet = pair.gateway.protect_rtp(pair.source.packet(f"to {candidate.ip}".encode()))
        assert packet is not None
        nominated.protocol.transport.sendto(packet, (candidate.ip, candidate.port))
    heard = {(await pair.next(Kind.PAYLOAD)).data for _ in range(2)}
    assert heard == {b"to 127.0.0.1", b"to 127.0.0.2"}
    await pair.close()
    await footprint.assert_nothing_is_left()


async def test_a_peer_in_python_cannot_be_carried() -> None:
    inbox = Inbox()
    peer = Peer(
        controlling=True,
        certificate=Certificate(),
        addresses=["127.0.0.1"],
        on_rtp=inbox.on_rtp,
        on_rtcp=inbox.on_rtcp,
    )
    with pytest.raises(ValueError, match="native=True"):
        peer.carry(NativeMedia(111, told=lambda _: None, opened=lambda: None))
    await peer.close()
