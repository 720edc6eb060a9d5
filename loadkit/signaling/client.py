"""The caller's WebSocket: open it, lose it, open it again.

It knows nothing of calls, and :class:`~.protocol.ClientProtocol` nothing of sockets. Whoever runs a
call joins them. One task reads, and it alone reopens::

    connection = SignalingConnection(signaling_url(host), timeout=10)
    await connection.open()
    protocol = ClientProtocol()
    protocol.send_offer(offer)
    await flush()
    while True:
        try:
            frame = await connection.recv()
        except SocketLost:
            protocol.connection_lost()
            if not protocol.resumable:
                raise
            await connection.reopen()  # raises SIGNALING_LOST when it fails
            protocol.connection_reopened()
            protocol.send_ping()  # shows the gateway which socket the session now has
            await flush()
            continue
        for event in protocol.receive(frame, now()):
            ...
        await flush()

and any task that made the machine want to send something flushes::

    async def flush():
        frames = protocol.data_to_send()
        while frames:
            try:
                await connection.send(frames[0])
            except SocketLost:  # the reader sees it too, and reopens
                protocol.put_back(frames)
                return
            frames.pop(0)

At the end ``protocol.send_close()``, ``flush()`` and ``connection.close()``. Beside the reader, a timer
calls ``protocol.poll(now())`` at ``protocol.next_deadline()``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as websockets_connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus, WebSocketException

from ..errors import LoadkitError, SignalingError, Stage
from .tls import default_tls

#: Seconds to wait before each try to reopen, as the official clients do.
RECONNECT_DELAYS: tuple[float, ...] = (1.0, 2.0, 4.0)

#: Bytes of one message. An SDP has a few thousand.
MAX_MESSAGE_BYTES = 2**20

#: Seconds that closing waits for the gateway's close frame, before the socket is torn down.
CLOSE_TIMEOUT = 1.0

# At DEBUG, websockets logs every frame, and the offer holds the token. A level of its own keeps a DEBUG
# on the root logger away from it.
_logger = logging.getLogger("loadkit.signaling.websocket")
_logger.setLevel(logging.WARNING)


class connect_without_redirects(websockets_connect):
    """Opens a WebSocket where it was asked to, as browsers do: the offer's token is for this host only."""

    def process_redirect(self, exc: Exception) -> Exception:
        """A redirect is a refusal."""
        return exc


#: Called with the URL and the keyword arguments of :class:`websockets.asyncio.client.connect`.
Connect = Callable[..., Awaitable[ClientConnection]]
Sleep = Callable[[float], Awaitable[object]]


class SocketLost(LoadkitError):
    """The WebSocket is gone, and ``close()`` was not what ended it.

    A normal close (1000, 1001) is no exception: the call ends with a ``close`` message, not with one
    of these.

    :param close_code: RFC 6455, 7.4; 1006 when no close frame came.
    """

    def __init__(self, close_code: int) -> None:
        self.close_code = close_code
        super().__init__(close_code)

    def __str__(self) -> str:
        return f"the WebSocket was lost (close code {self.close_code})"


class SignalingConnection:
    """One call's WebSocket to the gateway.

    :param url: ``ws://`` or ``wss://``, see :func:`~.urls.signaling_url`; it holds no token.
    :param timeout: seconds for TCP, TLS and upgrade together, at each try.
    :param ssl_context: for ``wss``; None for the machine's own certificate authorities. Not used for ``ws``.
    :param local_address: IP address to call from; None to leave it to the system.
    :param ping_interval: seconds between WebSocket pings, also the time for each pong; None for no pings.
    :param reconnect_delays: seconds to wait before each try of :meth:`reopen`.
    :param sleep: what waits between tries.
    :param connect: what opens a WebSocket.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10.0,
        ssl_context: ssl.SSLContext | None = None,
        local_address: str | None = None,
        ping_interval: float | None = 20.0,
        reconnect_delays: Sequence[float] = RECONNECT_DELAYS,
        sleep: Sleep = asyncio.sleep,
        connect: Connect = connect_without_redirects,
    ) -> None:
        self.url = url
        self.timeout = timeout
        self.reconnects = 0
        """Times the socket was opened again."""
        self._reconnect_delays = reconnect_delays
        self._sleep = sleep
        self._connect = connect
        self._socket: ClientConnection | None = None
        self._close_code = 1006
        self._closed = False
        self._options: dict[str, Any] = {
            "open_timeout": timeout,
            "close_timeout": CLOSE_TIMEOUT,
            "ping_interval": ping_interval,
            "ping_timeout": ping_interval,
            "max_size": MAX_MESSAGE_BYTES,
            # Hundreds of calls to one host: neither a proxy nor a deflate window for each is wanted.
            "proxy": None,
            "compression": None,
            "logger": _logger,
        }
        if url.startswith("wss:"):
            self._options["ssl"] = default_tls() if ssl_context is None else ssl_context
        if local_address is not None:
            self._options["local_addr"] = (local_address, 0)

    async def open(self) -> None:
        """Open the socket; no second try.

        :raises SignalingError: ``WEBSOCKET_DNS``, ``WEBSOCKET_TLS``, ``WEBSOCKET_REFUSED`` or
            ``WEBSOCKET_TIMEOUT``.
        :raises SocketLost: :meth:`close` was called meanwhile.
        """
        try:
            socket_ = await self._connect(self.url, **self._options)
        except (OSError, WebSocketException) as exc:
            code, what = _open_failure(exc, self.timeout)
            message = f"the WebSocket to {self.url} could not be opened: {what}"
            raise SignalingError(Stage.WEBSOCKET, code, message) from exc
        if self._closed:
            # close() came while the socket opened, and had nothing to close yet.
            await socket_.close()
            raise SocketLost(1006)
        self._socket = socket_

    async def send(self, text: str) -> None:
        """Send one text frame; waits when the socket is full.

        :raises SocketLost: it was not sent.
        """
        if self._socket is None:
            raise SocketLost(self._close_code)
        try:
            await self._socket.send(text)
        except ConnectionClosed as exc:
            raise self._lost(exc) from None

    async def recv(self) -> str | bytes:
        """Wait for the next frame; bytes for a binary one. May be cancelled without losing a frame.

        :raises SocketLost: no more will come over this socket.
        """
        if self._socket is None:
            raise SocketLost(self._close_code)
        try:
            return await self._socket.recv()
        except ConnectionClosed as exc:
            raise self._lost(exc) from None

    async def reopen(self) -> None:
        """Replace a lost socket by a fresh one: wait and try, as often as there are delays.

        :raises SignalingError: ``SIGNALING_LOST`` when every try failed.
        :raises SocketLost: :meth:`close` was called meanwhile.
        """
        self._socket = None
        failure = "no try was allowed"
        for delay in self._reconnect_delays:
            if not self._closed:
                await self._sleep(delay)
            if self._closed:
                raise SocketLost(self._close_code)
            try:
                await self.open()
            except SignalingError as exc:
                failure = f"{exc.code}: {exc.message}"
            else:
                self.reconnects += 1
                return
        raise SignalingError(
            Stage.MEDIA,
            "SIGNALING_LOST",
            f"the WebSocket was lost (close code {self._close_code}) and could not be opened again in"
            f" {len(self._reconnect_delays)} tries; the last: {failure}",
        )

    async def close(self) -> None:
        """Close the socket with code 1000; harmless when it is lost or closed already."""
        self._closed = True
        if self._socket is not None:
            try:
                await self._socket.close()
            finally:
                # A caller's own time-out cancels the closing handshake; the socket must not outlive it.
                self._socket.transport.abort()

    def _lost(self, exc: ConnectionClosed) -> SocketLost:
        # RFC 6455, 7.1.5: 1005 for a close frame without a code is for the API, as is 1006.
        self._close_code = 1006 if exc.rcvd is None else exc.rcvd.code
        return SocketLost(self._close_code)


def _open_failure(exc: OSError | WebSocketException, timeout: float) -> tuple[str, str]:
    """Error code and clause for what kept the socket from opening; most special first."""
    match exc:
        case socket.gaierror():
            return "WEBSOCKET_DNS", f"the host name could not be resolved ({exc.strerror})"
        case ssl.SSLCertVerificationError():
            return "WEBSOCKET_TLS", f"the certificate was not accepted ({exc.verify_message.rstrip('.')})"
        case ssl.SSLError():
            return "WEBSOCKET_TLS", f"the TLS handshake failed ({exc.reason})"
        case ConnectionResetError() if exc.errno is None:
            # Not from the system: asyncio and uvloop raise it bare when TLS ends before it began.
            return "WEBSOCKET_TLS", "the other side hung up during the TLS handshake"
        case TimeoutError():
            return "WEBSOCKET_TIMEOUT", f"nothing came within {timeout:g} s"
        case InvalidStatus():
            return "WEBSOCKET_REFUSED", f"HTTP {exc.response.status_code} instead of an upgrade"
        case InvalidMessage():
            return "WEBSOCKET_REFUSED", "the other side did not answer in HTTP"
        case OSError():
            # The words of the system alone: asyncio and uvloop put different ones around them.
            return "WEBSOCKET_REFUSED", os.strerror(exc.errno) if exc.errno else str(exc) or repr(exc)
        case _:
            return "WEBSOCKET_REFUSED", str(exc)
