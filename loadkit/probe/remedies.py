"""What to try next, error code by error code: the public troubleshooting of the gateway, and what the call showed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from loadkit.probe.circumstances import Circumstances, Rule
from loadkit.probe.one_call import is_echo
from loadkit.probe.secrets import what_is_wrong_with
from loadkit.signaling.modes import MODES
from loadkit.signaling.urls import SIGNALING_PATH
from loadkit.transport.addresses import can_reach

HOW_TO_GIVE_IT = (
    "Give it by environment, read -rs LOADKIT_AUTH_TOKEN && export LOADKIT_AUTH_TOKEN, or by --auth-token."
)
_UDP = "UDP between here and the gateway seems to be blocked, by a firewall, a VPN or a NAT on the way."
_RELAY = "Go through a TURN server over TCP or TLS: --ice-path relay-tcp, or relay-tls where only port 443 is open."


# The gateway's own codes


def _unauthorized(seen: Circumstances) -> Iterator[str]:
    fault = what_is_wrong_with(seen.settings.token(), seen.record.ended_at or 0.0)
    if fault is not None:
        yield fault
    if not seen.settings.token():
        yield HOW_TO_GIVE_IT
        return
    yield (
        "The gateway does not know this token. Is it the token of this gateway and its region? A Studio JWT goes"
        " stale on every redeploy; a connector token does not."
    )
    yield HOW_TO_GIVE_IT


def _forbidden(seen: Circumstances) -> Iterator[str]:
    if is_echo(seen.settings.call_mode):
        yield (
            "Production gateways refuse the mode echo: try --call-mode end-to-end or --call-mode traditional."
            " Such calls cost money."
        )
    else:
        yield "The token may not do this here: ask for its rights, and whether a limit on calls is reached."


def _invalid_argument(seen: Circumstances) -> Iterator[str]:
    if seen.settings.call_mode not in MODES:
        yield f"The modes of the public protocol are {', '.join(MODES)}: choose one by --call-mode."
    else:
        yield "Look at --account-id, --project-id, --variant-id and the two agent versions."


def _media_bridge(seen: Circumstances) -> Iterator[str]:
    yield from _blocked(seen)
    yield "The gateway's log says more: it is its side of the media that could not be set up."


def _agent_failure(_: Circumstances) -> Iterator[str]:
    yield "Check --account-id, --project-id and --variant-id, and that the agent is deployed."
    yield "--call-mode echo, where it is allowed, tells whether everything but the agent works."


def _handler_error(_: Circumstances) -> Iterator[str]:
    yield "It is the gateway's own failure: look into its log at the time of the call, by callSid or sessionId."


# The WebSocket


def _refused(seen: Circumstances) -> Iterator[str]:
    refusal = seen.diary.last("upgrade_refused")
    if refusal is None:
        yield from _no_listener(seen)
        return
    status = refusal.data["status"]
    path = urlsplit(seen.destination.signaling_url).path
    if status in (401, 403):
        yield (
            f"HTTP {status} comes before the protocol begins, when no token was shown yet: from a proxy, a firewall or"
            " an access list in front of the gateway."
        )
    elif status == 404:
        yield f"Nothing is at the path {path}."
        if path != SIGNALING_PATH:
            yield f"The gateway's path is {SIGNALING_PATH}: give the address without a path, and it is used."
        else:
            yield "Is this host a gateway, or does it need another path? A path in the URL is used as it is."
    elif 300 <= status < 400:
        yield "It sends callers elsewhere: give the address that it names."
    elif status == 200 or status == 426:
        yield "A web server answers there, but it does not speak WebSocket at this path."
    elif status == 429:
        yield "Too many connections from here: wait, or ask for a higher limit."
    elif status >= 500:
        yield "The proxy is there, but the gateway behind it is down, restarting or full: try /health of this host."


def _no_listener(seen: Circumstances) -> Iterator[str]:
    parts = urlsplit(seen.destination.signaling_url)
    if seen.diary.last("tcp") is None:
        port = parts.port or (443 if parts.scheme == "wss" else 80)
        yield f"Nothing takes connections at {parts.hostname} port {port}: is the gateway up, and is the port right?"
    elif parts.scheme == "ws":
        yield "Something listens there, but not for plain WebSockets: try wss:// instead of ws://."
    else:
        yield "Something listens there, but it does not answer as a gateway does: is the port right?"


def _dns(seen: Circumstances) -> Iterator[str]:
    host = urlsplit(seen.destination.signaling_url).hostname or ""
    local = next(iter(seen.settings.local_address), None)
    if local is not None and not can_reach(local, host):
        yield f"--local-address {local} cannot reach {host}, an address of the other IP version."
        return
    yield f"The name {host} has no address here: is it spelled right? A private name may need a VPN."


def _tls(seen: Circumstances) -> Iterator[str]:
    message = (seen.record.error_message or "").lower()
    if "hung up" in message or "wrong version" in message or "wrong_version" in message:
        yield "The port may speak plain HTTP: try ws:// instead of wss://."
    if "self-signed" in message or "self signed" in message or "issuer" in message:
        yield "The certificate is of an authority that this machine does not know: give its PEM file by --tls-ca."
    elif "hostname" in message or "ip address mismatch" in message:
        yield "The certificate is for another name: call the gateway by the name that is in it."
    elif "expired" in message or "not yet valid" in message:
        yield "The certificate has expired, or the clock of this machine is wrong."
    else:
        yield "Give a private authority's PEM file by --tls-ca; --tls-insecure shows whether all else is right."


def _websocket_timeout(seen: Circumstances) -> Iterator[str]:
    if seen.diary.last("dns") is None:
        yield "The resolver did not answer in time."
    elif seen.diary.last("tcp") is None:
        yield "No answer to the TCP connection: a firewall swallows it, or the address is wrong."
    else:
        yield "TCP connects, but the upgrade is not answered: the gateway hangs, or the port is of another service."
    yield "If the way is only slow: --websocket-timeout."


# Answer, ICE, DTLS


def _answer_timeout(_: Circumstances) -> Iterator[str]:
    yield "The gateway took the WebSocket and then said nothing: it may be overloaded, or wait for its agent."
    yield "-v shows every message; --answer-timeout waits longer."


def _answer_invalid(seen: Circumstances) -> Iterator[str]:
    message = seen.record.error_message or ""
    if "Opus is not negotiated" in message:
        yield "The answer must take Opus (opus/48000/2), the only codec that is offered: look at the gateway's codecs."
    elif "fingerprint" in message or "ufrag" in message:
        yield "The answer must say its DTLS fingerprint and setup role, and its ICE ufrag and password."
    yield "-v shows the SDP of offer and answer in full."


def _ice(seen: Circumstances) -> Iterator[str]:
    yield from _blocked(seen)
    remote = [event.data for event in seen.diary.of("remote_candidate")]
    if (
        remote
        and all(_is_private(str(candidate["address"])) for candidate in remote)
        and not seen.destination.loopback
    ):
        yield (
            "The gateway named only private addresses: from outside its network they cannot be reached. It needs its"
            " public address, or a TURN server."
        )
    yield "If the way is only slow: --ice-timeout."


def _blocked(seen: Circumstances) -> Iterator[str]:
    """What the candidates say of the path."""
    if not seen.diary.of("remote_candidate"):
        if seen.diary.last("answer") is not None:
            yield (
                "The gateway sent no candidate: with nowhere to send to, only a check from its side could have found"
                " us. Look at its ICE settings; -v shows what it sent."
            )
        return
    types = {event.data["type"] for event in seen.diary.of("local_candidate")}
    if "relay" in types:
        yield "Not even the way through TURN worked: look at the TURN server's log, and its way to the gateway."
    elif seen.destination.loopback:
        yield "Both sides are on this machine: look at the address that the gateway's candidate names."
    else:
        yield f"{_UDP} No candidate of a TURN server led around it, there were only: {', '.join(sorted(types))}."
        yield (
            _RELAY
            if seen.turn_urls
            else "The gateway's list of ICE servers names no TURN server to go through."
        )


def _is_private(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False


def _turn_unreachable(seen: Circumstances) -> Iterator[str]:
    if seen.record.ice_servers_error is not None:
        yield "Without the gateway's list of ICE servers no TURN server is known; --ice-path any goes without."
        return
    if not seen.turn_urls:
        yield "The gateway's list of ICE servers names no TURN server: --ice-path direct or any goes without one."
        return
    yield "The TURN server does not answer: is it up, and may this network reach its port by this protocol?"
    yield "Try the other ways: --ice-path relay-tcp or relay-tls."


def _turn_unauthorized(_: Circumstances) -> Iterator[str]:
    yield "TURN refused the credentials that the gateway issued: both must share one secret, and their clocks agree."


def _turn_refused(_: Circumstances) -> Iterator[str]:
    yield "The message has the server's number: 486 is a quota per user, 508 that it has no relay addresses left."
    yield "Ask who runs it for its limits, or try without a relay: --ice-path direct."


def _turn_tls(_: Circumstances) -> Iterator[str]:
    yield "The TURN server's certificate was not accepted: give a private authority's PEM file by --tls-ca."


def _gathering(seen: Circumstances) -> Iterator[str]:
    if seen.settings.local_address:
        yield "The address given by --local-address is none of this machine's."
    else:
        yield "This machine has no network interface that can be used."


def _dtls(_: Circumstances) -> Iterator[str]:
    yield (
        "The certificate that came does not match the fingerprint in the answer, or the handshake was refused: is"
        " there something between both sides that rewrites SDP or media?"
    )


def _dtls_timeout(_: Circumstances) -> Iterator[str]:
    yield (
        "Connectivity checks pass, larger packets do not: a small MTU on the way (VPN), or the gateway's media process"
        " hangs."
    )


# Media and agent


def _no_audio(_: Circumstances) -> Iterator[str]:
    yield "Everything connected, and no packet came: the gateway's media bridge, or a firewall that lets out, not in."


def _media_lost(_: Circumstances) -> Iterator[str]:
    yield "It worked and then stopped: a NAT that forgets, a change of network, or the gateway's media process."


def _no_response(seen: Circumstances) -> Iterator[str]:
    if seen.record.silent_audio:
        yield "Packets came, but all of them were silence: the agent is connected and does not speak."
    elif seen.diary.last("greeting") is None:
        yield "The agent did not greet: perhaps it waits for the caller. --agent-timeout waits longer."
    else:
        yield "The agent did not reply: did it hear us? Try another --sample, or --agent-timeout to wait longer."


def _signaling_lost(_: Circumstances) -> Iterator[str]:
    yield "A proxy with an idle time-out, or a gateway that was restarted; -v shows the last messages before."


def _closed_early(_: Circumstances) -> Iterator[str]:
    yield "The gateway took the offer and hung up before media could flow: its log says why."


def _too_many_files(_: Circumstances) -> Iterator[str]:
    yield "This process may open no more files: raise the limit of the shell that starts it (ulimit -n 65536)."


#: Error code -> what to try. A code that is not here says all there is to say.
REMEDIES: dict[str, Rule] = {
    "UNAUTHORIZED": _unauthorized,
    "FORBIDDEN": _forbidden,
    "INVALID_ARGUMENT": _invalid_argument,
    "HANDLER_ERROR": _handler_error,
    "MEDIA_BRIDGE_FAILURE": _media_bridge,
    "AGENT_FAILURE": _agent_failure,
    "WEBSOCKET_REFUSED": _refused,
    "WEBSOCKET_DNS": _dns,
    "WEBSOCKET_TLS": _tls,
    "WEBSOCKET_TIMEOUT": _websocket_timeout,
    "ANSWER_TIMEOUT": _answer_timeout,
    "ANSWER_INVALID": _answer_invalid,
    "GATHERING_FAILED": _gathering,
    "ICE_FAILED": _ice,
    "ICE_TIMEOUT": _ice,
    "TURN_UNREACHABLE": _turn_unreachable,
    "TURN_UNAUTHORIZED": _turn_unauthorized,
    "TURN_REFUSED": _turn_refused,
    "TURN_TLS": _turn_tls,
    "DTLS_FAILED": _dtls,
    "DTLS_TIMEOUT": _dtls_timeout,
    "NO_AUDIO": _no_audio,
    "MEDIA_LOST": _media_lost,
    "NO_RESPONSE": _no_response,
    "SIGNALING_LOST": _signaling_lost,
    "CLOSED_EARLY": _closed_early,
    "TOO_MANY_FILES": _too_many_files,
}
