"""The gateway under test, and what all cases share."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from loadkit.conformance.case import ExpectationFailed, shown
from loadkit.errors import GatewayUnreachable
from loadkit.media.clock import MediaClock
from loadkit.signaling.urls import ICE_SERVERS_PATH, ice_servers_url, signaling_url
from loadkit.transport.addresses import candidate_addresses, is_loopback
from loadkit.transport.dtls import Certificate

HEALTH_PATH = "/health"
ECHO = "echo"

#: Bytes of an HTTP answer that are read.
_MAX_BODY = 256 * 1024


@dataclass(frozen=True)
class Plan:
    """What the user said of the gateway and of the run; secrets are not in the ``repr``."""

    url: str
    """As given: ws, wss, http or https."""
    mode: str = ECHO
    """For all offers whose case is not about modes."""
    production: bool = False
    """The gateway is a production one: it refuses echo."""
    slow: bool = False
    """Run the cases that wait for the gateway's own time-outs."""
    wait: float = 10.0
    """Seconds for each single thing that the gateway has to do."""
    local_address: str | None = None
    """Address to bind to; None to suit the gateway."""
    tls_insecure: bool = False
    """No certificate is verified."""


@dataclass(frozen=True)
class HttpAnswer:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> Any:
        """The JSON in it.

        :raises ExpectationFailed: it is none.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            text = self.body.decode("utf-8", "replace")
            raise ExpectationFailed("a JSON document", f"HTTP {self.status}: {shown(text)}") from None


class Target:
    """The gateway under test; made by :func:`open_target`.

    :param token: accepted by the gateway; kept out of all results.
    :param offer_fields: more fields for every offer, such as ``accountId``.
    """

    def __init__(
        self,
        plan: Plan,
        token: str,
        offer_fields: Mapping[str, str],
        ssl_context: ssl.SSLContext,
        http: aiohttp.ClientSession,
    ) -> None:
        self.plan = plan
        self.token = token
        self.offer_fields = dict(offer_fields)
        self.http = http
        self.signaling_url = signaling_url(plan.url)
        self.origin = ice_servers_url(plan.url).removesuffix(ICE_SERVERS_PATH)
        host = urlsplit(self.signaling_url).hostname or ""
        self.loopback = is_loopback(host)
        self.addresses = [plan.local_address] if plan.local_address else candidate_addresses(host)
        self.certificate = Certificate()
        self.clock = MediaClock()
        self.authorities = ssl_context
        """How certificates are judged, of the gateway and of TURN servers."""

    @property
    def ssl_context(self) -> ssl.SSLContext | None:
        """For the WebSocket; None for ``ws``."""
        return self.authorities if self.signaling_url.startswith("wss:") else None

    def scrub(self, text: str) -> str:
        """The text without the token."""
        return text.replace(self.token, "***") if self.token else text

    async def get(
        self, path: str, *, bearer: str | None = None, query: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """GET a path of the gateway's origin.

        :param bearer: token for ``Authorization``; None for no such header.
        :raises ExpectationFailed: no HTTP answer came in time.
        """
        headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
        try:
            return await self._get(self.origin + path, headers, query or {})
        except (aiohttp.ClientError, OSError) as exc:  # TimeoutError is an OSError
            raise ExpectationFailed(f"an HTTP answer to GET {path}", type(exc).__name__) from None

    async def _get(self, url: str, headers: Mapping[str, str], query: Mapping[str, str]) -> HttpAnswer:
        timeout = aiohttp.ClientTimeout(total=self.plan.wait)
        async with self.http.get(
            url, headers=headers, params=query, timeout=timeout, allow_redirects=False
        ) as response:
            body = await response.content.read(_MAX_BODY)
            return HttpAnswer(response.status, dict(response.headers), body)

    async def reach(self) -> None:
        """See that something answers in HTTP at all.

        :raises GatewayUnreachable: nothing does.
        """
        try:
            await self._get(self.origin + HEALTH_PATH, {}, {})
        except (aiohttp.ClientError, OSError) as exc:
            raise GatewayUnreachable(
                f"the gateway at {self.origin} cannot be reached: {self._why(exc)};"
                " look at the address, and whether it is up"
            ) from None

    def _why(self, exc: Exception) -> str:
        if isinstance(exc, TimeoutError):
            return f"nothing came within {self.plan.wait:g} s"
        # aiohttp's own words name its SSL setting also where there is no TLS.
        cause = exc.__cause__ if isinstance(exc, aiohttp.ClientConnectorError) else exc
        number = cause.errno if isinstance(cause, OSError) else None
        # TLS and name resolution have numbers of their own, which strerror would take for others.
        if type(cause) in (ConnectionRefusedError, OSError) and number is not None and number > 0:
            return os.strerror(number)
        return str(exc) or type(exc).__name__


@contextlib.asynccontextmanager
async def open_target(
    plan: Plan,
    token: str,
    *,
    ssl_context: ssl.SSLContext,
    offer_fields: Mapping[str, str] | None = None,
) -> AsyncIterator[Target]:
    """A target to run cases against, in a running event loop.

    :param ssl_context: how certificates are judged, for ``wss`` and ``https``.
    :raises ValueError: the plan's URL is no gateway's address.
    """
    local = (plan.local_address, 0) if plan.local_address else None
    # Each request is a client of its own: no connection, and no cookie, of the one before.
    connector = aiohttp.TCPConnector(force_close=True, local_addr=local, ssl=ssl_context)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
        target = Target(plan, token, offer_fields or {}, ssl_context, http)
        try:
            yield target
        finally:
            target.clock.close()
