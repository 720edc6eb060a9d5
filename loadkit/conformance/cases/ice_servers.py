"""``GET /api/v1/ice-servers``: who gets an answer, what is in it, and whether its TURN servers let one in."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections.abc import Iterator
from typing import Any

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import ExpectationFailed, Kind, NotChecked, case, demand, shown
from loadkit.conformance.sources import ICE_SERVERS, TURN_REST, both, rfc
from loadkit.conformance.tokens import made_up_token, only_known_tokens
from loadkit.conformance.turn import TurnAddress, try_to_allocate
from loadkit.signaling.urls import ICE_SERVERS_PATH

_SCHEMES = ("stun:", "stuns:", "turn:", "turns:")
_DAY_S = 86_400
#: Bytes of an HMAC-SHA1.
_SHA1_BYTES = 20


@case(
    "ice-servers.header-token",
    "A token in the Authorization header is taken",
    expect="GET /api/v1/ice-servers with Authorization: Bearer and the token answers 200",
    source=ICE_SERVERS,
)
async def header_token(bench: Bench) -> None:
    answer = await bench.get(ICE_SERVERS_PATH, bearer=bench.target.token)
    demand(answer.status == 200, "HTTP 200", f"HTTP {answer.status}")


@case(
    "ice-servers.query-token",
    "A token in the query is taken",
    expect="GET /api/v1/ice-servers?token=… answers 200",
    source=ICE_SERVERS,
)
async def query_token(bench: Bench) -> None:
    answer = await bench.get(ICE_SERVERS_PATH, query={"token": bench.target.token})
    demand(answer.status == 200, "HTTP 200", f"HTTP {answer.status}")


@case(
    "ice-servers.no-token",
    "Without a token nobody gets TURN credentials",
    expect="GET /api/v1/ice-servers without a token answers 401",
    source=ICE_SERVERS,
)
async def no_token(bench: Bench) -> None:
    answer = await bench.get(ICE_SERVERS_PATH)
    demand(answer.status == 401, "HTTP 401", f"HTTP {answer.status}")


@case(
    "ice-servers.wrong-token",
    "With a wrong token nobody gets TURN credentials",
    expect="GET /api/v1/ice-servers with a token that is not accepted answers 401",
    source=ICE_SERVERS,
)
async def wrong_token(bench: Bench) -> None:
    await only_known_tokens(bench)
    answer = await bench.get(ICE_SERVERS_PATH, bearer=made_up_token())
    demand(answer.status == 401, "HTTP 401", f"HTTP {answer.status}")


@case(
    "ice-servers.shape",
    "The list is one that RTCPeerConnection takes",
    expect=(
        '{"iceServers": [...]}, each with urls (a string or a list of stun:, stuns:, turn: or turns: URLs), and'
        " with username and credential where TURN is named"
    ),
    source=both(ICE_SERVERS, rfc(7064, "3.1"), rfc(7065, "3.1")),
)
async def shape(bench: Bench) -> None:
    answer = await bench.ice_servers()
    demand(answer.status == 200, "HTTP 200", f"HTTP {answer.status}")
    for entry in _entries(answer.document()):
        demand(isinstance(entry, dict), "entries that are objects", shown(entry))
        urls = _urls(entry)
        demand(urls, "urls, a string or a list that is not empty", shown(entry.get("urls")))
        for url in urls:
            usable = isinstance(url, str) and url.lower().startswith(_SCHEMES)
            demand(usable, f"URLs that begin with {', '.join(_SCHEMES)}", shown(url))
        if any(url.lower().startswith("turn") for url in urls):
            named = [isinstance(entry.get(name), str) and entry[name] for name in ("username", "credential")]
            demand(all(named), "username and credential beside a TURN URL", "one of them is missing")


@case(
    "ice-servers.json",
    "The list says that it is JSON, and is not for caches",
    expect="Content-Type is application/json",
    source=ICE_SERVERS,
    kind=Kind.SHOULD,
)
async def content_type(bench: Bench) -> None:
    headers = {name.lower(): value for name, value in (await bench.ice_servers()).headers.items()}
    kind = headers.get("content-type", "none")
    demand(kind.startswith("application/json"), "Content-Type application/json", shown(kind))


@case(
    "ice-servers.turn-expiry",
    "TURN credentials have not expired when they are issued",
    expect="each TURN username is <unix time of expiry>:<name>, and that time is in the future",
    source=both(ICE_SERVERS, TURN_REST),
)
async def turn_expiry(bench: Bench) -> None:
    for entry in await _turn_entries(bench):
        expiry = _expiry(entry)
        late = int(time.time() - expiry)
        demand(late < 0, "a time of expiry in the future", f"it was {late} s ago")


@case(
    "ice-servers.turn-day",
    "TURN credentials are good for a day",
    expect="each TURN username expires 24 hours from now, give or take an hour",
    source=ICE_SERVERS,
    kind=Kind.SHOULD,
)
async def turn_day(bench: Bench) -> None:
    for entry in await _turn_entries(bench):
        left = _expiry(entry) - time.time()
        demand(abs(left - _DAY_S) < 3600, "24 h, give or take one", f"{left / 3600:.1f} h")


@case(
    "ice-servers.turn-fresh",
    "Each request gets TURN credentials of its own time",
    expect="two requests more than a second apart get different usernames, the later one expiring later",
    source=both(ICE_SERVERS, TURN_REST),
)
async def turn_fresh(bench: Bench) -> None:
    first = [_expiry(entry) for entry in await _turn_entries(bench)]
    # User names hold whole seconds.
    await asyncio.sleep(1.1)
    second = [_expiry(entry) for entry in await _turn_entries(bench)]
    fresh = len(first) == len(second) and all(b > a for a, b in zip(first, second, strict=True))
    demand(fresh, "a later time of expiry a second later", f"{first}, then {second}")


@case(
    "ice-servers.turn-credential",
    "A TURN credential is a base64 HMAC-SHA1",
    expect="each TURN credential is base64 of 20 bytes",
    source=both(ICE_SERVERS, TURN_REST),
)
async def turn_credential(bench: Bench) -> None:
    for entry in await _turn_entries(bench):
        try:
            size = len(base64.b64decode(str(entry.get("credential")), validate=True))
        except binascii.Error:
            raise ExpectationFailed("base64 of 20 bytes", "text that is not base64") from None
        demand(size == _SHA1_BYTES, f"base64 of {_SHA1_BYTES} bytes", f"base64 of {size} bytes")


@case(
    "ice-servers.turn-allocates",
    "The TURN servers take the credentials",
    expect="each TURN server that can be reached from here gives an allocation for the issued credentials",
    source=both(ICE_SERVERS, rfc(8656, "7")),
)
async def turn_allocates(bench: Bench) -> None:
    unreachable = []
    allocated = 0
    for entry in await _turn_entries(bench):
        for url in _urls(entry):
            address = TurnAddress.of(str(url))
            if address is None:
                continue
            if bench.target.loopback and not address.loopback:
                unreachable.append(f"{url} is not on loopback, as the gateway is")
                continue
            failure = await try_to_allocate(
                address, str(entry.get("username")), str(entry.get("credential")), bench.target
            )
            if failure is None:
                allocated += 1
            else:
                unreachable.append(f"{url}: {failure}")
    if not allocated:
        raise NotChecked(f"no TURN server can be reached from here: {'; '.join(unreachable)}")


def _entries(document: Any) -> list[Any]:
    servers = document.get("iceServers") if isinstance(document, dict) else None
    if not isinstance(servers, list):
        raise ExpectationFailed("an object with a list iceServers", shown(document))
    return servers


def _urls(entry: Any) -> list[Any]:
    urls = entry.get("urls")
    return urls if isinstance(urls, list) else [urls] if isinstance(urls, str) else []


async def _turn_entries(bench: Bench) -> list[dict[str, Any]]:
    """The entries with TURN.

    :raises NotChecked: there is none.
    """
    found = list(_with_turn(_entries((await bench.ice_servers()).document())))
    if not found:
        raise NotChecked("the gateway names no TURN server")
    return found


def _with_turn(entries: list[Any]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        if isinstance(entry, dict) and any(str(url).lower().startswith("turn") for url in _urls(entry)):
            yield entry


def _expiry(entry: dict[str, Any]) -> int:
    """The Unix time in a user name.

    :raises ExpectationFailed: there is none.
    """
    digits, colon, _name = str(entry.get("username")).partition(":")
    if not (colon and digits.isdecimal()):
        raise ExpectationFailed("a username <unix time>:<name>", "a username of another form")
    return int(digits)
