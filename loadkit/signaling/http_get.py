"""One HTTP GET over a connection of its own.

Each call is a caller of its own: nothing is kept of the call before, no connection, no cookie, no address. For that
a general HTTP client costs five times what this does, in every call. HTTP itself is read by h11, but for an answer that
is as plain as can be: that one is read here, in a tenth of the time.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import re
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
    request = _request(host, parts.port, parts.path or "/", tuple(headers.items()))
    exchange = _Exchange(request, max_bytes)
    judge = (tls or default_tls()) if secure else None
    transport = await _connect(exchange, host, port, judge, local_address)
    try:
        return await exchange.answer
    finally:
        transport.abort()


@dataclass(frozen=True)
class _Request:
    """A request for h11, and as it goes out."""

    event: h11.Request
    data: bytes


@functools.lru_cache(maxsize=8)
def _request(host: str, port: int | None, path: str, headers: tuple[tuple[str, str], ...]) -> _Request:
    """The same for all calls of a process, which differ in nothing here."""
    name = f"[{host}]" if ":" in host else host if host.isascii() else host.encode("idna").decode()
    event = h11.Request(
        method="GET",
        target=path,
        headers=[
            ("Host", name if port is None else f"{name}:{port}"),
            ("Accept", "*/*"),
            ("Connection", "close"),
            *headers,
        ],
    )
    return _Request(event, h11.Connection(h11.CLIENT).send(event) or b"")


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


#: Of an answer that is read here, in bytes and in digits.
_LONGEST_HEAD, _LONGEST_LENGTH = 8192, 9
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([2-5]\d\d) [ -~]*")
_HEADER = re.compile(rb"([A-Za-z0-9-]+): ?([!-~](?:[ -~]*[!-~])?)")


def plain_answer(data: bytes, max_bytes: int) -> Answer | None:
    """An answer that is all there, with its length and nothing out of the common; None: it is for h11 to read."""
    head, end, body = data.partition(b"\r\n\r\n")
    status_line, *lines = head.split(b"\r\n")
    status = _STATUS_LINE.fullmatch(status_line)
    if not end or status is None or len(head) > _LONGEST_HEAD:
        return None
    lengths: list[bytes] = []
    for line in lines:
        header = _HEADER.fullmatch(line)
        name = b"transfer-encoding" if header is None else header[1].lower()
        if header is None or name == b"transfer-encoding":
            return None
        if name == b"content-length":
            lengths.append(header[2])
    # RFC 9112 section 6.3: without a length the body goes on until the end, and two of them may differ.
    if len(lengths) != 1 or not lengths[0].isdigit() or len(lengths[0]) > _LONGEST_LENGTH:
        return None
    if int(lengths[0]) != len(body) or len(body) > max_bytes:
        return None
    return Answer(200, body) if status[1] == b"200" else Answer(int(status[1]), b"")


class _Exchange(asyncio.Protocol):
    """Sends one request and reads its answer."""

    def __init__(self, request: _Request, max_bytes: int) -> None:
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._request = request
        self._max_bytes = max_bytes
        #: None while there is nothing for h11 to read.
        self._http: h11.Connection | None = None
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request.data)

    def data_received(self, data: bytes) -> None:
        if self._http is None and not self.answer.done():
            answer = plain_answer(data, self._max_bytes)
            if answer is not None:
                self.answer.set_result(answer)
        try:
            self._read(data)
        except h11.RemoteProtocolError as exc:
            self._fail(NotHttp(str(exc)))

    def eof_received(self) -> None:
        try:
            # An answer without a length ends here; any other is broken off.
            self._read(b"")
        except h11.RemoteProtocolError:
            self._lost()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._fail(exc)
        self._lost()

    def _read(self, data: bytes) -> None:
        """Let h11 read, unless there is an answer already."""
        if self.answer.done():
            return
        if self._http is None:
            self._http = h11.Connection(h11.CLIENT)
            self._http.send(self._request.event)
            self._http.send(h11.EndOfMessage())
        self._http.receive_data(data)
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
