"""TURN servers for tests: the real one with credentials for it, and ones that do not behave."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable

import pytest
from aioice.ice import Connection

from loadkit.errors import CODES, Stage, TransportError
from loadkit.gateway.turn import turn_credential
from loadkit.transport.relay import Relay, TurnOptions, get_relay
from loadkit.transport.route import TurnServer, read_url
from tests.conftest import TurnServer as Coturn

PROTOCOLS = ("udp", "tcp", "tls")


def server_of(coturn: Coturn, protocol: str, *, secret: str | None = None, life: float = 3600) -> TurnServer:
    """The URL of this protocol, with fresh credentials."""
    url = coturn.urls[PROTOCOLS.index(protocol)]
    return server_at(url, secret=coturn.secret if secret is None else secret, life=life)


def server_at(url: str, *, secret: str = "any", life: float = 3600) -> TurnServer:
    """Any URL, with credentials."""
    read = read_url(url)
    username = f"{int(time.time() + life)}:test"
    return TurnServer(url, read.host, read.port, read.protocol, username, turn_credential(secret, username))


def options_for(coturn: Coturn, *, timeout: float = 60, local_address: str | None = None) -> TurnOptions:
    """Options that verify the server's certificate."""
    return TurnOptions(timeout, local_address, ssl.create_default_context(cafile=coturn.authority))


async def relay_of(
    server: TurnServer, options: TurnOptions, on_lost: Callable[[], None] = lambda: None
) -> Relay:
    connection = Connection(ice_controlling=True)
    return await get_relay(connection, server, options, hide_related=True, on_lost=on_lost)


async def failure_of(server: TurnServer, options: TurnOptions) -> TransportError:
    with pytest.raises(TransportError) as caught:
        await relay_of(server, options)
    assert caught.value.stage is Stage.ICE
    assert caught.value.code in CODES
    assert server.url in caught.value.message
    assert server.credential not in repr(caught.value)
    assert server.username not in caught.value.message
    return caught.value


@contextlib.asynccontextmanager
async def tcp_server(answer: Callable[[asyncio.StreamWriter], None]) -> AsyncIterator[int]:
    """A TCP server that does one thing with each connection; gives its port."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        answer(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for writer in writers:
            writer.close()
