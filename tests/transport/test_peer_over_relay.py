"""Peers that meet through a real TURN server, and one whose relay is late, missing or lost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiortc import RTCDtlsParameters, RTCIceCandidate

from loadkit.errors import TransportError
from loadkit.gateway.coturn import Coturn
from loadkit.media.rtp import RtpSource
from loadkit.transport.dtls import Certificate
from loadkit.transport.peer import HOSTS_ALONE, TURN_AS_USUAL, Peer
from loadkit.transport.relay import TurnOptions
from loadkit.transport.route import Route
from tests.conftest import TURN_SECRET
from tests.conftest import TurnServer as RunningCoturn
from tests.fakes import Footprint
from tests.transport.relays import PROTOCOLS, options_for, server_at, server_of
from tests.waiting import dead_port

CERTIFICATE = Certificate()


@pytest.fixture(autouse=True)
async def footprint() -> AsyncIterator[None]:
    footprint = Footprint()
    yield
    await footprint.assert_nothing_is_left()


class Meeting:
    """A caller with a route and a gateway with a host candidate, trickling to each other."""

    def __init__(self, route: Route, turn: TurnOptions = TURN_AS_USUAL) -> None:
        self.heard: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.caller = self._peer("caller", route, turn, controlling=True)
        self.gateway = self._peer("gateway", HOSTS_ALONE, TURN_AS_USUAL, controlling=False)
        self.candidates: list[RTCIceCandidate] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def _peer(self, name: str, route: Route, turn: TurnOptions, *, controlling: bool) -> Peer:
        return Peer(
            controlling=controlling,
            certificate=CERTIFICATE,
            addresses=["127.0.0.1"],
            route=route,
            turn=turn,
            on_rtp=lambda packet, _: self.heard.put_nowait((name, packet)),
            on_rtcp=lambda packet, _: self.heard.put_nowait((name, packet)),
        )

    def _trickle(self, candidate: RTCIceCandidate) -> None:
        self.candidates.append(candidate)
        task = asyncio.create_task(self.gateway.add_remote_candidate(candidate))
        self._tasks.add(task)

    async def _gateway_gathers(self) -> None:
        await self.gateway.gather(lambda _: None)
        for candidate in self.gateway.local_candidates:
            await self.caller.add_remote_candidate(candidate)
        # The end comes while the caller's TURN server is still being asked.
        await self.caller.add_remote_candidate(None)

    async def connect(self) -> None:
        async with asyncio.timeout(90), asyncio.TaskGroup() as tasks:
            tasks.create_task(self._gateway_gathers())
            tasks.create_task(self.caller.gather(self._trickle))
            tasks.create_task(self.caller.connect(self.gateway.ice_parameters))
            tasks.create_task(self.gateway.connect(self.caller.ice_parameters))
        fingerprints = self.caller.dtls_parameters.fingerprints
        async with asyncio.timeout(90), asyncio.TaskGroup() as tasks:
            tasks.create_task(
                self.caller.handshake(RTCDtlsParameters(fingerprints=fingerprints, role="client"))
            )
            tasks.create_task(
                self.gateway.handshake(RTCDtlsParameters(fingerprints=fingerprints, role="auto"))
            )

    async def talk(self) -> None:
        """RTP and RTCP both ways."""
        async with asyncio.timeout(60):
            for speaker, listener in ((self.caller, "gateway"), (self.gateway, "caller")):
                source = RtpSource(speaker.ssrc, 111)
                for number in range(3):
                    packet = source.packet(b"a" * number)
                    speaker.send_rtp(packet)
                    assert await self.heard.get() == (listener, packet)

    async def close(self) -> None:
        await self.caller.close()
        await self.gateway.close()


@contextlib.asynccontextmanager
async def meeting(route: Route, turn: TurnOptions = TURN_AS_USUAL) -> AsyncIterator[Meeting]:
    meeting = Meeting(route, turn)
    try:
        yield meeting
    finally:
        await meeting.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_relay_only_peer_meets_another_and_media_flows(
    turn_server: RunningCoturn, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    route = Route(host_candidates=False, turn=(server_of(turn_server, protocol),))
    async with meeting(route, options_for(turn_server, local_address="127.0.0.9")) as peers:
        await peers.connect()
        pair = peers.caller.selected_pair()
        assert pair is not None
        assert (pair.local_type, pair.remote_type, pair.relay_protocol) == ("relay", "host", protocol)
        assert pair.local_address == "127.0.0.9"
        assert [candidate.type for candidate in peers.candidates] == ["relay"]
        seen = peers.gateway.selected_pair()
        assert seen is not None
        assert (seen.local_type, seen.relay_protocol) == ("host", None)
        assert seen.remote_type in ("relay", "prflx")
        # Media comes where datagrams arrive, not through the queue of aioice.
        slow: list[bytes] = []
        monkeypatch.setattr(peers.caller._connection, "data_received", lambda data, _: slow.append(data))
        await peers.talk()
        assert slow == []
        assert peers.caller.gathering.relay_error is None


async def test_any_peer_has_every_kind_of_candidate_and_takes_the_direct_way(
    turn_server: RunningCoturn,
) -> None:
    server = server_of(turn_server, "udp")
    route = Route(stun=(server.host, server.port), turn=(server,))
    async with meeting(route, options_for(turn_server)) as peers:
        await peers.connect()
        pair = peers.caller.selected_pair()
        assert pair is not None
        assert (pair.local_type, pair.remote_type, pair.relay_protocol) == ("host", "host", None)
        assert {candidate.type for candidate in peers.candidates} == {"host", "srflx", "relay"}
        await peers.talk()


async def test_any_peer_asks_the_next_server_when_one_gives_no_relay(turn_server: RunningCoturn) -> None:
    with dead_port() as port:
        route = Route(turn=(server_at(f"turn:127.0.0.1:{port}"), server_of(turn_server, "tls")))
        async with meeting(route, options_for(turn_server)) as peers:
            await peers.connect()
            assert peers.caller.gathering.relay is not None
            assert peers.caller.gathering.relay.server.protocol == "tls"
            assert peers.caller.gathering.turn_url == turn_server.urls[2]


async def test_any_peer_goes_on_without_a_relay_and_says_why(turn_server: RunningCoturn) -> None:
    wrong = server_of(turn_server, "udp", secret="south")
    async with meeting(Route(turn=(wrong,)), options_for(turn_server)) as peers:
        await peers.connect()
        await peers.talk()
        assert peers.caller.gathering.relay_error is not None
        assert peers.caller.gathering.relay_error.code == "TURN_UNAUTHORIZED"


async def test_relay_only_peer_without_a_relay_fails_with_its_code_wherever_it_waits(
    turn_server: RunningCoturn,
) -> None:
    route = Route(host_candidates=False, turn=(server_of(turn_server, "tcp", secret="south"),))
    async with meeting(route, options_for(turn_server)) as peers, asyncio.timeout(90):
        connecting = asyncio.create_task(peers.caller.connect(peers.gateway.ice_parameters))
        with pytest.raises(TransportError) as caught:
            await peers.caller.gather(lambda _: None)
        assert caught.value.code == "TURN_UNAUTHORIZED"
        with pytest.raises(TransportError) as caught:
            await connecting
        assert caught.value.code == "TURN_UNAUTHORIZED"


async def test_pairs_that_fail_do_not_end_ice_while_a_relay_is_still_to_come(
    turn_server: RunningCoturn,
) -> None:
    """Remote candidates have ended, no pair is left: aioice alone would report a failure here."""
    route = Route(host_candidates=False, turn=(server_of(turn_server, "tls"),))
    async with meeting(route, options_for(turn_server)) as peers, asyncio.timeout(90):
        await peers.gateway.gather(lambda _: None)
        for candidate in peers.gateway.local_candidates:
            await peers.caller.add_remote_candidate(candidate)
        await peers.caller.add_remote_candidate(None)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(peers.caller.connect(peers.gateway.ice_parameters))
            tasks.create_task(peers.gateway.connect(peers.caller.ice_parameters))
            await asyncio.sleep(0)
            await peers.caller.gather(peers._trickle)
        assert peers.caller.selected_types() == ("relay", "host")


@pytest.mark.usefixtures("turn_server")
async def test_peer_whose_turn_server_ends_is_lost_and_says_so() -> None:
    coturn = Coturn(TURN_SECRET)
    coturn.start()
    try:
        server = server_at(coturn.urls[1], secret=TURN_SECRET)
        async with meeting(Route(host_candidates=False, turn=(server,)), TurnOptions(60)) as peers:
            await peers.connect()
            coturn.stop()
            async with asyncio.timeout(60):
                assert await peers.caller.lost == f"the relay is gone: the TURN server {server.url} ended it"
            peers.caller.send_rtp(RtpSource(1, 111).packet(b"to nobody"))
    finally:
        coturn.stop()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_peer_closes_while_its_relay_is_being_asked_for(
    turn_server: RunningCoturn, protocol: str
) -> None:
    for turns in range(1, 60):
        route = Route(turn=(server_of(turn_server, protocol),))
        async with meeting(route, options_for(turn_server)) as peers:
            gathering = asyncio.create_task(peers.caller.gather(lambda _: None))
            for _ in range(turns):
                await asyncio.sleep(0)
            await peers.caller.close()
            await asyncio.wait({gathering})


async def test_aborted_peer_leaves_nothing(turn_server: RunningCoturn) -> None:
    route = Route(host_candidates=False, turn=(server_of(turn_server, "tls"),))
    peers = Meeting(route, options_for(turn_server))
    await peers.connect()
    peers.caller.abort()
    await peers.close()
