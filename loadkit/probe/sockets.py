"""Opens the WebSocket step by step, so that each can be told: name, TCP, TLS, upgrade; and every message.

It goes the way that ``loop.create_connection()`` goes: the addresses of the name one after the other.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Iterable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus
from websockets.uri import parse_uri

from loadkit.probe.diary import Diary
from loadkit.probe.secrets import message_without, without
from loadkit.signaling.client import Connect, connect_without_redirects
from loadkit.signaling.lenient_parser import UnusableFrame, parse_from_gateway
from loadkit.signaling.messages import Close, Error


def watched_connect(diary: Diary, token: str) -> Connect:
    """What opens a WebSocket and notes each step of it.

    Events: ``dns``, ``tcp``, ``tcp_failed``, ``tls``, ``upgrade_refused``, ``message_sent``, ``message_received``,
    ``websocket_closed``.
    """

    class WatchedConnection(ClientConnection):
        def connection_made(self, transport: Any) -> None:
            _note_tls(diary, transport)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            _note_closed(diary, self, token)

        async def send(self, message: Any, *, text: bool | None = None) -> None:
            now = time.monotonic()
            await super().send(message, text=text)
            masked = message_without(token, message)
            diary.note("message_sent", now, message=masked)
            if isinstance(masked, dict) and masked.get("type") == "close":
                diary.note("close_sent", now)

        async def recv(self, decode: bool | None = None) -> Any:
            message = await super().recv(decode)
            diary.note("message_received", message=message_without(token, message))
            _note_end(diary, message, token)
            return message

    async def connect(url: str, **options: Any) -> ClientConnection:
        watched = {**options, "create_connection": WatchedConnection}
        local_address = watched.pop("local_addr", None)
        try:
            async with asyncio.timeout(options["open_timeout"]):
                sock = await _connected_socket(url, local_address, diary)
                return await connect_without_redirects(url, **watched, sock=sock)
        except InvalidStatus as exc:
            _note_refused(diary, exc, token)
            raise

    return connect


async def _connected_socket(url: str, local_address: tuple[str, int] | None, diary: Diary) -> socket.socket:
    """A TCP connection to the host of a URL.

    :raises OSError: the name has no address, or none of them takes the connection.
    """
    uri, loop = parse_uri(url), asyncio.get_running_loop()
    found = await loop.getaddrinfo(uri.host, uri.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    diary.note("dns", host=uri.host, addresses=addresses)
    failures: list[OSError] = []
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            if local_address is not None:
                sock.bind(local_address)
            await loop.sock_connect(sock, address)
        except OSError as exc:
            sock.close()
            failures.append(exc)
            # getaddrinfo's own numbers, which bind() uses too, are negative.
            reason = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else exc.strerror or str(exc)
            diary.note("tcp_failed", remote=_endpoint(address), reason=reason)
        except BaseException:
            sock.close()
            raise
        else:
            diary.note("tcp", local=_endpoint(sock.getsockname()), remote=_endpoint(address))
            return sock
    raise failures[0] if failures else OSError("the host name has no address")


def _endpoint(address: Any) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _note_tls(diary: Diary, transport: asyncio.BaseTransport) -> None:
    tls = transport.get_extra_info("ssl_object")
    if tls is None:
        return
    # Empty when the certificate was not verified.
    certificate = tls.getpeercert() or {}
    cipher = tls.cipher()
    diary.note(
        "tls",
        version=tls.version(),
        cipher=cipher[0] if cipher else None,
        subject=_common_name(certificate.get("subject", ())),
        issuer=_common_name(certificate.get("issuer", ())),
        expires=certificate.get("notAfter"),
        verified=bool(certificate),
    )


def _common_name(name: Iterable[Iterable[tuple[str, str]]]) -> str | None:
    """The common name, or what there is instead of it, of a subject or issuer as ssl has it."""
    fields = {key: value for part in name for key, value in part}
    return fields.get("commonName") or fields.get("organizationName")


def _note_end(diary: Diary, frame: str | bytes, token: str) -> None:
    """Note a message that ends the call."""
    try:
        message = parse_from_gateway(frame)
    except UnusableFrame as exc:
        diary.note("message_unusable", reason=without(token, exc.reason))
        return
    if isinstance(message, Close):
        diary.note("gateway_closed")
    elif isinstance(message, Error):
        diary.note(
            "gateway_error", code=without(token, message.code), message=without(token, message.message[:1000])
        )


def _note_refused(diary: Diary, refusal: InvalidStatus, token: str) -> None:
    response = refusal.response
    headers = {"location": response.headers.get("Location"), "server": response.headers.get("Server")}
    body = response.body[:500].decode("utf-8", "replace") if response.body else None
    diary.note(
        "upgrade_refused",
        status=response.status_code,
        reason=without(token, response.reason_phrase),
        body=without(token, body),
        **without(token, headers),
    )


def _note_closed(diary: Diary, connection: ClientConnection, token: str) -> None:
    protocol = connection.protocol
    # None when the TCP connection ended without a closing handshake of both sides (RFC 6455, 7.1.4).
    gateway_first = protocol.close_rcvd_then_sent
    diary.note(
        "websocket_closed",
        code=protocol.close_code,
        reason=without(token, protocol.close_reason) or None,
        by={None: None, True: "gateway", False: "caller"}[gateway_first],
    )
