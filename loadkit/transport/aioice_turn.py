"""A TURN client out of the parts of ``aioice.turn``, as far as loadkit stands on their names.

``tests/transport/test_aioice_turn.py`` has a test per name. Why not ``aioice.turn.create_turn_endpoint``: it binds
to no local address, cannot tell a refusal from silence, makes a task of every packet, waits for a minute when
an allocation is deleted at a dead server, and refreshes channels after the permission in them has ended.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections.abc import Callable, Coroutine
from typing import Any

from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aioice.ice import Connection, StunProtocol
from aioice.stun import TransactionError, TransactionFailed, TransactionTimeout
from aioice.turn import (
    DEFAULT_ALLOCATION_LIFETIME,
    TurnClientMixin,
    TurnClientTcpProtocol,
    TurnClientUdpProtocol,
)

from loadkit.transport.route import TurnServer

__all__ = ["RelayTransport", "TransactionError", "TransactionFailed", "TransactionTimeout", "TurnClient"]

logger = logging.getLogger(__name__)

#: RFC 8656: a channel lasts for ten minutes, but the permission in it for five.
CHANNEL_REFRESH_S = 240.0
#: How long the deletion of an allocation, and the closing of the socket, may take.
_DELETE_S = 1.0
_CLOSE_S = 0.5

_CHANNEL_HEADER = struct.Struct("!HH")


class _Watched(TurnClientMixin):
    """A client that tells at once when its server is gone, and survives what a server may send."""

    transport: Any

    def __init__(self, server: TurnServer) -> None:
        super().__init__(
            (server.host, server.port),
            username=server.username,
            password=server.credential,
            lifetime=DEFAULT_ALLOCATION_LIFETIME,
            channel_refresh_time=int(CHANNEL_REFRESH_S),
        )
        #: Resolved when the socket cannot be used any more, with the system's reason if there is one.
        self.gone: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        #: Called when the socket is gone although nobody closed it.
        self.on_lost: Callable[[], None] | None = None

    def datagram_received(self, data: Any, addr: Any) -> None:
        try:
            super().datagram_received(data, addr)
        except Exception:
            # Raised here, it would end the socket; aioice raises struct.error at malformed attributes.
            logger.debug("a datagram of a TURN server could not be read", exc_info=True)

    def connection_lost(self, exc: Exception | None) -> None:
        self.tell_gone(exc)
        # First: what ends the transport makes DTLS believe that the other side has closed it.
        if self.on_lost is not None:
            self.on_lost()
        super().connection_lost(exc)

    def tell_gone(self, exc: Exception | None) -> None:
        """The socket cannot be used any more."""
        if not self.gone.done():
            self.gone.set_result(exc)

    def abort(self) -> None:
        """Close the socket at once, and ask for nothing any more."""
        self.on_lost = None
        if self.refresh_task is not None:
            self.refresh_task.cancel()
        self.transport.abort()

    async def allocate(self) -> None:
        """Ask for a relay; its address is ``relayed_address`` then.

        :raises TransactionError: the server refused, or did not answer for a minute.
        :raises OSError: the socket is gone, or what came was no answer to the question.
        """
        asking = asyncio.ensure_future(self.connect())
        try:
            waits: set[asyncio.Future[Any]] = {asking, self.gone}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise self.gone.result() or ConnectionResetError("the server closed the connection")
            asking.result()
        finally:
            if not asking.done():
                asking.cancel()
                await asyncio.wait({asking})


class TurnUdp(_Watched, TurnClientUdpProtocol):
    """Over UDP."""

    def error_received(self, exc: Exception) -> None:
        """ICMP: nobody listens there. Afterwards it is for the consent checks to say whether it lasts."""
        if self.relayed_address is None:
            self.tell_gone(exc)


class TurnTcp(_Watched, TurnClientTcpProtocol):
    """Over TCP, with or without TLS."""


TurnClient = TurnUdp | TurnTcp


class RelayTransport:
    """Sends through an allocation; takes the place of a UDP socket's transport under aioice."""

    def __init__(self, client: TurnClient, receiver: StunProtocol) -> None:
        #: Why the server refused the last channel or refresh, with its number; None when it did not.
        self.refusal: str | None = None
        self._client = client
        self._receiver = receiver
        self._channels: dict[Any, _Channel] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False
        client.receiver = receiver

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """``sockname`` is the relayed address."""
        return self._client.relayed_address if name == "sockname" else default

    def is_closing(self) -> bool:
        """Whether it was closed or its server is gone."""
        return self._closing or bool(self._client.transport.is_closing())

    def sendto(self, data: bytes, addr: tuple[str, int]) -> None:
        """Send over the channel to ``addr``; the first packet binds it."""
        if self.is_closing():
            return
        channel = self._channels.get(addr) or self._bound_channel(addr)
        if channel is None:
            self._spawn(self._client.send_data(data, addr))
            return
        now = time.monotonic()
        if now > channel.refresh_at:
            # The channel is still good while it is being refreshed.
            channel.refresh_at = now + CHANNEL_REFRESH_S
            self._spawn(self._client.channel_bind(channel.number, addr))
        self._client._send(_CHANNEL_HEADER.pack(channel.number, len(data)) + data)

    def close(self) -> None:
        """Delete the allocation and close the socket; ``connection_lost`` follows."""
        if not self._closing:
            self._closing = True
            self._client.on_lost = None
            self._closed = asyncio.create_task(self._close())

    def abort(self) -> None:
        """Close the socket at once; the server keeps the allocation until its time is over."""
        self._closing = True
        self._client.abort()

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(_DELETE_S):
                await self._client.delete()
        except (TimeoutError, OSError, TransactionError) as exc:
            logger.debug("an allocation was not deleted: %r", exc)
        for task in self._tasks:
            task.cancel()
        await asyncio.wait({self._client.gone}, timeout=_CLOSE_S)
        self._client.transport.abort()

    def _bound_channel(self, addr: tuple[str, int]) -> _Channel | None:
        number = self._client.peer_to_channel.get(addr)
        if number is None:
            return None
        channel = self._channels[addr] = _Channel(number, time.monotonic() + CHANNEL_REFRESH_S)
        return channel

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if isinstance(error, TransactionFailed):
            self.refusal = server_words(error)
        logger.debug("sending through a relay failed: %r", error)


class _Channel:
    """A bound channel."""

    __slots__ = ("number", "refresh_at")

    def __init__(self, number: int, refresh_at: float) -> None:
        self.number = number
        self.refresh_at = refresh_at


def server_words(error: TransactionFailed) -> str:
    """The server's number and reason: ``401 Unauthorized``."""
    number, reason = error.response.attributes.get("ERROR-CODE", (0, "no error code"))
    return f"{number} {reason}"[:100].strip()


def server_number(error: TransactionFailed) -> int | None:
    """The server's number (RFC 8656 section 19); None when there is none."""
    found = error.response.attributes.get("ERROR-CODE")
    return int(found[0]) if found else None


def join(connection: Connection, client: TurnClient, *, hide_related: bool) -> StunProtocol:
    """A relay as one more socket of an ICE connection, with its candidate; not yet among the connection's.

    :param hide_related: RFC 9429 section 3.5.3: a call that is to use relays only does not tell its own address.
    """
    assert client.relayed_address is not None and client.mapped_address is not None
    protocol = StunProtocol(connection)
    protocol.connection_made(RelayTransport(client, protocol))  # type: ignore[arg-type]
    host, port = client.relayed_address
    nowhere = ("::" if ":" in host else "0.0.0.0", 9)
    related = nowhere if hide_related else client.mapped_address
    protocol.local_candidate = Candidate(
        foundation=candidate_foundation("relay", "udp", host),
        component=1,
        transport="udp",
        priority=candidate_priority(1, "relay"),
        host=host,
        port=port,
        type="relay",
        related_address=related[0],
        related_port=related[1],
    )
    return protocol
