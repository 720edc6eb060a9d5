"""The names of ``aioice.turn`` that loadkit's TURN client stands on, one test each, and its path for packets."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aioice import stun, turn
from aioice.ice import Connection, StunProtocol
from aioice.stun import TransactionFailed

from loadkit.transport import aioice_turn
from loadkit.transport.aioice_turn import CHANNEL_REFRESH_S, RelayTransport, TurnTcp, TurnUdp
from loadkit.transport.relay import Relay
from tests.conftest import TurnServer as RunningCoturn
from tests.fakes import Footprint
from tests.transport.relays import options_for, relay_of, server_at, server_of

SERVER = server_at("turn:127.0.0.1:9")
PEER = ("127.0.0.1", 5000)


@pytest.fixture(autouse=True)
async def footprint() -> AsyncIterator[None]:
    footprint = Footprint()
    yield
    await footprint.assert_nothing_is_left()


async def test_client_is_made_of_server_user_and_times() -> None:
    parameters = list(inspect.signature(turn.TurnClientMixin.__init__).parameters)[1:]
    assert parameters == ["server", "username", "password", "lifetime", "channel_refresh_time"], (
        "aioice's TurnClientMixin is made of other things: loadkit makes its clients with them"
    )
    assert isinstance(turn.DEFAULT_ALLOCATION_LIFETIME, int), (
        "aioice has no DEFAULT_ALLOCATION_LIFETIME: loadkit asks for so long an allocation"
    )


@pytest.mark.parametrize("kind", [TurnUdp, TurnTcp])
@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("relayed_address", "puts it into the candidate"),
        ("mapped_address", "puts it into the candidate"),
        ("refresh_task", "ends it with the relay"),
        ("receiver", "gives it what the relay received"),
        ("peer_to_channel", "sends over the channels in it"),
        ("channel_refresh_at", "refreshes channels in its place"),
    ],
)
async def test_client_has_the_attributes(kind: Any, name: str, use: str) -> None:
    assert hasattr(kind(SERVER), name), f"aioice's TURN client no longer has {name}: loadkit {use}"


@pytest.mark.parametrize("kind", [TurnUdp, TurnTcp])
@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("connect", []),
        ("delete", []),
        ("channel_bind", ["channel_number", "addr"]),
        ("send_data", ["data", "addr"]),
        ("_send", ["data"]),
        ("connection_lost", ["exc"]),
        ("datagram_received", ["data", "addr"]),
    ],
)
async def test_client_has_the_methods(kind: Any, name: str, parameters: list[str]) -> None:
    method = getattr(kind(SERVER), name, None)
    assert callable(method), f"aioice's TURN client no longer has {name}(): loadkit calls or replaces it"
    assert list(inspect.signature(method).parameters) == parameters, (
        f"aioice's TURN client takes other parameters than {parameters} in {name}()"
    )


def test_refusal_has_number_and_reason() -> None:
    response = stun.Message(message_method=stun.Method.ALLOCATE, message_class=stun.Class.ERROR)
    response.attributes["ERROR-CODE"] = (486, "Allocation Quota Reached")
    error = TransactionFailed(response)
    assert aioice_turn.server_words(error) == "486 Allocation Quota Reached"
    assert aioice_turn.server_number(error) == 486
    empty = stun.Message(message_method=stun.Method.ALLOCATE, message_class=stun.Class.ERROR)
    assert aioice_turn.server_number(TransactionFailed(empty)) is None


def test_channel_is_refreshed_before_its_permission_ends() -> None:
    # RFC 8656 section 9: five minutes.
    assert CHANNEL_REFRESH_S < 300


async def test_stun_protocol_takes_a_transport_and_a_candidate() -> None:
    client = TurnUdp(SERVER)
    client.relayed_address, client.mapped_address = ("192.0.2.1", 49152), ("192.0.2.9", 1000)
    connection = Connection(ice_controlling=True)
    shown = aioice_turn.join(connection, client, hide_related=False).local_candidate
    assert (shown.host, shown.port, shown.type, shown.component) == ("192.0.2.1", 49152, "relay", 1)
    assert (shown.related_address, shown.related_port) == ("192.0.2.9", 1000)
    hidden = aioice_turn.join(connection, client, hide_related=True)
    assert (hidden.local_candidate.related_address, hidden.local_candidate.related_port) == ("0.0.0.0", 9)
    assert client.receiver is hidden, "aioice's TURN client no longer hands what it received to its receiver"
    assert hidden.transport.get_extra_info("sockname") == ("192.0.2.1", 49152)


async def test_malformed_messages_of_a_server_raise_nothing() -> None:
    client = TurnUdp(SERVER)
    head = bytes.fromhex("0113 0008 2112a442") + bytes(12)
    for data in (b"", b"\x00", b"\x40", b"\x40\x00\x00", head + b"\x00\x09\x00\x04\x00", head + bytes(8)):
        client.datagram_received(data, PEER)
        stream = TurnTcp(SERVER)
        stream.transport = Wire()
        stream.data_received(data)


class Wire:
    """A socket's transport that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    def sendto(self, data: bytes) -> None:
        self.sent.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str) -> object:
        return PEER if name == "peername" else None


def bound(client: TurnUdp, monkeypatch: pytest.MonkeyPatch) -> tuple[RelayTransport, Wire, list[int]]:
    """A relay with a channel to PEER, and the numbers of the channels that are bound from now on."""
    wire, binds = Wire(), []
    client.transport = wire

    async def channel_bind(number: int, addr: tuple[str, int]) -> None:
        binds.append(number)

    monkeypatch.setattr(client, "channel_bind", channel_bind)
    client.peer_to_channel[PEER] = 0x4001
    return RelayTransport(client, StunProtocol(Connection(ice_controlling=True))), wire, binds


async def test_packet_over_a_bound_channel_goes_out_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    relay, wire, binds = bound(TurnUdp(SERVER), monkeypatch)
    tasks = asyncio.all_tasks()
    relay.sendto(b"media", PEER)
    assert wire.sent == [b"\x40\x01\x00\x05media"]
    assert asyncio.all_tasks() == tasks
    wire.closed = True
    relay.sendto(b"media", PEER)
    assert len(wire.sent) == 1
    assert binds == []


async def test_channel_is_refreshed_once_while_packets_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    relay, wire, binds = bound(TurnUdp(SERVER), monkeypatch)
    relay.sendto(b"1", PEER)
    later = time.monotonic() + CHANNEL_REFRESH_S + 1
    monkeypatch.setattr("loadkit.transport.aioice_turn.time.monotonic", lambda: later)
    relay.sendto(b"2", PEER)
    relay.sendto(b"3", PEER)
    assert len(wire.sent) == 3
    await asyncio.sleep(0)
    assert binds == [0x4001]


def client_of(relay: Relay) -> Any:
    transport: Any = relay.protocol.transport
    return transport._client


async def test_running_allocation_outlives_its_credential(turn_server: RunningCoturn) -> None:
    """coturn looks at the time in the user name once, at the allocation; refreshes and channels go on."""
    relay = await relay_of(server_of(turn_server, "udp", life=3), options_for(turn_server))
    client = client_of(relay)
    expiry = int(client.username.partition(":")[0])
    async with asyncio.timeout(60):
        while time.time() <= expiry + 1:  # noqa: ASYNC110 - the server's clock tells nobody
            await asyncio.sleep(0.1)
        refresh = stun.Message(message_method=stun.Method.REFRESH, message_class=stun.Class.REQUEST)
        refresh.attributes["LIFETIME"] = 600
        answer, _ = await client.request_with_retry(refresh)
        assert answer.attributes["LIFETIME"] == 600
        await client.channel_bind(0x4000, PEER)
    await relay.protocol.close()


async def test_refused_peer_is_kept_with_the_servers_words(turn_server: RunningCoturn) -> None:
    relay = await relay_of(server_of(turn_server, "udp"), options_for(turn_server))
    relay.protocol.transport.sendto(b"x", ("0.0.0.0", 7))
    async with asyncio.timeout(60):
        while relay.refusal is None:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)
    assert relay.refusal.startswith("403 ")
    await relay.protocol.close()
