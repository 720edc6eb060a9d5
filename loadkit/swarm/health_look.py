"""One look at the gateway's ``/health``, in plain blocking Python: in a Locust process its waits are gevent's."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

import gevent

from loadkit.signaling.failure_reasons import connection_reason
from loadkit.unix_clock import unix_now

#: Seconds for a whole look, whatever the gateway does.
LOOK_S = 5.0
#: Bytes of an answer that are read; it has fifty.
_MOST_BYTES = 64 * 1024
#: No gateway holds more; what is larger is no count.
_MOST_SESSIONS = 10**9


@dataclass(frozen=True)
class Look:
    """A row of ``health.jsonl``."""

    at: float
    """Unix seconds, in the middle of the look: the count is of a moment between request and answer."""
    status: int | None
    """HTTP status; None when there was no answer."""
    active_sessions: int | None
    """As the gateway counts them; None when it does not say."""
    round_trip_ms: float | None
    """Connecting, request and answer together; None when there was no answer."""
    error: str | None
    """Why there is no count: a fixed text, never the gateway's own."""

    def row(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def look(url: str, tls: ssl.SSLContext | None, local_address: str | None) -> Look:
    """Ask once, over a connection of its own and without a token; a redirect is not followed.

    :param url: see :func:`~loadkit.signaling.urls.health_url`.
    :param tls: how the gateway's certificate is judged; only for ``https``.
    :param local_address: IP address to ask from; None to leave it to the system.
    """
    began, clock = unix_now(), time.monotonic()
    status, body, error = None, b"", None
    try:
        with gevent.Timeout(LOOK_S, TimeoutError):
            status, body = _get(url, tls, local_address)
    except (OSError, http.client.HTTPException, ValueError) as exc:
        error = "not HTTP" if isinstance(exc, http.client.HTTPException) else connection_reason(exc)
    seconds = time.monotonic() - clock
    active = None
    if status is not None:
        active, error = _count(status, body)
    return Look(
        round(began + seconds / 2, 3),
        status,
        active,
        None if status is None else round(seconds * 1e3, 3),
        error,
    )


def _get(url: str, tls: ssl.SSLContext | None, local_address: str | None) -> tuple[int, bytes]:
    parts = urlsplit(url)
    source = (local_address, 0) if local_address else None
    host = parts.hostname or ""
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(
            host, parts.port, timeout=LOOK_S, source_address=source, context=tls
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=LOOK_S, source_address=source)
    try:
        connection.request("GET", parts.path, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read(_MOST_BYTES)
    finally:
        connection.close()


def _count(status: int, body: bytes) -> tuple[int | None, str | None]:
    """``activeSessions``, or why there is none."""
    if status != http.HTTPStatus.OK:
        return None, f"HTTP {status}"
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return None, "not JSON"
    count = document.get("activeSessions") if isinstance(document, dict) else None
    whole = isinstance(count, int) and not isinstance(count, bool) and 0 <= count <= _MOST_SESSIONS
    return (count, None) if whole else (None, "no activeSessions")
