"""Host and server-reflexive candidates over sockets of our own, as aioice gathers them over the loop's."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence

from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aioice.ice import Connection, StunProtocol, server_reflexive_candidate

from loadkit.transport import aiortc_internals as internals
from loadkit.transport.datagrams import DatagramPoll

logger = logging.getLogger(__name__)

#: How long STUN servers are waited for, as in aioice.
_STUN_S = 5.0
_COMPONENT = 1


async def gather_hosts(connection: Connection, addresses: Sequence[str], poll: DatagramPoll) -> None:
    """Bind a socket to each address, and ask the connection's STUN server for what it sees of those on IPv4."""
    internals.gathering_begins(connection)
    try:
        for address in addresses:
            try:
                _open_host(connection, await _numeric(address), poll)
            except OSError as exc:
                logger.info("could not bind to %s: %s", address, exc)
    finally:
        poll.settle()
    if connection.stun_server is not None:
        await _ask_stun_server(connection, connection.stun_server)
    internals.gathering_ends(connection)


async def _numeric(address: str) -> str:
    """An address as it is; of a name, the first that it stands for."""
    if ":" in address or address.replace(".", "").isdigit():
        return address
    found = await asyncio.get_running_loop().getaddrinfo(address, 0, type=socket.SOCK_DGRAM)
    return str(found[0][4][0])


def _open_host(connection: Connection, address: str, poll: DatagramPoll) -> None:
    protocol = StunProtocol(connection)
    host, port = poll.open(address, protocol).get_extra_info("sockname")[:2]
    protocol.local_candidate = Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=_COMPONENT,
        transport="udp",
        priority=candidate_priority(_COMPONENT, "host"),
        host=host,
        port=port,
        type="host",
    )
    internals.add_socket(connection, protocol)


async def _ask_stun_server(connection: Connection, server: tuple[str, int]) -> None:
    """Whatever goes wrong, there are the host candidates."""
    asking = [
        asyncio.create_task(server_reflexive_candidate(protocol, server))
        for protocol in internals.bound_protocols(connection)
        if protocol.local_candidate.type == "host" and ":" not in protocol.local_candidate.host
    ]
    if not asking:
        return
    try:
        done, _ = await asyncio.wait(asking, timeout=_STUN_S)
    finally:
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)
    for task in done:
        if task.exception() is None:
            internals.add_candidate(connection, task.result()[0])
