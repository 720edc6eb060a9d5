"""An event as one line for people: who did it, and what.

``*`` here   ``>`` to the gateway   ``<`` from the gateway   ``!`` went wrong
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loadkit.printable import printable
from loadkit.probe.diary import Event

HERE, SENT, RECEIVED, WRONG = "*", ">", "<", "!"

#: Width of the column of times, and of all that stands before the text.
_TIME_WIDTH = 9
INDENT = _TIME_WIDTH + 3

#: Lines of a message that are shown; an SDP has about forty.
_MOST_LINES = 200


@dataclass(frozen=True)
class Line:
    """What is shown of an event."""

    sign: str
    text: str
    more: tuple[str, ...] = ()
    """Further lines that stand under it as they are, such as an SDP."""


Data = dict[str, Any]


def narrate(event: Event, *, messages: bool) -> Line | None:
    """The line of an event; None when it is not told.

    :param messages: whether signaling messages are told in full.
    """
    if event.name in _MESSAGES:
        return _message(event) if messages else None
    tell = _LINES.get(event.name)
    return tell(event.data) if tell else None


def layout(event: Event, line: Line, width: int) -> list[str]:
    """The lines on the screen: time in ms, sign, text folded to ``width`` columns."""
    head = f"{event.at_ms:{_TIME_WIDTH}.1f} {line.sign} "
    folded = textwrap.wrap(line.text, width - INDENT, break_long_words=False, break_on_hyphens=False) or [""]
    margin = " " * INDENT
    return [head + folded[0], *(margin + text for text in [*folded[1:], *line.more])]


def shown(value: object, limit: int = 120) -> str:
    """Text of the gateway, fit to be shown."""
    return printable(str(value), limit)


def candidate(described: Data) -> str:
    """``host udp 192.0.2.1:50000``."""
    address = str(described["address"])
    host = f"[{address}]" if ":" in address else address
    return shown(f"{described['type']} {described['protocol']} {host}:{described['port']}")


def milliseconds(value: float | None) -> str:
    """``12.3 ms``; a dash when it was not measured."""
    return "–" if value is None else f"{value:,.1f} ms"


# ICE servers and the WebSocket


def _ice_servers(data: Data) -> Line:
    if not data["count"]:
        return Line(RECEIVED, "ICE servers: none, the list is empty")
    urls = [shown(url) for url in data["urls"]]
    entries = "1 entry" if data["count"] == 1 else f"{data['count']} entries"
    return Line(RECEIVED, f"ICE servers: {entries}", tuple(urls[:20]))


def _dns(data: Data) -> Line:
    addresses = ", ".join(data["addresses"][:8])
    if data["addresses"] == [data["host"]]:
        return Line(HERE, f"the host is the address {addresses}")
    return Line(HERE, f"DNS: {shown(data['host'])} is {addresses}")


def _tls(data: Data) -> Line:
    text = f"TLS: {data['version']}, {data['cipher']}"
    if not data["verified"]:
        return Line(HERE, f"{text}; the certificate was NOT verified")
    of = f"certificate of {shown(data['subject'])} by {shown(data['issuer'])}"
    return Line(HERE, f"{text}; {of}, good until {shown(data['expires'])}")


def _upgrade_refused(data: Data) -> Line:
    text = f"HTTP {data['status']} {shown(data['reason'])}".rstrip()
    if data["location"]:
        text += f", to {shown(data['location'], 300)}"
    return Line(WRONG, f"the WebSocket upgrade was answered by {text}")


def _websocket_closed(data: Data) -> Line:
    code = f"WebSocket closed: code {data['code']}"
    reason = f" ({shown(data['reason'])})" if data["reason"] else ""
    by = {"gateway": ", by the gateway", "caller": ", by us", None: ", without a word of both sides"}
    return Line(HERE, f"{code}{reason}{by[data['by']]}")


# Offer, answer, media


def _answer(data: Data) -> Line:
    name = f"session {shown(data['session_id'])}" if data["session_id"] else "no sessionId"
    role = {"client": "active", "server": "passive"}.get(data["dtls_role"], data["dtls_role"])
    text = f"answer: {name}, {shown(data['codec'])}, {shown(data['direction'])}, setup {shown(role)}"
    if data["candidates"]:
        text += f", {data['candidates']} candidates in it"
    return Line(RECEIVED, text)


def _pair_selected(data: Data) -> Line:
    relay = f", over {data['relay_protocol'].upper()} to the TURN server" if data["relay_protocol"] else ""
    return Line(HERE, f"ICE: connected, {candidate(data['local'])} → {candidate(data['remote'])}{relay}")


def _dtls(data: Data) -> Line:
    return Line(
        HERE,
        f"DTLS: we are the {data['role']}, {data['version']}, {data['cipher']}, {data['srtp_profile']}",
    )


# What is said and heard


def _speaking(data: Data) -> Line:
    if data["for_s"] is None:
        return Line(SENT, f"saying {shown(data['sample'])} ({data['seconds']:.1f} s)")
    text = f"saying {shown(data['sample'])} ({data['seconds']:.1f} s), over and over for {data['for_s']:g} s"
    return Line(SENT, text)


def _speech_ended(data: Data) -> Line:
    level = str(data["loudest_dbfs"]).replace("-", "−")
    return Line(
        RECEIVED, f"silence again: {data['seconds']:.1f} s of speech were heard, loudest {level} dBFS"
    )


def _figures(data: Data) -> Line:
    jitter = None if data["jitter"] is None else data["jitter"] * 1000
    trip = None if data["round_trip_time"] is None else data["round_trip_time"] * 1000
    lost = "–" if data["packets_lost"] is None else f"{data['packets_lost']:,}"
    there = "–" if data["remote_packets_lost"] is None else f"{data['remote_packets_lost']:,}"
    return Line(
        HERE,
        f"{data['packets_sent'] or 0:,} packets sent, lost {there}; {data['packets_received'] or 0:,} received,"
        f" lost {lost}; jitter {milliseconds(jitter)}, round trip {milliseconds(trip)}",
    )


_LINES: dict[str, Callable[[Data], Line]] = {
    "ice_servers_asked": lambda _: Line(SENT, "asking for ICE servers"),
    "ice_servers": _ice_servers,
    "ice_servers_failed": lambda d: Line(
        WRONG, f"no ICE servers: {shown(d['reason'])}; the call goes on without"
    ),
    "websocket_asked": lambda _: Line(HERE, "opening the WebSocket"),
    "dns": _dns,
    "tcp": lambda d: Line(HERE, f"TCP: connected, {d['local']} → {d['remote']}"),
    "tcp_failed": lambda d: Line(WRONG, f"TCP: {d['remote']}: {d['reason']}"),
    "tls": _tls,
    "upgrade_refused": _upgrade_refused,
    "websocket_open": lambda _: Line(HERE, "WebSocket: open"),
    "websocket_closed": _websocket_closed,
    "offer_sent": lambda _: Line(SENT, "offer: Opus, one audio section, candidates follow"),
    "local_candidate": lambda d: Line(SENT, f"local candidate: {candidate(d)}"),
    "gathered": lambda _: Line(SENT, "no more local candidates"),
    "answer": _answer,
    "remote_candidate": lambda d: Line(RECEIVED, f"remote candidate: {candidate(d)}"),
    "remote_candidates_end": lambda _: Line(RECEIVED, "no more remote candidates"),
    "pair_selected": _pair_selected,
    "dtls": _dtls,
    "connected": lambda _: Line(HERE, "connected: media can flow"),
    "first_packet": lambda _: Line(RECEIVED, "first RTP packet"),
    "first_audio": lambda _: Line(RECEIVED, "first sound"),
    "waiting": lambda d: Line(HERE, f"waiting for the agent's {d['what']}, {d['timeout_s']:g} s at most"),
    "greeting": lambda d: Line(
        HERE,
        f"greeting: begun {milliseconds(d['latency_ms'])} after connecting"
        if d["latency_ms"] is not None
        else "greeting: not timed, this process stood still",
    ),
    "reply": lambda d: Line(
        HERE,
        f"reply: begun {milliseconds(d['latency_ms'])} after our last speech"
        if d["latency_ms"] is not None
        else "reply: begun before we had finished, or not timed since this process stood still",
    ),
    "speaking": _speaking,
    "speech_began": lambda _: Line(RECEIVED, "speech is heard"),
    "speech_ended": _speech_ended,
    "figures": _figures,
    "script_done": lambda _: Line(HERE, "all is said: hanging up"),
    "interrupted": lambda _: Line(HERE, "interrupted: hanging up; once more ends at once"),
    "gateway_error": lambda d: Line(WRONG, f"error {shown(d['code'])}: {shown(d['message'], 300)}"),
    "message_unusable": lambda d: Line(WRONG, f"a message could not be used: {shown(d['reason'])}"),
    "close_sent": lambda _: Line(SENT, "close: we hang up"),
    "gateway_closed": lambda _: Line(RECEIVED, "close: the gateway hung up"),
}

_MESSAGES = {"message_sent": SENT, "message_received": RECEIVED}


def _message(event: Event) -> Line:
    """A message as JSON, and the SDP in it line by line, as it is easier read."""
    message, sdp = event.data["message"], None
    if isinstance(message, dict) and isinstance(message.get("data"), dict) and "sdp" in message["data"]:
        sdp = message["data"]["sdp"]
        message = message | {"data": message["data"] | {"sdp": "(below)"}}
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    lines = sdp.splitlines() if isinstance(sdp, str) else []
    return Line(
        _MESSAGES[event.name], shown(text, 4000), tuple(shown(line, 400) for line in lines[:_MOST_LINES])
    )
