"""What ``python -m loadkit.engine`` runs: one event loop and one engine service on an inherited socket."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from typing import cast

from loadkit import descriptors
from loadkit.engine.link import Message, MessageReader, pack
from loadkit.engine.service import EngineService

#: Objects that are made, less those that are freed, between two runs of Python's garbage collector.
_GC_OBJECTS = 10_000


class _Pipe(asyncio.Protocol):
    """Our end of the socket pair; end-of-file means that the Locust process is gone."""

    def __init__(self) -> None:
        self._reader = MessageReader()
        self._transport: asyncio.Transport | None = None
        self.service = EngineService(self.send)
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not asyncio.Transport by type.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        for message in self._reader.feed(data):
            self.service.receive(message)

    def eof_received(self) -> None:
        self.lost.set()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.lost.set()

    def send(self, message: Message) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(pack(message))


async def _serve(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    transport, pipe = await loop.create_connection(_Pipe, sock=sock)
    waits = [asyncio.create_task(event.wait()) for event in (pipe.lost, pipe.service.stopped)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    if not pipe.service.stopped.is_set():
        # The Locust process is gone: hang up properly, so that the gateway is not left with dead calls.
        await pipe.service.stop()
    transport.close()
    await asyncio.sleep(0)


def main(descriptor: int) -> None:
    """Run an engine on an inherited socket until it is told to stop or its other end is gone."""
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s engine %(process)d %(levelname)s %(message)s",
    )
    # Ctrl-C goes to the whole process group; the Locust process decides when calls end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    descriptors.raise_limit()
    sock = socket.socket(fileno=descriptor)
    sock.setblocking(False)
    # Long-lived objects of the imports are not worth looking at again in the middle of a call.
    gc.freeze()
    # A call's set-up makes thousands of objects and leaves few: with Python's 700 the collector would look at it
    # several times while it goes on.
    gc.set_threshold(_GC_OBJECTS, 20, 20)
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.run(_serve(sock))
        return
    asyncio.run(_serve(sock))
