"""The gateway's STUN and TURN servers: ``GET /api/v1/ice-servers``.

The official clients take this as best effort and go on with plain STUN when it fails. A load test
goes on too, but writes down why: :attr:`IceServersUnavailable.reason`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import ssl
from dataclasses import dataclass

from ..errors import SignalingError, Stage
from .failure_reasons import connection_reason
from .http_get import AnswerTooLarge, NotHttp, get

#: Bytes of an answer that are read. A list of servers has a few hundred.
MAX_ANSWER_BYTES = 256 * 1024

_SCHEMES = ("stun:", "stuns:", "turn:", "turns:")


@dataclass(frozen=True, slots=True)
class IceServer:
    """One entry of the list, as W3C's ``RTCIceServer``."""

    urls: tuple[str, ...]
    """At least one URI, RFC 7064 (``stun:``) or RFC 7065 (``turn:``)."""
    username: str | None = None
    """None for STUN."""
    credential: str | None = dataclasses.field(default=None, repr=False)
    """A secret, good for a day; None for STUN."""


class IceServersUnavailable(SignalingError):
    """The gateway's ICE servers could not be had; the call can go on without.

    :param reason: a short fixed text, such as ``HTTP 401`` or ``timeout``; never holds the token.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            Stage.ICE_SERVERS,
            "ICE_SERVERS_UNAVAILABLE",
            f"the gateway's ICE servers could not be fetched: {reason}",
        )
        self.reason = reason

    def __reduce__(self) -> tuple[type[IceServersUnavailable], tuple[str]]:
        # The arguments of the parent's constructor are not this one's.
        return type(self), (self.reason,)


def parse_ice_servers(document: object) -> list[IceServer]:
    """The usable servers in ``{"iceServers": [{"urls", "username", "credential"}, …]}``, in their order.

    Left out is what a browser could not use: URLs that are neither STUN nor TURN, TURN without user
    name and credential, and entries of another form.

    :raises ValueError: the document is not of that form.
    """
    if not isinstance(document, dict):
        raise ValueError("the list of ICE servers is not a JSON object")
    entries = document.get("iceServers")
    if not isinstance(entries, list):
        raise ValueError("the list of ICE servers has no array 'iceServers'")
    servers = (_parse_entry(entry) for entry in entries)
    return [server for server in servers if server is not None]


def _parse_entry(entry: object) -> IceServer | None:
    if not isinstance(entry, dict):
        return None
    urls = entry.get("urls")
    candidates = urls if isinstance(urls, list) else [urls]
    usable = [url for url in candidates if isinstance(url, str) and url.lower().startswith(_SCHEMES)]
    username, credential = entry.get("username"), entry.get("credential")
    if not (isinstance(username, str) and isinstance(credential, str)):
        # W3C WebRTC, 4.4.1.1: a TURN URL without both is an error.
        usable = [url for url in usable if url.lower().startswith("stun")]
        username = credential = None
    return IceServer(tuple(usable), username, credential) if usable else None


async def fetch_ice_servers(
    url: str,
    token: str,
    timeout: float,
    *,
    tls: ssl.SSLContext | None = None,
    local_address: str | None = None,
) -> list[IceServer]:
    """Ask the gateway for its ICE servers; the list may be empty.

    :param url: see :func:`~.urls.ice_servers_url`.
    :param token: sent as ``Authorization: Bearer``, to ``url`` and nowhere else; with none, it is for the gateway
        to refuse.
    :param timeout: seconds for the whole request.
    :param tls: how the gateway's certificate is judged; None for the machine's own certificate authorities.
    :param local_address: IP address to ask from; None to leave it to the system.
    :raises IceServersUnavailable: with the reason.
    """
    # RFC 9110 section 5.5: a header's value has no blank at its ends.
    if not token.isascii() or not token.isprintable() or token != token.strip():
        raise IceServersUnavailable("the token cannot be sent in a header")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with asyncio.timeout(timeout):
            answer = await get(url, headers, tls=tls, local_address=local_address, max_bytes=MAX_ANSWER_BYTES)
    except (OSError, ValueError, NotHttp, AnswerTooLarge) as exc:  # TimeoutError is an OSError
        reason = _reason(exc)
    else:
        # A redirect is reported, not followed: the token is for this host only.
        if answer.status == 200:
            return _read(answer.body)
        reason = f"HTTP {answer.status}"
    # Raised out here, so that it does not drag the library's error along: that one knows our headers.
    raise IceServersUnavailable(reason)


def _read(body: bytes) -> list[IceServer]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        raise IceServersUnavailable("not JSON") from None
    try:
        return parse_ice_servers(document)
    except ValueError:
        raise IceServersUnavailable("not a list of ICE servers") from None


def _reason(error: Exception) -> str:
    match error:
        case NotHttp():
            return "not HTTP"
        case AnswerTooLarge():
            return "answer too large"
        case _:
            return connection_reason(error)
