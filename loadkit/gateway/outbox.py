"""A session's way out: to the WebSocket that its client spoke over last, and to the next one when that is lost."""

from __future__ import annotations

import asyncio
from typing import Protocol

from websockets.exceptions import ConnectionClosed

from loadkit.signaling.server_protocol import ServerProtocol


class Socket(Protocol):
    """What a session needs of a WebSocket."""

    async def send(self, message: str, /) -> None: ...


class Outbox:
    """Keeps frames in their order, over however many sockets they go."""

    def __init__(self) -> None:
        #: Open sockets that the client has spoken over, the latest last.
        self._sockets: list[Socket] = []
        self._sending = asyncio.Lock()
        self._unsent: list[str] = []

    @property
    def socket(self) -> Socket | None:
        """The one that the client spoke over last; None while it has none."""
        return self._sockets[-1] if self._sockets else None

    def spoken_over(self, socket: Socket) -> None:
        """The client has spoken over this socket: what there is to send goes to it from now on."""
        self.lost(socket)
        self._sockets.append(socket)

    def lost(self, socket: Socket) -> bool:
        """This socket has closed; False when it was none of the session's.

        The one before it takes its place, if that is open: what was under way on an old socket may be read after
        the first word over the fresh one, and must not end the session when the old one closes.
        """
        if socket not in self._sockets:
            return False
        self._sockets.remove(socket)
        return True

    async def flush(self, protocol: ServerProtocol) -> None:
        """Send what the protocol has to send; without a socket it waits for the next one."""
        async with self._sending:
            self._unsent += protocol.data_to_send()
            while self._unsent and self.socket is not None:
                socket, frame = self.socket, self._unsent.pop(0)
                try:
                    await socket.send(frame)
                except ConnectionClosed:
                    self._unsent.insert(0, frame)
                    if self.socket is socket:
                        return
