"""From the gateway's address as a user gives it to the two addresses that a call needs, and that of its health.

--host                          signaling                                       ICE servers
wss://g.example                 wss://g.example/api/v1/webrtc/signal            https://g.example/api/v1/ice-servers
http://127.0.0.1:8080/          ws://127.0.0.1:8080/api/v1/webrtc/signal        http://127.0.0.1:8080/api/v1/ice-servers
https://g.example/other/path    wss://g.example/other/path                      https://g.example/api/v1/ice-servers
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

SIGNALING_PATH = "/api/v1/webrtc/signal"
ICE_SERVERS_PATH = "/api/v1/ice-servers"
HEALTH_PATH = "/health"

_SECURE = {"ws": False, "http": False, "wss": True, "https": True}


def signaling_url(host: str) -> str:
    """The WebSocket URL of the gateway; a path in ``host`` other than ``/`` is kept as it is.

    :raises ValueError: with a sentence, when ``host`` is not a ws, wss, http or https address.
    """
    parts = _split(host)
    scheme = "wss" if _SECURE[parts.scheme] else "ws"
    path = SIGNALING_PATH if parts.path in ("", "/") else parts.path
    return f"{scheme}://{parts.netloc}{path}"


def ice_servers_url(host: str) -> str:
    """The URL of the gateway's ICE servers: same origin, fixed path.

    :raises ValueError: as :func:`signaling_url`.
    """
    return f"{_http_origin(host)}{ICE_SERVERS_PATH}"


def health_url(host: str) -> str:
    """The URL that tells how many sessions the gateway holds: same origin, fixed path; it needs no token.

    :raises ValueError: as :func:`signaling_url`.
    """
    return f"{_http_origin(host)}{HEALTH_PATH}"


def shown_host(host: str) -> str:
    """The address as it was given, for a sentence that refuses it; masked when it may hold a password or a token."""
    if not set("@?#") & set(host):
        return host
    scheme, found, _ = host.strip().partition("://")
    return f"{scheme}://***" if found and scheme.isalpha() else "***"


def _http_origin(host: str) -> str:
    parts = _split(host)
    scheme = "https" if _SECURE[parts.scheme] else "http"
    return f"{scheme}://{parts.netloc}"


def _split(host: str) -> SplitResult:
    """The parts of a usable address.

    No sentence repeats the address once it may hold a password or a token: it ends up in logs.
    """
    host = host.strip()
    if "@" in host:
        raise ValueError("the host must not contain a user name or a password; the token has its own setting")
    if "?" in host or "#" in host:
        raise ValueError("the host must not contain a query or a fragment; the token has its own setting")
    if not host.isprintable() or " " in host:
        raise ValueError(f"the host {host!r} contains a space or a control character")
    if "://" not in host:
        raise ValueError(
            f"the host {host!r} has no scheme; write ws://, wss://, http:// or https:// before it"
        )
    try:
        parts = urlsplit(host)
        # Reading the port is what checks it.
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError as exc:
        raise ValueError(f"the host {host!r} is not an address: {exc}") from None
    if parts.scheme not in _SECURE:
        raise ValueError(f"the host {host!r} has the scheme {parts.scheme!r}; use ws, wss, http or https")
    if not usable:
        raise ValueError(f"the host {host!r} names no host, or port 0")
    return parts
