"""UDP sockets of all peers of a process, read through one epoll object.

A transport of the event loop costs each packet a callback of its own, run in a context, and a turn through layers
that know of streams, too. Here the loop watches one descriptor; when it is readable, all sockets that have
something are read in one go until they are empty, up to a bound, so that sending is not held up. The compiled
module reads them the same way, without a turn through Python for RTP: :mod:`~loadkit.transport.native_poll`.
"""

from __future__ import annotations

import asyncio
import logging
import select
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar, cast

logger = logging.getLogger(__name__)

#: How often the sockets that have something are read in one go, one datagram each. More than one turn finds something
#: only where datagrams come in flights, as in a handshake, or the loop is late; it has to read then as much as the
#: clock sends to catch up, or datagrams heap up in the sockets for as long as the loop has no time to spare.
_TURNS = 8
#: What aioice gives its own sockets.
_RECEIVE_BUFFER = 262_144
#: No datagram of ICE, DTLS or SRTP is longer than an Ethernet frame; room for 64 kB would cost each of them as
#: much as a third of its reading.
_LARGEST = 2048


class PolledSocket(asyncio.DatagramTransport):
    """One UDP socket; as a transport of asyncio, but that nothing a socket says raises: ``ECONNREFUSED`` and a full
    buffer lose one packet, as the network does."""

    def __init__(self, poll: DatagramPoll, sock: socket.socket, protocol: asyncio.DatagramProtocol) -> None:
        super().__init__({"socket": sock, "sockname": sock.getsockname()})
        self.socket = sock
        self.protocol = protocol
        #: What the poll knows it by.
        self.number = -1
        self._poll = poll
        self._closing = False

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send one datagram; dropped when closed."""
        if self._closing or addr is None:
            return
        try:
            self.socket.sendto(data, addr)
        except OSError as exc:
            self.protocol.error_received(exc)

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self._closing

    def close(self) -> None:
        """Close at once; the protocol is told with the next turn of the loop."""
        if self._closing:
            return
        self._closing = True
        self._poll.forget(self)
        self.socket.close()
        asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    def abort(self) -> None:
        """As :meth:`close`: nothing waits to be sent."""
        self.close()

    def received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        """Hand one datagram to the protocol, whatever it does with it."""
        try:
            self.protocol.datagram_received(data, addr)
        except Exception:
            logger.exception("a datagram could not be handled")


class DatagramPoll(ABC):
    """The sockets of one event loop; its descriptor is open while there is a socket."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._watched = -1
        #: Called once there is nothing left to watch.
        self.on_idle: Callable[[], None] = lambda: None

    def open(self, address: str, protocol: asyncio.DatagramProtocol) -> PolledSocket:
        """Bind a socket to any free port of a numeric address.

        :raises OSError: it cannot be bound.
        """
        family, kind, number, _, local = socket.getaddrinfo(
            address, 0, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
        )[0]
        sock = socket.socket(family, kind | getattr(socket, "SOCK_NONBLOCK", 0), number)
        try:
            sock.bind(local)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            opened = PolledSocket(self, sock, protocol)
            self.watch(opened)
        except BaseException:
            sock.close()
            raise
        protocol.connection_made(opened)
        return opened

    @abstractmethod
    def watch(self, opened: PolledSocket) -> None:
        """Read from a socket from now on."""

    @abstractmethod
    def forget(self, closing: PolledSocket) -> None:
        """Read from it no more; it is closed next."""

    @abstractmethod
    def drain(self) -> None:
        """Read what has come."""

    @abstractmethod
    def settle(self) -> None:
        """Close the descriptor when there is nothing left that it is for."""

    def _watch_descriptor(self, descriptor: int) -> None:
        if self._watched < 0:
            self._watched = descriptor
            self._loop.add_reader(descriptor, self.drain)

    def _unwatch_descriptor(self) -> None:
        if self._watched >= 0:
            self._loop.remove_reader(self._watched)
            self._watched = -1
        self.on_idle()


class EpollPoll(DatagramPoll):
    """In Python."""

    def __init__(self) -> None:
        super().__init__()
        self._epoll = select.epoll()
        self._sockets: dict[int, PolledSocket] = {}

    def watch(self, opened: PolledSocket) -> None:
        """Read from a socket from now on."""
        opened.number = opened.socket.fileno()
        self._epoll.register(opened.number, select.EPOLLIN)
        self._sockets[opened.number] = opened
        self._watch_descriptor(self._epoll.fileno())

    def forget(self, closing: PolledSocket) -> None:
        """Read from it no more."""
        if self._sockets.pop(closing.number, None) is None:
            return
        self._epoll.unregister(closing.number)
        self.settle()

    def settle(self) -> None:
        """Close the epoll object when there is no socket left."""
        if not self._sockets:
            self._unwatch_descriptor()
            self._epoll.close()

    def drain(self) -> None:
        """Read what has come."""
        sockets = self._sockets
        for _ in range(_TURNS):
            # A handler may have closed the last of them, and the epoll object with it.
            found = self._epoll.poll(0, len(sockets)) if sockets else []
            if not found:
                return
            for descriptor, _ in found:
                # A handler may have closed it, and another may have got its number: that one has nothing to read.
                ready = sockets.get(descriptor)
                if ready is not None:
                    self._read(ready)

    @staticmethod
    def _read(ready: PolledSocket) -> None:
        try:
            data, addr = ready.socket.recvfrom(_LARGEST)
        except BlockingIOError:
            return
        except OSError as exc:
            ready.protocol.error_received(exc)
            return
        ready.received(data, addr)


class _Polls:
    """The polls of each event loop that has any."""

    def __init__(self) -> None:
        self._polls: dict[tuple[asyncio.AbstractEventLoop, type[DatagramPoll]], DatagramPoll] = {}

    def get(self, kind: type[DatagramPoll]) -> DatagramPoll:
        key = (asyncio.get_running_loop(), kind)
        poll = self._polls.get(key)
        if poll is None:
            poll = self._polls[key] = kind()
            poll.on_idle = lambda: cast(None, self._polls.pop(key, None))
        return poll


_POLLS = _Polls()
Kind = TypeVar("Kind", bound=DatagramPoll)


def poll_of_loop(kind: type[Kind]) -> Kind:
    """The poll of this kind of the running loop; made when there is none.

    :raises OSError: there is no file descriptor left for one.
    """
    return cast(Kind, _POLLS.get(kind))


#: What reads sockets in Python; None where the system has no epoll, and the event loop's own transports do it.
PYTHON_POLL = EpollPoll if hasattr(select, "epoll") else None
