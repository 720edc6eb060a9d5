"""One WebSocket of a client: how fast it may speak, which token it has shown, since when it is idle."""

from __future__ import annotations

import asyncio
import enum
import time
from collections.abc import Awaitable

from websockets.asyncio.server import ServerConnection

from loadkit.gateway.endpoints import token_of

#: So many times the permitted rate is no longer a mistake: the socket is closed.
FLOOD = 10
_WINDOW_S = 1.0
#: How long a client may leave unread what it is sent.
_UNREAD_S = 10.0


class Verdict(enum.Enum):
    """What becomes of one message."""

    READ = enum.auto()
    REFUSED = enum.auto()
    """The first in its second that is too many: the client is told."""
    IGNORED = enum.auto()
    """One of those that follow it: not read, and no ``error`` for each, which would answer a flood by a flood."""
    FLOOD = enum.auto()
    """Ten times too many: the socket is closed."""


class MessageRate:
    """Counts messages by seconds that begin with a message; ``now`` is monotonic seconds.

    :param limit: messages that are read in one of them.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._count = 0
        self._since = float("-inf")

    def take(self, now: float) -> Verdict:
        """Count one message."""
        if now - self._since >= _WINDOW_S:
            self._since, self._count = now, 0
        self._count += 1
        if self._count <= self.limit:
            return Verdict.READ
        if self._count > FLOOD * self.limit:
            return Verdict.FLOOD
        return Verdict.REFUSED if self._count == self.limit + 1 else Verdict.IGNORED


class ClientSocket:
    """One WebSocket, from its upgrade to its end.

    :param max_messages_per_second: see :class:`MessageRate`.
    """

    def __init__(self, connection: ServerConnection, max_messages_per_second: int) -> None:
        self.connection = connection
        self.rate = MessageRate(max_messages_per_second)
        #: The token shown last: at the upgrade, by an offer, or by any other message. None when none was.
        self.token: str | None = token_of(connection.request) if connection.request else None
        #: When it was opened, or the last of its sessions ended, on the monotonic clock.
        self.idle_since = time.monotonic()

    async def send(self, message: str, /) -> None:
        """Send one text frame; a socket whose client does not read is torn down.

        :raises websockets.exceptions.ConnectionClosed: the socket is gone.
        """
        await self._unless_unread(self.connection.send(message))

    async def close(self, code: int, reason: str) -> None:
        """Close the socket.

        :raises websockets.exceptions.ConnectionClosed: its client does not read, and it was torn down.
        """
        await self._unless_unread(self.connection.close(code, reason))

    async def _unless_unread(self, step: Awaitable[None]) -> None:
        """Do what waits for the client to read, for so long.

        websockets waits for ever, in the pings of its keepalive too: a client that never reads would keep its
        socket, and whoever sends over it, for as long as its TCP stack answers.
        """
        try:
            async with asyncio.timeout(_UNREAD_S):
                await step
        except TimeoutError:
            self.connection.transport.abort()
            await self.connection.wait_closed()
            # What this raises says how the socket ended.
            await self.connection.ping()
