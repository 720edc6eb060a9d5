"""The ways in which a WebSocket ends: in good order, or torn."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Protocol

#: SO_LINGER on, for 0 s: closing sends RST and drops what was not sent (RFC 9293, 3.6.1; socket(7)).
_NO_LINGER = struct.pack("ii", 1, 0)


class Transport(Protocol):
    """What is under a WebSocket."""

    def get_extra_info(self, name: str) -> socket.socket | None: ...
    def abort(self) -> None: ...


class ClosableSocket(Protocol):
    """What is needed of a WebSocket to end it."""

    @property
    def transport(self) -> Transport: ...
    async def close(self, code: int, reason: str) -> None: ...


async def close(connection: ClosableSocket, code: int) -> None:
    """Close with a close frame of this code, and wait for the other side's."""
    await connection.close(code, "a fault on demand")


def reset(connection: ClosableSocket) -> None:
    """Tear the TCP connection: the other side sees a reset and no close frame."""
    tcp = connection.transport.get_extra_info("socket")
    if tcp is not None:
        with contextlib.suppress(OSError):  # it is gone already
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    connection.transport.abort()
