"""Whole calls over a path and from an address, against a gateway that follows a script and a real TURN server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from loadkit.call.lifetime import CallEnded
from loadkit.gateway.turn import turn_credential
from loadkit.media.samples import silence
from loadkit.records import CallRecord, Outcome, to_row
from tests.call.test_session import assert_failed, caller_of, echo
from tests.conftest import TurnServer
from tests.fakes import Footprint, ScriptedGateway


@pytest.fixture(autouse=True)
async def nothing_is_left() -> AsyncIterator[None]:
    silence()
    footprint = Footprint()
    yield
    async with asyncio.timeout(20):
        await footprint.assert_nothing_is_left()


def ice_servers(urls: tuple[str, ...], secret: str, *more: dict[str, Any], life: float = 3600) -> str:
    username = f"{int(time.time() + life)}:test"
    entry = {"urls": list(urls), "username": username, "credential": turn_credential(secret, username)}
    return json.dumps({"iceServers": [*more, entry]})


async def record_of(
    gateway: ScriptedGateway, authority: TurnServer | None = None, **settings: Any
) -> CallRecord:
    """A call that lasts until something was heard, or fails."""
    context = ssl.create_default_context(cafile=authority.authority) if authority else None
    async with asyncio.timeout(60), gateway, caller_of(gateway, **settings) as caller:
        caller.context = replace(caller.context, ssl_context=context)
        call = caller.call()
        with contextlib.suppress(CallEnded):
            await call.wait_connected()
            while not call.so_far().packets_received:
                await call.script.pause(0.02)
            call.hang_up(Outcome.COMPLETED)
        record = await caller.end()
    # The user name of the credentials, and with it the credentials.
    assert ":test" not in json.dumps(to_row(record))
    return record


@pytest.mark.parametrize("protocol", ["udp", "tcp", "tls"])
async def test_call_over_a_relay_records_its_path(turn_server: TurnServer, protocol: str) -> None:
    gateway = ScriptedGateway(echo, ice_servers=ice_servers(turn_server.urls, turn_server.secret))
    record = await record_of(
        gateway, authority=turn_server, ice_path=f"relay-{protocol}", local_address="127.0.0.4"
    )
    assert record.outcome == Outcome.COMPLETED, record.error_message
    assert (record.ice_path, record.local_candidate_type) == (f"relay-{protocol}", "relay")
    assert (record.relay_protocol, record.remote_candidate_type) == (protocol, "host")
    assert record.turn_url == turn_server.urls[("udp", "tcp", "tls").index(protocol)]
    assert record.relay_ms is not None and record.relay_ms > 0
    assert (record.turn_error, record.ice_servers_left_out) == (None, 0)
    assert record.local_address == "127.0.0.4"
    assert record.packets_received
    # What the gateway is told names no address of the caller's but the relay's.
    told = [message["data"]["candidate"] for message in gateway.of_kind("ice-candidate")]
    assert len([line for line in told if line]) == 1
    assert " typ relay raddr 0.0.0.0 rport 9" in told[0]
    assert {address for _, address in gateway.callers} == {"127.0.0.4"}
    assert [path for path, _ in gateway.callers] == ["/api/v1/ice-servers", "/api/v1/webrtc/signal"]


async def test_call_of_any_path_goes_on_without_a_relay_and_records_why(turn_server: TurnServer) -> None:
    gateway = ScriptedGateway(echo, ice_servers=ice_servers(turn_server.urls[:1], "south"))
    record = await record_of(gateway, ice_path="any")
    assert record.outcome == Outcome.COMPLETED, record.error_message
    assert (record.local_candidate_type, record.relay_protocol, record.relay_ms) == ("host", None, None)
    assert record.turn_error is not None
    assert "it did not accept the credentials (401 Unauthorized)" in record.turn_error
    assert record.local_address == "127.0.0.1"


async def test_direct_call_asks_no_turn_server(turn_server: TurnServer) -> None:
    gateway = ScriptedGateway(echo, ice_servers=ice_servers(turn_server.urls, turn_server.secret))
    record = await record_of(gateway, ice_path="direct")
    assert record.outcome == Outcome.COMPLETED
    assert (record.turn_url, record.relay_ms, record.turn_error) == (None, None, None)


@pytest.mark.parametrize("path", ["any", "direct"])
async def test_stun_server_on_loopback_is_asked(turn_server: TurnServer, path: str) -> None:
    stun = {"urls": f"stun:127.0.0.1:{turn_server.coturn.ports.plain}"}
    gateway = ScriptedGateway(echo, ice_servers=json.dumps({"iceServers": [stun]}))
    record = await record_of(gateway, ice_path=path)
    assert record.outcome == Outcome.COMPLETED
    told = [message["data"]["candidate"] for message in gateway.of_kind("ice-candidate")]
    assert any(" typ srflx " in line for line in told)
    assert record.local_candidates == 2


@pytest.mark.parametrize(
    ("path", "secret", "life", "code"),
    [
        ("relay-udp", "south", 3600, "TURN_UNAUTHORIZED"),
        ("relay-tcp", "north", -60, "TURN_UNAUTHORIZED"),
        ("relay-tls", "north", 3600, "TURN_TLS"),
    ],
)
async def test_call_that_gets_no_relay_fails_with_its_code(
    turn_server: TurnServer, path: str, secret: str, life: float, code: str
) -> None:
    gateway = ScriptedGateway(echo, ice_servers=ice_servers(turn_server.urls, secret, life=life))
    # No authority is given.
    record = await record_of(gateway, ice_path=path, turn_timeout=3600)
    assert_failed(record, "ice", code)
    assert record.turn_error == record.error_message


async def test_silent_turn_server_fails_the_call_after_its_own_time() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"turn:127.0.0.1:{silent.getsockname()[1]}"
        gateway = ScriptedGateway(echo, ice_servers=ice_servers((url,), "any"))
        # All other times are longer than the test may take.
        record = await record_of(
            gateway, ice_path="relay-udp", turn_timeout=0.5, ice_timeout=3600, connect_timeout=3600
        )
    assert_failed(record, "ice", "TURN_UNREACHABLE")
    assert record.error_message == f"no relay from {url}: no answer within 0.5 s"


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        ("no", 401, "the gateway's ICE servers could not be had: HTTP 401"),
        ('{"iceServers": []}', 200, "it named no TURN server at all"),
        (ice_servers(("turn:turn.example",), "s"), 200, "1 of its URLs are not used"),
    ],
)
async def test_gateway_that_names_no_server_for_the_path_fails_the_call_before_the_offer(
    answer: str, status: int, reason: str
) -> None:
    gateway = ScriptedGateway(echo, ice_servers=answer, ice_status=status)
    record = await record_of(gateway, ice_path="relay-udp")
    assert_failed(record, "ice", "TURN_UNREACHABLE")
    assert reason in str(record.error_message)
    assert gateway.lines == 0
