"""One HTTP GET over a connection of its own.

Each call is a caller of its own: nothing is kept of the call before, no connection, no cookie, no address. For that
a general HTTP client costs three times what this does, in every call; HTTP itself is read by h11.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import h11

from .tls import default_tls


class NotHttp(Exception):
    """What came is no HTTP answer."""


class AnswerTooLarge(Exception):
    """The answer has more bytes than are read."""


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    body: bytes
    """Empty unless the status is 200: nobody waits for the page that comes with a refusal."""


async def get(
    url: str,
    headers: Mapping[str, str],
    *,
    tls: ssl.SSLContext | None = None,
    local_address: str | None = None,
    max_bytes: int,
) -> Answer:
    """Ask once, and close the connection; a redirect is an answer like others.

    :param url: ``http://`` or ``https://``.
    :param headers: beside ``Host``, ``Accept`` and ``Connection``.
    :param tls: for ``https``; None for the machine's own certificate authorities.
    :param local_address: IP address to ask from; None to leave it to the system.
    :param max_bytes: of the body.
    :raises OSError: no connection, or it was lost; among these ssl.SSLError and socket.gaierror.
    :raises NotHttp: what came is no HTTP answer.
    :raises AnswerTooLarge: its body is longer than ``max_bytes``.
    """
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    exchange = _Exchange(_request(host, parts.port, parts.path or "/", tuple(headers.items())), max_bytes)
    judge = (tls or default_tls()) if secure else None
    transport = await _connect(exchange, host, port, judge, local_address)
    try:
        return await exchange.answer
    finally:
        transport.abort()


@functools.lru_cache(maxsize=8)
def _request(host: str, port: int | None, path: str, headers: tuple[tuple[str, str], ...]) -> h11.Request:
    """The same for all calls of a process, which differ in nothing here."""
    name = f"[{host}]" if ":" in host else host if host.isascii() else host.encode("idna").decode()
    return h11.Request(
        method="GET",
        target=path,
        headers=[
            ("Host", name if port is None else f"{name}:{port}"),
            ("Accept", "*/*"),
            ("Connection", "close"),
            *headers,
        ],
    )


async def _connect(
    exchange: _Exchange, host: str, port: int, tls: ssl.SSLContext | None, local_address: str | None
) -> asyncio.Transport:
    """Connect to the first of the host's addresses that can be connected to.

    :raises OSError: to none of them; what is raised is what the last one said.
    """
    loop = asyncio.get_running_loop()
    failure: OSError | None = None
    for address in await _addresses(host, port):
        try:
            transport, _ = await loop.create_connection(
                lambda: exchange,
                address,
                port,
                ssl=tls,
                server_hostname=host if tls else None,
                local_addr=(local_address, 0) if local_address else None,
            )
        except ssl.SSLError:
            raise
        except OSError as exc:
            failure = exc
        else:
            return transport
    raise failure or OSError("the host name has no address")


async def _addresses(host: str, port: int) -> list[str]:
    """Those of a host name, or the literal address itself: resolving that takes a thread, too."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))
    return [host]


class _Exchange(asyncio.Protocol):
    """Sends one request and reads its answer."""

    def __init__(self, request: h11.Request, max_bytes: int) -> None:
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._request = request
        self._max_bytes = max_bytes
        self._http = h11.Connection(h11.CLIENT)
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        data = self._http.send(self._request)
        self._http.send(h11.EndOfMessage())
        cast(asyncio.Transport, transport).write(data or b"")

    def data_received(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            self._read()
        except h11.RemoteProtocolError as exc:
            self._fail(NotHttp(str(exc)))

    def eof_received(self) -> None:
        try:
            # An answer without a length ends here; any other is broken off.
            self._http.receive_data(b"")
            self._read()
        except h11.RemoteProtocolError:
            self._lost()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._fail(exc)
        self._lost()

    def _read(self) -> None:
        while not self.answer.done():
            event = self._http.next_event()
            if isinstance(event, h11.Response):
                if event.status_code != 200:
                    self.answer.set_result(Answer(event.status_code, b""))
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > self._max_bytes:
                    self._fail(AnswerTooLarge(f"more than {self._max_bytes} bytes"))
            elif isinstance(event, h11.EndOfMessage):
                self.answer.set_result(Answer(200, bytes(self._body)))
            elif isinstance(event, h11.ConnectionClosed):
                self._lost()
            elif event is h11.NEED_DATA:
                return

    def _lost(self) -> None:
        self._fail(ConnectionResetError("the connection was closed before the answer was over"))

    def _fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
