"""A WebSocket of the gateway, below its messages: no client makes it work or remember without bound.

websockets answers each ping at once, whether or not the client ever reads the answers, and a control frame is no
message that :class:`~loadkit.gateway.sockets.MessageRate` would count. A client that sends nothing but pings would
take a core and, unread, as much memory as it has sent.
"""

from __future__ import annotations

import time
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode, Frame

#: Frames read at most in a second: as many as websockets takes for one message.
MOST_FRAMES = 4096
#: Bytes that may wait for a client to read them. Messages wait for it one by one; this is for what is sent besides.
MOST_UNREAD = 1024 * 1024
_WINDOW_S = 1.0
#: How long a client that was too fast may take to end its side.
_END_S = 1.0


class BoundedConnection(ServerConnection):
    """One WebSocket.

    :param most_messages: that may come in a second, when that is more than :data:`MOST_FRAMES`.
    """

    def __init__(self, *args: Any, most_messages: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self._most_frames = max(MOST_FRAMES, most_messages)
        self._frames = 0
        self._since = float("-inf")
        self._failed = False

    def data_received(self, data: bytes) -> None:
        """Read what has come; who leaves too much unread loses the socket."""
        super().data_received(data)
        if self.transport.get_write_buffer_size() > MOST_UNREAD:
            self.transport.abort()

    def process_event(self, event: Any) -> None:
        """Count a frame, before it is looked at."""
        if self._failed:
            return
        if isinstance(event, Frame) and self._too_many(time.monotonic()):
            self._failed = True
            self.protocol.fail(CloseCode.POLICY_VIOLATION, "too many frames")
            self.send_data()
            self.loop.call_later(_END_S, self.transport.abort)
            return
        super().process_event(event)

    def _too_many(self, now: float) -> bool:
        if now - self._since >= _WINDOW_S:
            self._since, self._frames = now, 0
        self._frames += 1
        return self._frames > self._most_frames
