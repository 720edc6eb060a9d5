"""Which STUN and TURN servers a call uses, out of those that the gateway named and the path that was asked for.

any         host and server-reflexive candidates, and one relay: over UDP if it can be had, else TCP, else TLS
direct      host and server-reflexive candidates
relay-…     nothing but the relay of the first TURN server of this transport
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from loadkit.errors import Stage, TransportError
from loadkit.setting_values import IcePath
from loadkit.transport.addresses import is_loopback

#: RFC 7064, RFC 7065; an IPv6 address is in brackets.
_URL = re.compile(
    r"(?P<scheme>stun|stuns|turn|turns):(?P<host>\[[0-9a-fA-F:.%]+\]|[^][?:/@]+)(:(?P<port>\d{1,5}))?"
    r"(\?transport=(?P<transport>\w+))?",
    re.IGNORECASE,
)

#: How the client speaks to a TURN server; the relay itself sends UDP always.
_PROTOCOLS = {("turn", "udp"): "udp", ("turn", "tcp"): "tcp", ("turns", "tcp"): "tls"}
_PORTS = {"stun": 3478, "turn": 3478, "turns": 5349}
_WANTED = {IcePath.RELAY_UDP: "udp", IcePath.RELAY_TCP: "tcp", IcePath.RELAY_TLS: "tls"}
_IN_WORDS = {"udp": "UDP", "tcp": "TCP", "tls": "TLS"}

#: An entry of the gateway's list: URLs, user name, credential.
Entry = tuple[Sequence[str], str | None, str | None]


@dataclass(frozen=True)
class TurnServer:
    """One TURN URL with its credentials."""

    url: str
    host: str
    port: int
    protocol: str
    """``udp``, ``tcp`` or ``tls``."""
    username: str = field(default="", repr=False)
    credential: str = field(default="", repr=False)


@dataclass(frozen=True)
class Route:
    """What to gather for a call. The default is host candidates alone."""

    host_candidates: bool = True
    stun: tuple[str, int] | None = None
    """Server to ask for server-reflexive candidates; None for none."""
    turn: tuple[TurnServer, ...] = ()
    """Servers to ask for a relay, one after the other until one gives it."""

    @property
    def relay_needed(self) -> bool:
        """Without a relay there is no call."""
        return not self.host_candidates


@dataclass(frozen=True)
class _Url:
    scheme: str
    host: str
    port: int
    protocol: str


def read_url(text: str) -> _Url:
    """A STUN or TURN URL that can be used.

    :raises ValueError: it is none, or for a transport that is not spoken here (``stuns:``, DTLS).
    """
    match = _URL.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not a STUN or TURN URL: {text[:100]!r}")
    scheme = match["scheme"].lower()
    transport = (match["transport"] or ("tcp" if scheme == "turns" else "udp")).lower()
    protocol = "udp" if scheme == "stun" else _PROTOCOLS.get((scheme, transport))
    port = int(match["port"] or _PORTS.get(scheme, 0))
    if protocol is None or not 0 < port < 65536:
        raise ValueError(f"a server that cannot be used: {text[:100]!r}")
    return _Url(scheme, match["host"].strip("[]"), port, protocol)


def choose_route(path: IcePath, entries: Sequence[Entry], *, loopback: bool, unavailable: str = "") -> Route:
    """What a call with this path gathers.

    :param entries: the gateway's ICE servers.
    :param loopback: the gateway is on loopback: servers elsewhere are left out.
    :param unavailable: why the gateway's ICE servers could not be had; empty when they could.
    :raises TransportError: TURN_UNREACHABLE, the path needs a relay and no server for it was named.
    """
    usable = list(_usable(entries, loopback=loopback))
    turn = [server for server in usable if isinstance(server, TurnServer)]
    stun = next((server for server in usable if isinstance(server, tuple)), None)
    if path in _WANTED:
        named = [server for server in turn if server.protocol == _WANTED[path]]
        if not named:
            unused = urls_left_out(entries, loopback=loopback)
            raise TransportError(Stage.ICE, "TURN_UNREACHABLE", _none_named(path, turn, unused, unavailable))
        return Route(host_candidates=False, turn=(named[0],))
    if path is IcePath.DIRECT:
        return Route(stun=stun)
    first = [next((s for s in turn if s.protocol == protocol), None) for protocol in ("udp", "tcp", "tls")]
    return Route(stun=stun, turn=tuple(s for s in first if s is not None))


def urls_left_out(entries: Sequence[Entry], *, loopback: bool) -> int:
    """How many of the gateway's URLs no call can use: not readable, or not on the loopback of the gateway."""
    return sum(len(entry[0]) for entry in entries) - len(list(_usable(entries, loopback=loopback)))


def _usable(entries: Sequence[Entry], *, loopback: bool) -> Iterator[TurnServer | tuple[str, int]]:
    for urls, username, credential in entries:
        for text in urls:
            try:
                url = read_url(text)
            except ValueError:
                continue
            if loopback and not is_loopback(url.host):
                continue
            if url.scheme == "stun":
                yield url.host, url.port
            elif username is not None and credential is not None:
                yield TurnServer(text.strip(), url.host, url.port, url.protocol, username, credential)


def _none_named(path: IcePath, turn: Sequence[TurnServer], left_out: int, unavailable: str) -> str:
    asked = f"the call was to go through {path}, and "
    if unavailable:
        return f"{asked}the gateway's ICE servers could not be had: {unavailable}"
    named = ", ".join(dict.fromkeys(_IN_WORDS[server.protocol] for server in turn))
    sentence = (
        f"{asked}the gateway named no TURN server over {_IN_WORDS[_WANTED[path]]} that can be used here"
    )
    sentence += f"; it named TURN over {named}" if named else "; it named no TURN server at all"
    if left_out:
        sentence += (
            f"; {left_out} of its URLs are not used (of a loopback gateway, those that are not on loopback)"
        )
    return sentence
