"""The socket that the gateway listens on, and what follows of its address."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from loadkit.gateway.tls import ServerTls
from loadkit.transport.addresses import candidate_addresses

_BACKLOG = 1024
_WILDCARDS = ("0.0.0.0", "::")
_TLS_HANDSHAKE_S = 10.0


def tls_options(tls: ServerTls | None) -> dict[str, Any]:
    """What the server is told of TLS. A client that connects and says nothing is not waited for for long."""
    return {} if tls is None else {"ssl": tls.context, "ssl_handshake_timeout": _TLS_HANDSHAKE_S}


async def listen(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def host_addresses(host: str) -> list[str]:
    """Addresses for host candidates: of every interface, loopback included, when we listen on all of them."""
    addresses = candidate_addresses(host)
    if host in _WILDCARDS:
        addresses.append("127.0.0.1")
    return addresses
