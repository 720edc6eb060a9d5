"""The ways in which a WebSocket ends: in good order, or torn."""

from __future__ import annotations

import contextlib
import socket
import struct

from websockets.asyncio.server import ServerConnection

#: SO_LINGER on, for 0 s: closing sends RST and drops what was not sent (RFC 9293, 3.6.1; socket(7)).
_NO_LINGER = struct.pack("ii", 1, 0)


async def close(connection: ServerConnection, code: int) -> None:
    """Close with a close frame of this code, and wait for the other side's."""
    await connection.close(code, "a fault on demand")


def reset(connection: ServerConnection) -> None:
    """Tear the TCP connection: the other side sees a reset and no close frame."""
    tcp = connection.transport.get_extra_info("socket")
    if tcp is not None:
        with contextlib.suppress(OSError):  # it is gone already
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    connection.transport.abort()
