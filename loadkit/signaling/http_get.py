"""One HTTP GET over a connection of its own.

Each call is a caller of its own: nothing is kept of the call before, no connection, no cookie, no address. For that
a general HTTP client costs several times what this does, in every call; HTTP itself is read by httptools.
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

import httptools

from .tls import default_tls

#: Bytes that an answer may have before its body; a page's worth of cookies is a tenth of it.
_LONGEST_HEAD = 65_536

_TELL_THE_LENGTH = (b"content-length", b"transfer-encoding")


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
    :raises ValueError: a header, or the path, cannot be sent.
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
def _request(host: str, port: int | None, path: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    """As it goes out: the same for all calls of a process.

    :raises ValueError: something of it would be more than one header.
    """
    name = f"[{host}]" if ":" in host else host if host.isascii() else host.encode("idna").decode()
    own = [
        ("Host", name if port is None else f"{name}:{port}"),
        ("Accept", "*/*"),
        ("Connection", "close"),
    ]
    lines = [f"GET {path} HTTP/1.1", *(f"{header}: {value}" for header, value in [*own, *headers])]
    if " " in path or not all(line.isascii() and line.isprintable() for line in lines):
        raise ValueError("the request cannot be sent: it has characters that do not belong into a header")
    return "\r\n".join([*lines, "", ""]).encode()


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
    """Sends one request, and has httptools tell by the methods ``on_...`` what the answer is made of."""

    def __init__(self, request: bytes, max_bytes: int) -> None:
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._request = request
        self._max_bytes = max_bytes
        #: None when the connection is gone: it knows this object, which knows it.
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._head_bytes = 0
        self._head_is_over = self._ends_by_itself = False
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._parser is None or self.answer.done():
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            # What it says may hold what the server sent; nobody needs more than this.
            self._fail(NotHttp("the answer is no HTTP"))
        if not self._head_is_over:
            self._head_bytes += len(data)
            if self._head_bytes > _LONGEST_HEAD:
                self._fail(NotHttp(f"the head is longer than {_LONGEST_HEAD} bytes"))

    def eof_received(self) -> None:
        # RFC 9112 section 6.3: an answer without a length ends here. Any other is broken off.
        if self._head_is_over and not self._ends_by_itself:
            self.on_message_complete()
        self._lost()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._fail(exc)
        self._lost()
        self._parser = None

    def on_header(self, name: bytes, _value: bytes) -> None:
        if name.lower() in _TELL_THE_LENGTH:
            self._ends_by_itself = True

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        status = self._parser.get_status_code()
        # RFC 9110 section 15.2: an interim response, the answer comes after it.
        self._head_is_over = status >= 200
        if self._head_is_over and status != 200:
            self._succeed(Answer(status, b""))

    def on_body(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > self._max_bytes:
            self._fail(AnswerTooLarge(f"more than {self._max_bytes} bytes"))

    def on_message_complete(self) -> None:
        if self._head_is_over:
            self._succeed(Answer(200, bytes(self._body)))

    def _succeed(self, answer: Answer) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def _lost(self) -> None:
        self._fail(ConnectionResetError("the connection was closed before the answer was over"))

    def _fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
