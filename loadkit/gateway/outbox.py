"""A session's way out: to the WebSocket that its client spoke over last, and to the next one when that is lost."""

from __future__ import annotations

import asyncio
from typing import Protocol

from websockets.exceptions import ConnectionClosed

from loadkit.signaling.protocol import ServerProtocol


class Socket(Protocol):
    """What a session needs of a WebSocket."""

    async def send(self, message: str, /) -> None: ...


class Outbox:
    """Keeps frames in their order, over however many sockets they go."""

    def __init__(self) -> None:
        #: None while the client has none.
        self.socket: Socket | None = None
        self._sending = asyncio.Lock()
        self._unsent: list[str] = []

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
