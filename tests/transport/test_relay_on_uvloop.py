"""Relays on uvloop, which engines run on, and whose errors are other ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

import pytest
import uvloop

from loadkit.transport.relay import TurnOptions
from tests.conftest import TurnServer as RunningCoturn
from tests.transport.relays import (
    PROTOCOLS,
    failure_of,
    options_for,
    relay_of,
    server_at,
    server_of,
    tcp_server,
)
from tests.waiting import dead_port


def on_uvloop(scenario: Callable[[], Coroutine[object, object, None]]) -> None:
    async def within_time() -> None:
        async with asyncio.timeout(120):
            await scenario()

    uvloop.run(within_time())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_uvloop_relays_packets(turn_server: RunningCoturn, protocol: str) -> None:
    async def scenario() -> None:
        options = options_for(turn_server, local_address="127.0.0.8")
        relay = await relay_of(server_of(turn_server, protocol), options)
        heard: asyncio.Queue[bytes] = asyncio.Queue()

        class Other(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                heard.put_nowait(data)

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            Other, local_addr=("127.0.0.1", 0)
        )
        for number in range(3):
            relay.protocol.transport.sendto(bytes([0x80, number]), transport.get_extra_info("sockname"))
            assert await heard.get() == bytes([0x80, number])
        assert relay.local_address == "127.0.0.8"
        transport.close()
        await relay.protocol.close()

    on_uvloop(scenario)


def test_uvloop_tells_failures_apart(turn_server: RunningCoturn) -> None:
    async def scenario() -> None:
        options = options_for(turn_server, timeout=3600)
        with dead_port() as port:
            dead = f"127.0.0.1:{port}"
            for url in (f"turn:{dead}", f"turn:{dead}?transport=tcp", f"turns:{dead}"):
                error = await failure_of(server_at(url), options)
                assert (error.code, error.message[-18:]) == ("TURN_UNREACHABLE", "connection refused")
        for protocol in PROTOCOLS:
            error = await failure_of(server_of(turn_server, protocol, secret="south"), options)
            assert error.code == "TURN_UNAUTHORIZED"
        assert (await failure_of(server_of(turn_server, "tls"), TurnOptions(3600))).code == "TURN_TLS"
        async with tcp_server(lambda writer: writer.close()) as port:
            error = await failure_of(server_at(f"turns:127.0.0.1:{port}"), options)
            assert error.code == "TURN_TLS"
        async with tcp_server(lambda writer: None) as port:
            error = await failure_of(server_at(f"turns:127.0.0.1:{port}"), TurnOptions(0.3))
            assert error.code == "TURN_TLS"

    on_uvloop(scenario)
