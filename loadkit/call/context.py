"""What all calls of a process share, and where they go."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from loadkit.call.media_path import usable_media_path
from loadkit.media.clock import MediaClock
from loadkit.settings import Settings
from loadkit.signaling.tls import client_tls
from loadkit.signaling.urls import ice_servers_url, signaling_url
from loadkit.transport.addresses import candidate_addresses, is_loopback
from loadkit.transport.peer import Certificate


@dataclass(frozen=True)
class Destination:
    """The gateway that calls go to; plain values, so that it can be sent to an engine."""

    signaling_url: str
    ice_servers_url: str
    addresses: tuple[str, ...]
    """Local addresses for host candidates of calls that were given none."""
    loopback: bool
    """The gateway is on loopback, and so is everything that calls to it talk to."""

    @classmethod
    def of(cls, host: str, settings: Settings) -> Destination:
        """Where calls to ``host`` go.

        :raises ValueError: ``host`` is not a ws, wss, http or https address.
        """
        signaling = signaling_url(host)
        name = urlsplit(signaling).hostname or ""
        return cls(
            signaling_url=signaling,
            ice_servers_url=ice_servers_url(host),
            addresses=settings.local_address[:1] or tuple(candidate_addresses(name)),
            loopback=is_loopback(name),
        )

    def to_message(self) -> dict[str, Any]:
        """As a mapping of plain values."""
        return asdict(self) | {"addresses": list(self.addresses)}

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Destination:
        """Out of :meth:`to_message`."""
        return cls(**{**message, "addresses": tuple(message["addresses"])})


@dataclass(frozen=True)
class CallContext:
    """What all calls of a process share."""

    settings: Settings
    destination: Destination
    certificate: Certificate
    clock: MediaClock
    http: aiohttp.ClientSession
    ssl_context: ssl.SSLContext | None
    """How certificates are judged, of gateway and TURN servers (:func:`client_tls`); None: as by default."""
    unix_offset: float
    """Seconds to add to the monotonic clock to get Unix time."""


def open_http(settings: Settings) -> aiohttp.ClientSession:
    """The HTTP client of a process's calls; whoever opens it closes it.

    :raises SettingsError: the file of ``tls_ca`` cannot be used.
    """
    return _http_client(_tls(settings), None)


@contextlib.asynccontextmanager
async def http_from(context: CallContext, local_address: str | None) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client that asks from this address; that of the process when there is none."""
    if local_address is None:
        yield context.http
        return
    async with _http_client(context.ssl_context, local_address) as http:
        yield http


def _http_client(tls: ssl.SSLContext | None, local_address: str | None) -> aiohttp.ClientSession:
    # Each call is a caller of its own: no connection, and no cookie, of the one before.
    connector = aiohttp.TCPConnector(
        limit=0,
        force_close=True,
        local_addr=(local_address, 0) if local_address else None,
        ssl=True if tls is None else tls,
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())


def make_context(
    settings: Settings,
    destination: Destination,
    *,
    certificate: Certificate,
    clock: MediaClock,
    http: aiohttp.ClientSession,
) -> CallContext:
    """A context for calls from now on.

    :raises SettingsError: the file of ``tls_ca``, or the path of media, cannot be used.
    """
    usable_media_path(settings)
    return CallContext(
        settings=settings,
        destination=destination,
        certificate=certificate,
        clock=clock,
        http=http,
        ssl_context=_tls(settings),
        unix_offset=time.time() - time.monotonic(),
    )


def _tls(settings: Settings) -> ssl.SSLContext:
    return client_tls(settings.tls_ca, insecure=settings.tls_insecure)
