"""The sockets of an event loop, and the RTP of its calls, in the compiled module: one call reads them all."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable
from typing import Any

from loadkit.native import MediaPoll, why_not_usable
from loadkit.native.structures import Event, Kind
from loadkit.transport.datagrams import DatagramPoll, PolledSocket
from loadkit.transport.pylibsrtp_internals import srtp_functions, why_no_functions

logger = logging.getLogger(__name__)

#: Takes what the module tells of one stream.
StreamHandler = Callable[[Event], None]


def why_not_native() -> str | None:
    """Why media cannot be carried by the compiled module here; None when it can."""
    return why_not_usable() or why_no_functions()


class NativePoll(DatagramPoll):
    """What Python sees of the sockets: STUN, DTLS, RTCP, and what is told of streams."""

    def __init__(self) -> None:
        super().__init__()
        self.media = MediaPoll(*srtp_functions())
        self._sockets: dict[int, PolledSocket] = {}
        self._streams: dict[int, StreamHandler] = {}
        #: Packets of a sample, by identity → itself, kept so that the identity stays its own, and its number.
        self._samples: dict[int, tuple[tuple[bytes, ...], int]] = {}
        self._silence = b""
        self._closed = False

    # Sockets

    def watch(self, opened: PolledSocket) -> None:
        """Read from a socket from now on."""
        opened.number = self.media.add_socket(opened.socket.fileno())
        self._sockets[opened.number] = opened
        self._watch_descriptor(self.media.descriptor)

    def forget(self, closing: PolledSocket) -> None:
        """Read from it no more, and send nothing more on it."""
        if self._sockets.pop(closing.number, None) is not None:
            self.media.remove_socket(closing.number)
            self.settle()

    def settle(self) -> None:
        """Close the module's poll when there is neither a socket nor a stream left."""
        if not self._sockets and not self._streams and not self._closed:
            self._closed = True
            self._unwatch_descriptor()
            self.media.close()

    # Streams

    def add_stream(self, number: int, handler: StreamHandler) -> None:
        """Who is told of a stream."""
        self._streams[number] = handler

    def close_stream(self, number: int) -> None:
        """Forget a stream; from now on its SRTP sessions are not touched."""
        if self._streams.pop(number, None) is not None:
            self.media.close_stream(number)
            self.settle()

    def sample(
        self, packets: tuple[bytes, ...], sounding: frozenset[int], first: int | None, last: int | None
    ) -> int:
        """The number of a sample, which is copied into the module once."""
        known = self._samples.get(id(packets))
        if known is None:
            known = packets, self.media.add_sample(packets, sounding, first, last)
            self._samples[id(packets)] = known
        return known[1]

    def silence(self, packet: bytes) -> None:
        """The packet that is sent while nothing is said, by any stream."""
        if packet is not self._silence:
            self.media.set_silence(packet)
            self._silence = packet

    # Packets

    def drain(self) -> None:
        """Read what has come."""
        self.tell(self.media.receive())

    def send(self, slot: int, frames: int, skipped: int, late: float) -> None:
        """Let the streams of a slot of the clock send; ``late`` in seconds."""
        if not self._closed:
            self.tell(self.media.send(slot, frames, skipped, late))
            self._read_quiet()

    def _read_quiet(self) -> None:
        if not self._closed:
            self.tell(self.media.receive(quiet=True))

    def tell(self, events: Iterable[Event]) -> None:
        """Hand on what the module tells."""
        for event in events:
            if event.kind == Kind.DATAGRAM:
                # One that an event before has closed is no longer there.
                receiver = self._sockets.get(event.number)
                if receiver is not None:
                    receiver.received(event.data, address_of(event))
                continue
            handler = self._streams.get(event.number)
            if handler is None:
                continue
            try:
                handler(event)
            except Exception:
                logger.exception("what media told could not be handled")


def address_of(event: Event) -> tuple[Any, ...]:
    """Where a datagram came from, as asyncio says it."""
    family, packed, port, scope = event.source
    if family == socket.AF_INET:
        return socket.inet_ntop(family, packed[:4]), port
    host = socket.inet_ntop(socket.AF_INET6, packed)
    return f"{host}%{_interface(scope)}" if scope else host, port, 0, scope


def _interface(scope: int) -> str:
    try:
        return socket.if_indextoname(scope)
    except OSError:
        # It has gone since. What was read with this datagram is told all the same; the number stands for the name.
        return str(scope)


def packed_address(host: str, port: int) -> tuple[int, bytes, int, int]:
    """A numeric address as the module takes it: family, bytes, port, scope.

    :raises OSError: it is not numeric, or names an interface that is not there.
    """
    if ":" not in host:
        return socket.AF_INET, socket.inet_pton(socket.AF_INET, host), port, 0
    host, _, interface = host.partition("%")
    scope = socket.if_nametoindex(interface) if interface else 0
    return socket.AF_INET6, socket.inet_pton(socket.AF_INET6, host), port, scope
