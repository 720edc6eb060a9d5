"""A call that nobody watches pays nothing for it; one that is watched tells each thing once, in its order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from loadkit.call.context import make_context
from loadkit.call.destination import Destination
from loadkit.call.observer import NOBODY, CallObserver
from loadkit.call.session import CallSession
from loadkit.call.spec import CallSpec
from loadkit.call.timeline import Timeline
from loadkit.media.clock import MediaClock
from loadkit.records import Outcome
from loadkit.settings import make_settings
from loadkit.signaling.client import connect_without_redirects
from loadkit.signaling.ice_servers import IceServer
from loadkit.transport.dtls import DtlsOutcome
from loadkit.transport.peer import Peer
from loadkit.transport.reception import PacketHandler
from loadkit.transport.sdp import RemoteDescription
from tests.fakes import CERTIFICATE, Line, ScriptedGateway


def test_what_handles_packets_and_candidates_is_left_as_it_is_when_nobody_watches() -> None:
    def packets(_packet: bytes, _arrival: float) -> None: ...

    def candidates(_candidate: object) -> None: ...

    assert NOBODY.packets(packets) is packets
    assert NOBODY.local_candidates(candidates) is candidates
    assert NOBODY.connect() is connect_without_redirects, "a redirect would take the token to another host"


def test_the_first_mark_of_a_name_is_told_and_no_other() -> None:
    told: list[tuple[str, float]] = []
    timeline = Timeline(0.0, lambda name, at: told.append((name, at)))
    for at in (1.0, 2.0):
        timeline.mark("first_packet", at)
    assert told == [("first_packet", 1.0)]


class Watcher(CallObserver):
    def __init__(self) -> None:
        self.told: list[str] = []
        self.heard = asyncio.Event()

    def marked(self, name: str, at: float) -> None:
        self.told.append(name)

    def ice_servers(self, servers: Sequence[IceServer]) -> None:
        self.told.append(f"ice servers {len(servers)}")

    def answer(self, remote: RemoteDescription, session_id: str | None) -> None:
        self.told.append(f"answer {session_id}")

    def pair_selected(self, peer: Peer) -> None:
        pair = peer.nominated()
        assert pair is not None
        local, remote = pair.local_candidate, pair.remote_candidate
        self.told.append(f"{local.type} {local.host} {remote.type} {remote.host}")

    def dtls(self, outcome: DtlsOutcome) -> None:
        self.told.append(f"dtls {outcome.role}")

    def packets(self, handler: PacketHandler) -> PacketHandler:
        def received(packet: bytes, arrival: float) -> None:
            handler(packet, arrival)
            self.heard.set()

        return received


async def test_a_call_tells_its_observer_what_happens_and_how_its_media_do() -> None:
    async def echo(line: Line) -> None:
        await line.take_call()
        await line.listen()

    settings, clock, watcher = make_settings({"auth_token": "a-token"}), MediaClock(), Watcher()
    servers = '{"iceServers": [{"urls": "stun:192.0.2.1:9"}]}'
    async with (
        asyncio.timeout(60),
        ScriptedGateway(echo, ice_servers=servers) as gateway,
    ):
        destination = Destination.of(f"ws://{gateway.address}", settings)
        context = make_context(settings, destination, certificate=CERTIFICATE, clock=clock)
        session = CallSession(CallSpec(intended=time.monotonic()), context, watcher)
        assert session.so_far().packets_sent is None
        running = asyncio.create_task(session.run())
        await session.wait_connected()
        await watcher.heard.wait()
        assert session.so_far().packets_received
        session.hang_up(Outcome.COMPLETED)
        record, _ = await running
        clock.close()
    assert record.outcome == Outcome.COMPLETED
    in_order = [
        "started",
        "ice_servers_asked",
        "ice_servers_had",
        "ice servers 1",
        "websocket_open",
        "offer_sent",
        "answer_received",
        "answer session-1",
        "answer_applied",
        "pair_selected",
        "host 127.0.0.1 host 127.0.0.1",
        "dtls_done",
        "dtls server",
        "ended",
    ]
    assert [name for name in watcher.told if name in in_order] == in_order
    assert {"gathering_started", "gathered", "first_packet"} <= set(watcher.told)
