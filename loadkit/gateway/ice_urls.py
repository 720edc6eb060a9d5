"""URLs of STUN and TURN servers, checked before a caller is told of them.

    stun:HOST[:PORT]                  RFC 7064; stuns: over TLS
    turn:HOST[:PORT][?transport=T]    RFC 7065; turns: over TLS; T is udp or tcp

HOST is a name, an IPv4 address, or an IPv6 address in brackets. There is no ``//``, no user and no path.
"""

from __future__ import annotations

import ipaddress
import re

STUN_SCHEMES = ("stun:", "stuns:")
TURN_SCHEMES = ("turn:", "turns:")

_TRANSPORTS = ("udp", "tcp")
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_HOST_AND_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(?::(?P<port>[^:]*))?")


def check_ice_url(url: str, schemes: tuple[str, ...]) -> str:
    """The URL as it is, when it is one.

    :raises ValueError: with a sentence that names the URL and what is wrong with it.
    """
    if not url.lower().startswith(schemes):
        raise ValueError(f"{url} must begin with one of {', '.join(schemes)}")
    scheme, _, rest = url.partition(":")
    if rest.startswith("//"):
        raise ValueError(f"{url} must not have // after {scheme}:")
    address, question_mark, query = rest.partition("?")
    if any(character in address for character in "@/#"):
        raise ValueError(f"{url} must be {scheme}:host or {scheme}:host:port, without user and path")
    match = _HOST_AND_PORT.fullmatch(address)
    if match is None:
        raise ValueError(f"{url} must be {scheme}:host:port, an IPv6 host in brackets")
    _check_host(url, match["host"])
    _check_port(url, match["port"])
    if question_mark:
        _check_query(url, scheme, query)
    return url


def _check_host(url: str, host: str) -> None:
    if host.startswith("["):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            raise ValueError(f"{url} has a host that is not an IPv6 address: {host}") from None
        return
    labels = host.removesuffix(".").split(".")
    numeric = all(label.isdigit() for label in labels)
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        if numeric or not all(_LABEL.fullmatch(label) for label in labels):
            what = f"a host that is neither a name nor an address: {host}" if host else "no host"
            raise ValueError(f"{url} has {what}") from None


def _check_port(url: str, port: str | None) -> None:
    if port is None:
        return
    if not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
        raise ValueError(f"{url} has a port that is not a number from 1 to 65535: {port or 'empty'}")


def _check_query(url: str, scheme: str, query: str) -> None:
    if scheme.lower().startswith("stun"):
        raise ValueError(f"{url} must not have anything after the port: RFC 7064 knows no ?{query}")
    name, _, transport = query.partition("=")
    if name != "transport" or transport not in _TRANSPORTS:
        raise ValueError(f"{url} may end with ?transport=udp or ?transport=tcp and with nothing else")
