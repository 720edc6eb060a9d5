"""Two peers in one loop over real sockets on 127.0.0.1: ICE, DTLS and SRTP, and every way in which they end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable, Coroutine

import pytest
import uvloop
from aioice.candidate import Candidate
from aiortc import (
    RTCConfiguration,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCIceCandidate,
    RTCPeerConnection,
    RTCSessionDescription,
)
from av import AudioFrame

from loadkit.errors import Stage, TransportError
from loadkit.media.rtp import RtpSource, parse_rtp
from loadkit.media.samples import silence
from loadkit.transport.dtls import Certificate, DtlsOutcome
from loadkit.transport.peer import HOSTS_ALONE, Peer
from loadkit.transport.route import Route
from loadkit.transport.sdp import LocalDescription, read_candidate, read_sdp, write_sdp
from tests.fakes import Footprint
from tests.transport.relays import server_at

CERTIFICATE = Certificate()


class Inbox:
    """Packets that a peer received, to be waited for."""

    def __init__(self) -> None:
        self.rtp: asyncio.Queue[bytes] = asyncio.Queue()
        self.rtcp: asyncio.Queue[bytes] = asyncio.Queue()
        self.arrivals: list[float] = []

    def on_rtp(self, packet: bytes, arrival: float) -> None:
        self.arrivals.append(arrival)
        self.rtp.put_nowait(packet)

    def on_rtcp(self, packet: bytes, arrival: float) -> None:
        self.rtcp.put_nowait(packet)


def make_peer(
    *,
    controlling: bool = True,
    inbox: Inbox | None = None,
    addresses: tuple[str, ...] = ("127.0.0.1",),
    certificate: Certificate = CERTIFICATE,
    route: Route = HOSTS_ALONE,
) -> Peer:
    inbox = inbox or Inbox()
    return Peer(
        controlling=controlling,
        certificate=certificate,
        addresses=addresses,
        route=route,
        on_rtp=inbox.on_rtp,
        on_rtcp=inbox.on_rtcp,
    )


class Pair:
    """A caller and a gateway that trickle to each other without signaling."""

    def __init__(self, addresses: tuple[str, ...] = ("127.0.0.1",)) -> None:
        self.caller_inbox, self.gateway_inbox = Inbox(), Inbox()
        self.caller = make_peer(inbox=self.caller_inbox, addresses=addresses)
        self.gateway = make_peer(
            controlling=False, inbox=self.gateway_inbox, addresses=addresses, certificate=Certificate()
        )

    async def gather(self) -> None:
        for one, other in ((self.caller, self.gateway), (self.gateway, self.caller)):
            candidates: list[RTCIceCandidate] = []
            await one.gather(candidates.append)
            for candidate in candidates:
                await other.add_remote_candidate(candidate)

    async def connect(self) -> None:
        await self.gather()
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            tasks.create_task(self.caller.connect(self.gateway.ice_parameters))
            tasks.create_task(self.gateway.connect(self.caller.ice_parameters))

    def dtls_of(self, peer: Peer, role: str) -> RTCDtlsParameters:
        return RTCDtlsParameters(fingerprints=peer.dtls_parameters.fingerprints, role=role)

    async def handshake(self) -> tuple[DtlsOutcome, DtlsOutcome]:
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            caller = tasks.create_task(self.caller.handshake(self.dtls_of(self.gateway, "client")))
            gateway = tasks.create_task(self.gateway.handshake(self.dtls_of(self.caller, "auto")))
        return caller.result(), gateway.result()

    async def close(self) -> None:
        await self.caller.close()
        await self.gateway.close()


@pytest.fixture
async def footprint() -> AsyncIterator[Footprint]:
    footprint = Footprint()
    yield footprint
    await footprint.assert_nothing_is_left()


@pytest.fixture
async def pair(footprint: Footprint) -> AsyncIterator[Pair]:
    pair = Pair()
    yield pair
    await pair.close()


# Connecting


async def test_two_peers_connect_on_127_0_0_1_alone(pair: Pair) -> None:
    await pair.connect()
    assert pair.caller.selected_types() == ("host", "host")
    caller, gateway = await pair.handshake()
    assert (caller.role, gateway.role) == ("server", "client")
    assert caller.version == gateway.version
    assert caller.version.startswith("DTLS")
    assert caller.cipher == gateway.cipher
    assert caller.srtp_profile == gateway.srtp_profile
    assert caller.srtp_profile.startswith("SRTP_")
    assert [c.ip for c in pair.caller.local_candidates] == ["127.0.0.1"]
    assert not pair.caller.lost.done()


async def test_rtp_and_rtcp_arrive_byte_by_byte_both_ways(pair: Pair) -> None:
    await pair.connect()
    await pair.handshake()
    async with asyncio.timeout(60):
        for one, inbox in (
            (pair.caller, pair.gateway_inbox),
            (pair.gateway, pair.caller_inbox),
        ):
            source = RtpSource(one.ssrc, 111)
            sent = [source.packet(bytes([number]) * number) for number in range(1, 60)]
            for packet in sent:
                one.send_rtp(packet)
            assert [await inbox.rtp.get() for _ in sent] == sent
            report = struct.pack("!BBHI", 0x80, 201, 1, one.ssrc)
            one.send_rtcp(report)
            assert await inbox.rtcp.get() == report
            assert inbox.arrivals == sorted(inbox.arrivals)
    assert pair.caller.reception.refused == pair.gateway.reception.refused == 0


async def test_media_that_overtakes_the_handshake_is_kept(pair: Pair) -> None:
    await pair.connect()
    early = RtpSource(pair.gateway.ssrc, 111).packet(b"early")
    caller, gateway = pair.caller._dtls, pair.gateway._dtls
    held: list[bytes] = []
    recv = caller._transport._recv

    async def recv_until_held() -> bytes:
        # The gateway's last flight is held back until its first packet of media has come.
        data = await recv()
        if gateway.state == "connected" and not held:
            held.append(data)
            pair.gateway.send_rtp(early)
            while not pair.caller.reception.early:  # noqa: ASYNC110 - it has no event, and a turn of the loop will do
                await asyncio.sleep(0)
        return data

    caller._transport._recv = recv_until_held
    # The gateway is the DTLS server here, and so the first to be done.
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        done = tasks.create_task(pair.gateway.handshake(pair.dtls_of(pair.caller, "client")))
        tasks.create_task(pair.caller.handshake(pair.dtls_of(pair.gateway, "server")))
    assert done.result().role == "server"
    assert held
    async with asyncio.timeout(60):
        assert await pair.caller_inbox.rtp.get() == early
    assert pair.caller.reception.refused == 0


async def test_early_media_is_kept_up_to_one_second_of_it(pair: Pair) -> None:
    for _ in range(80):
        pair.caller.reception.take(b"\x80" + bytes(30))
    assert len(pair.caller.reception.early) == 50
    await pair.caller.close()


async def test_candidates_are_told_once_each(footprint: Footprint) -> None:
    peer = make_peer(addresses=("127.0.0.1", "127.0.0.1"))
    told: list[RTCIceCandidate] = []
    await peer.gather(told.append)
    assert len(told) == 2
    assert {(c.ip, c.port) for c in told} == {(c.ip, c.port) for c in peer.local_candidates}
    await peer.close()


async def test_candidates_after_the_start_of_the_checks_still_connect(pair: Pair) -> None:
    caller: list[RTCIceCandidate] = []
    gateway: list[RTCIceCandidate] = []
    await pair.caller.gather(caller.append)
    await pair.gateway.gather(gateway.append)
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(pair.caller.connect(pair.gateway.ice_parameters))
        tasks.create_task(pair.gateway.connect(pair.caller.ice_parameters))
        await asyncio.sleep(0)
        for candidate in gateway:
            await pair.caller.add_remote_candidate(candidate)
    # The gateway was told nothing: it learned the caller's address from the checks.
    assert pair.gateway.selected_types() == ("host", "prflx")


async def test_packets_on_a_socket_that_was_not_nominated_are_heard(footprint: Footprint) -> None:
    pair = Pair(addresses=("127.0.0.1", "127.0.0.1"))
    await pair.connect()
    await pair.handshake()
    nominated_pair = pair.caller.nominated()
    assert nominated_pair is not None
    nominated = nominated_pair.local_candidate.port
    (other,) = [c.port for c in pair.caller.local_candidates if c.port != nominated]
    packet = RtpSource(pair.gateway.ssrc, 111).packet(b"elsewhere")
    pair.gateway._remote_address = ("127.0.0.1", other)
    pair.gateway.send_rtp(packet)
    async with asyncio.timeout(60):
        assert await pair.caller_inbox.rtp.get() == packet
    await pair.close()


# Failures


async def test_wrong_fingerprint_is_refused(pair: Pair) -> None:
    await pair.connect()
    wrong = RTCDtlsParameters(
        fingerprints=[RTCDtlsFingerprint("sha-256", ":".join(["00"] * 32))], role="client"
    )
    async with asyncio.timeout(60):
        gateway = asyncio.create_task(pair.gateway.handshake(pair.dtls_of(pair.caller, "auto")))
        with pytest.raises(TransportError) as caught:
            await pair.caller.handshake(wrong)
        await asyncio.wait({gateway})
    assert (caught.value.stage, caught.value.code) == (Stage.DTLS, "DTLS_FAILED")
    assert caught.value.message == (
        "the DTLS handshake failed: the other side refused it, or its certificate does not match the "
        "fingerprint in its SDP"
    )
    with contextlib.suppress(TransportError):
        gateway.result()


async def test_peer_that_closes_during_the_handshake_is_a_failed_handshake(pair: Pair) -> None:
    await pair.connect()
    async with asyncio.timeout(60):
        handshake = asyncio.create_task(pair.caller.handshake(pair.dtls_of(pair.gateway, "client")))
        await pair.gateway.close()
        await pair.caller._ice.stop()
        with pytest.raises(TransportError) as caught:
            await handshake
    assert caught.value.code == "DTLS_FAILED"


@pytest.mark.parametrize("refusing", ["caller", "gateway"])
async def test_whose_certificate_is_refused_is_told_at_once(pair: Pair, refusing: str) -> None:
    await pair.connect()
    wrong = [RTCDtlsFingerprint("sha-256", ":".join(["00"] * 32))]
    to_caller, to_gateway = pair.dtls_of(pair.gateway, "client"), pair.dtls_of(pair.caller, "auto")
    if refusing == "caller":
        to_caller.fingerprints, refused = wrong, pair.gateway
    else:
        to_gateway.fingerprints, refused = wrong, pair.caller
    async with asyncio.timeout(60):
        await asyncio.gather(
            pair.caller.handshake(to_caller), pair.gateway.handshake(to_gateway), return_exceptions=True
        )
        assert await asyncio.shield(refused.lost) == "the other side closed DTLS"


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_peer_that_is_closed_while_its_sockets_are_bound_leaves_none(
    run: Callable[[Coroutine[None, None, None]], None],
) -> None:
    async def close_early() -> None:
        footprint = Footprint()
        for turns in range(60):
            peer = make_peer(addresses=("127.0.0.1", "127.0.0.2", "127.0.0.3"))
            gathering = asyncio.create_task(peer.gather(lambda _: None))
            for _ in range(turns % 12):
                await asyncio.sleep(0)
            gathering.cancel()
            await asyncio.wait({gathering})
            await peer.close()
        # uvloop closes a socket with the next turn.
        await asyncio.sleep(0)
        await footprint.assert_nothing_is_left()

    run(close_early())


async def test_all_pairs_that_fail_are_named(footprint: Footprint, monkeypatch: pytest.MonkeyPatch) -> None:
    # One try of 0.5 s instead of seven that double.
    monkeypatch.setattr("aioice.stun.RETRY_MAX", 0)
    peer, other = make_peer(), make_peer(controlling=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        await peer.gather(lambda _: None)
        await peer.add_remote_candidate(read_candidate(f"1 1 udp 2130706431 127.0.0.1 {port} typ host"))
        await peer.add_remote_candidate(None)
        async with asyncio.timeout(60):
            with pytest.raises(TransportError) as caught:
                await peer.connect(other.ice_parameters)
    assert (caught.value.stage, caught.value.code) == (Stage.ICE, "ICE_FAILED")
    assert caught.value.message == (
        "no candidate pair worked: local candidates host 127.0.0.1; remote candidates host 127.0.0.1"
    )
    await peer.close()
    await other.close()


async def test_end_without_a_candidate_is_a_failure(footprint: Footprint) -> None:
    peer = make_peer()
    await peer.gather(lambda _: None)
    await peer.add_remote_candidate(None)
    async with asyncio.timeout(60):
        with pytest.raises(
            TransportError, match=r"local candidates host 127\.0\.0\.1; remote candidates none"
        ):
            await peer.connect(peer.ice_parameters)
    await peer.close()


@pytest.mark.parametrize(
    ("addresses", "named"),
    [((), "no address at all"), (("192.0.2.1",), "192.0.2.1"), (("192.0.2.1", "2001:db8::1"), "2001:db8::1")],
)
async def test_no_address_to_bind_is_a_failure(
    footprint: Footprint, addresses: tuple[str, ...], named: str
) -> None:
    peer = make_peer(addresses=addresses)
    with pytest.raises(TransportError) as caught:
        await peer.gather(lambda _: None)
    assert (caught.value.stage, caught.value.code) == (Stage.ICE, "GATHERING_FAILED")
    assert caught.value.message.startswith("no ICE candidate could be bound on ")
    assert named in caught.value.message
    await peer.close()


@pytest.mark.parametrize("address", ["not an address", "a..b", "x" * 70])
async def test_address_that_is_none_is_a_failure(footprint: Footprint, address: str) -> None:
    peer = make_peer(addresses=(address,))
    with pytest.raises(TransportError) as caught:
        await peer.gather(lambda _: None)
    assert caught.value.code == "GATHERING_FAILED"
    await peer.close()


# Being lost


async def test_peer_is_lost_when_the_other_side_closes(pair: Pair) -> None:
    await pair.connect()
    await pair.handshake()
    await pair.gateway.close()
    async with asyncio.timeout(60):
        assert await pair.caller.lost == "the other side closed DTLS"
    pair.caller.send_rtp(RtpSource(1, 111).packet(b"too late"))


def consent_expires_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one check without an answer; not before the handshake, which a busy machine may hold up for as long."""
    monkeypatch.setattr("aioice.ice.CONSENT_FAILURES", 1)
    monkeypatch.setattr("aioice.stun.RETRY_RTO", 0.05)


async def test_peer_is_lost_when_consent_expires(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.02)
    await pair.connect()
    await pair.handshake()
    # The other side vanishes without a word.
    for protocol in pair.gateway._connection._protocols:
        protocol.datagram_received = lambda data, addr: None  # type: ignore[method-assign]
    consent_expires_soon(monkeypatch)
    async with asyncio.timeout(60):
        assert await pair.caller.lost == (
            "ICE consent expired: the other side no longer answers connectivity checks"
        )
    pair.caller.send_rtp(RtpSource(1, 111).packet(b"to a closed socket"))
    assert pair.caller.selected_types() == ("host", "host")


async def test_own_close_is_no_loss(pair: Pair) -> None:
    await pair.connect()
    await pair.handshake()
    await pair.caller.close()
    assert pair.caller.lost.cancelled()


# Garbage


async def test_garbage_and_forged_packets_do_not_end_the_call(pair: Pair) -> None:
    await pair.connect()
    await pair.handshake()
    stun = struct.pack("!HHI", 0x0001, 8, 0x2112A442) + bytes(12)
    garbage = [
        b"",
        b"\x00",
        b"\xff" * 30,
        b"\x14garbage that begins like DTLS",
        bytes([22, 254, 253]) + bytes(30),
        stun + struct.pack("!HH", 0x0024, 2) + bytes(4),  # a PRIORITY of two bytes
        stun + struct.pack("!HH", 0x0025, 0) + bytes(4),
        b"\x80",
        b"\x80\x6f",
        b"\x80\x6f" + bytes(60),
        b"\x80\xc8" + bytes(60),
        b"\x80\x6f" + bytes(3000),
        b"\x50channel data",
    ]
    (candidate,) = pair.caller.local_candidates
    forged = sum(1 for data in garbage if data[:1] == b"\x80")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for data in garbage:
            stranger.sendto(data, ("127.0.0.1", candidate.port))
    source = RtpSource(pair.gateway.ssrc, 111)
    packet = source.packet(b"after the garbage")
    pair.gateway.send_rtp(packet)
    async with asyncio.timeout(60):
        assert await pair.caller_inbox.rtp.get() == packet
        # DTLS still speaks, too: its end is heard.
        assert pair.caller.reception.refused == forged
        assert not pair.caller.lost.done()
        await pair.gateway.close()
        assert await pair.caller.lost == "the other side closed DTLS"


async def test_replayed_packet_of_another_call_is_refused(pair: Pair) -> None:
    await pair.connect()
    await pair.handshake()
    other = Pair()
    await other.connect()
    await other.handshake()
    assert other.gateway._tx is not None
    (candidate,) = pair.caller.local_candidates
    stolen = other.gateway._tx.protect(RtpSource(pair.gateway.ssrc, 111).packet(b"stolen"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(stolen, ("127.0.0.1", candidate.port))
    own = RtpSource(pair.gateway.ssrc, 111).packet(b"own")
    pair.gateway.send_rtp(own)
    async with asyncio.timeout(60):
        assert await pair.caller_inbox.rtp.get() == own
    assert pair.caller.reception.refused == 1
    await other.close()


async def test_packet_that_comes_twice_is_heard_once_and_counted(pair: Pair) -> None:
    await pair.connect()
    await pair.handshake()
    source = RtpSource(pair.gateway.ssrc, 111)
    data = pair.gateway.protect_rtp(source.packet(b"once"))
    assert data is not None
    pair.gateway.send_protected(data)
    pair.gateway.send_protected(data)
    pair.gateway.send_rtp(source.packet(b"last"))
    async with asyncio.timeout(60):
        heard = [parse_rtp(await pair.caller_inbox.rtp.get()).payload for _ in range(2)]
    assert heard == [b"once", b"last"]
    assert (pair.caller.reception.repeated, pair.caller.reception.refused) == (1, 0)


async def test_nothing_is_protected_before_the_handshake_or_sent_after_the_end(pair: Pair) -> None:
    packet = RtpSource(pair.gateway.ssrc, 111).packet(b"x")
    assert pair.gateway.protect_rtp(packet) is None
    await pair.connect()
    await pair.handshake()
    data = pair.gateway.protect_rtp(packet)
    assert data is not None
    await pair.gateway.close()
    pair.gateway.send_protected(data)


async def test_handler_that_fails_is_told_once_and_ends_nothing(
    footprint: Footprint, caplog: pytest.LogCaptureFixture
) -> None:
    pair = Pair()
    got: asyncio.Queue[bytes] = asyncio.Queue()

    def fail(packet: bytes, arrival: float) -> None:
        got.put_nowait(packet)
        raise ZeroDivisionError("a bug in the owner")

    pair.caller.reception._on_rtp = fail
    await pair.connect()
    await pair.handshake()
    source = RtpSource(pair.gateway.ssrc, 111)
    async with asyncio.timeout(60):
        for _ in range(3):
            pair.gateway.send_rtp(source.packet(b"x"))
            await got.get()
    assert pair.caller.reception.refused == 3
    assert [r.message for r in caplog.records] == ["a received packet could not be handled"]
    assert not pair.caller.lost.done()
    await pair.close()


# Closing


async def test_new_peer_closes(footprint: Footprint) -> None:
    peer = make_peer()
    await peer.close()
    await peer.close()
    assert peer.lost.cancelled()
    peer.send_rtp(b"x")
    peer.send_rtcp(b"x")


async def test_gathering_peer_closes(footprint: Footprint) -> None:
    peer = make_peer(addresses=("127.0.0.1",) * 3)
    gathering = asyncio.create_task(peer.gather(lambda _: None))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await peer.close()
    await asyncio.wait({gathering})


@pytest.mark.parametrize("scheme", ["stun", "turn"])
async def test_peer_that_waits_for_a_silent_server_closes(footprint: Footprint, scheme: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        turn = server_at(f"turn:127.0.0.1:{port}")
        route = Route(stun=("127.0.0.1", port)) if scheme == "stun" else Route(turn=(turn,))
        peer = make_peer(route=route)
        told = asyncio.Event()
        gathering = asyncio.create_task(peer.gather(lambda _: told.set()))
        async with asyncio.timeout(60):
            await told.wait()
        await peer.close()
        await asyncio.wait({gathering})


async def test_gathered_peer_closes(footprint: Footprint) -> None:
    peer = make_peer()
    await peer.gather(lambda _: None)
    await peer.close()


async def test_connecting_peer_closes(footprint: Footprint) -> None:
    peer, other = make_peer(), make_peer(controlling=False)
    await peer.gather(lambda _: None)
    connecting = asyncio.create_task(peer.connect(other.ice_parameters))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    connecting.cancel()
    await asyncio.wait({connecting})
    await peer.close()
    await other.close()


async def test_connected_peer_closes_before_the_handshake(pair: Pair) -> None:
    await pair.connect()


async def test_peer_closes_in_the_moment_in_which_a_pair_is_selected(pair: Pair) -> None:
    await pair.gather()
    async with asyncio.timeout(60):
        gateway = asyncio.create_task(pair.gateway.connect(pair.caller.ice_parameters))
        await pair.caller.connect(pair.gateway.ice_parameters)
        await pair.caller.close()
        gateway.cancel()
        await asyncio.wait({gateway})


async def test_peer_closes_during_the_handshake(pair: Pair) -> None:
    await pair.connect()
    handshake = asyncio.create_task(pair.caller.handshake(pair.dtls_of(pair.gateway, "client")))
    await asyncio.sleep(0)
    handshake.cancel()
    await asyncio.wait({handshake})
    await pair.caller.close()


async def test_both_sides_close_at_once(footprint: Footprint) -> None:
    pair = Pair()
    await pair.connect()
    await pair.handshake()
    async with asyncio.timeout(60):
        await asyncio.gather(pair.caller.close(), pair.gateway.close())


# Behind a NAT


class Nat:
    """Passes datagrams on between a caller and a gateway; each sees the NAT's address for the other's."""

    def __init__(self) -> None:
        self.outside: asyncio.DatagramTransport
        self.inside: asyncio.DatagramTransport
        self._caller: tuple[str, int] | None = None

    async def open(self, gateway: tuple[str, int]) -> int:
        """Where the caller finds the gateway: a port of the NAT."""
        nat, loop = self, asyncio.get_running_loop()

        class Inside(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                nat._caller = addr
                nat.outside.sendto(data, gateway)

        class Outside(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                nat.inside.sendto(data, nat._caller)

        self.inside, _ = await loop.create_datagram_endpoint(Inside, local_addr=("127.0.0.1", 0))
        self.outside, _ = await loop.create_datagram_endpoint(Outside, local_addr=("127.0.0.1", 0))
        return int(self.inside.get_extra_info("sockname")[1])

    def close(self) -> None:
        self.inside.close()
        self.outside.close()


@pytest.mark.parametrize(("told", "ours"), [(False, "prflx"), (True, "srflx")])
async def test_address_that_only_the_other_side_sees_has_its_own_type(
    pair: Pair, told: bool, ours: str
) -> None:
    nat = Nat()
    await pair.caller.gather(lambda _: None)
    await pair.gateway.gather(lambda _: None)
    (candidate,) = pair.gateway.local_candidates
    port = await nat.open((candidate.ip, candidate.port))
    if told:
        seen = nat.outside.get_extra_info("sockname")[1]
        line = f"1 1 udp 1 127.0.0.1 {seen} typ srflx raddr 127.0.0.1 rport 1"
        pair.caller._connection._local_candidates.append(Candidate.from_sdp(line))
    await pair.caller.add_remote_candidate(read_candidate(f"1 1 udp 1 127.0.0.1 {port} typ host"))
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(pair.caller.connect(pair.gateway.ice_parameters))
        tasks.create_task(pair.gateway.connect(pair.caller.ice_parameters))
    assert pair.caller.selected_types() == (ours, "host")
    assert pair.gateway.selected_types() == ("prflx", "prflx")
    nat.close()


# The outside witness


async def test_aiortc_itself_hears_our_rtp_and_we_hear_its(footprint: Footprint) -> None:
    inbox = Inbox()
    peer = make_peer(inbox=inbox, addresses=("127.0.0.1",))
    witness = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        await peer.gather(lambda _: None)
        offer = LocalDescription(
            ice=peer.ice_parameters,
            dtls=peer.dtls_parameters,
            ssrc=peer.ssrc,
            cname=peer.cname,
            candidates=peer.local_candidates,
            candidates_complete=True,
        )
        await witness.setRemoteDescription(RTCSessionDescription(sdp=write_sdp(offer, "offer"), type="offer"))
        (track,) = [receiver.track for receiver in witness.getReceivers()]
        from aiortc.mediastreams import AudioStreamTrack

        witness.addTrack(AudioStreamTrack())
        await witness.setLocalDescription(await witness.createAnswer())
        remote = read_sdp(witness.localDescription.sdp)
        async with asyncio.timeout(60):
            for candidate in remote.candidates:
                await peer.add_remote_candidate(candidate)
            await peer.connect(remote.ice)
            outcome = await peer.handshake(remote.dtls)
            assert outcome.role in ("client", "server")
            source = RtpSource(peer.ssrc, remote.payload_type)

            async def speak() -> None:
                while True:
                    peer.send_rtp(source.packet(silence()))
                    await asyncio.sleep(0.02)

            speaking = asyncio.create_task(speak())
            frame = await track.recv()
            assert isinstance(frame, AudioFrame)
            assert frame.sample_rate == 48_000
            heard = parse_rtp(await inbox.rtp.get())
            assert heard.payload_type == remote.payload_type
            assert heard.ssrc == remote.ssrc
            speaking.cancel()
    finally:
        await witness.close()
        await peer.close()
    # aiortc ends its decoder threads on its own time; its tasks must be gone all the same.
    await asyncio.sleep(0)
