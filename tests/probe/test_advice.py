"""For each way to fail there is something to try, and what was seen is named."""

from __future__ import annotations

import argparse
import re
from typing import Any

import pytest

from loadkit.call.destination import Destination
from loadkit.errors import CODES
from loadkit.probe.advice import advice
from loadkit.probe.circumstances import Circumstances
from loadkit.probe.command import add_arguments
from loadkit.probe.diary import Diary
from loadkit.probe.one_call import CallResult
from loadkit.records import CallRecord
from loadkit.settings import make_settings

#: Codes that one call cannot end with, or that say all there is to say.
WITHOUT_ADVICE = {
    "UNKNOWN",
    "INVALID_MESSAGE",
    "ICE_SERVERS_UNAVAILABLE",
    "CONNECT_TIMEOUT",
    "SCRIPT_ERROR",
    "ENGINE_LOST",
    "ENGINE_STALLED",
    "INTERNAL",
}


def seen(
    code: str | None,
    *,
    url: str = "wss://gateway.example.com",
    events: list[tuple[str, dict[str, Any]]] | None = None,
    settings: dict[str, Any] | None = None,
    interrupted: bool = False,
    **record: Any,
) -> Circumstances:
    made = make_settings({"auth_token": "a-token", **(settings or {})})
    diary = Diary()
    for name, data in events or []:
        diary.note(name, **data)
    result = CallResult(CallRecord(error_code=code, **record), [], interrupted)
    destination = Destination(
        signaling_url=f"{url}/api/v1/webrtc/signal" if url.count("/") == 2 else url,
        ice_servers_url="",
        addresses=("192.0.2.1",),
        loopback=False,
    )
    return Circumstances(result, made, destination, diary)


def candidate(kind: str, address: str = "198.51.100.7") -> dict[str, Any]:
    return {"type": kind, "protocol": "udp", "address": address, "port": 50_000, "line": ""}


@pytest.mark.parametrize("code", sorted(set(CODES) - WITHOUT_ADVICE))
def test_there_is_something_to_try_for_every_code(code: str) -> None:
    stage = "ice" if code.startswith("ICE") else "answer"
    events = [("answer", {}), ("remote_candidate", candidate("host")), ("local_candidate", candidate("host"))]
    sentences = advice(seen(code, failed_stage=stage, error_message="", events=events))
    assert sentences
    for sentence in sentences:
        assert sentence.endswith((".", "?")), sentence


def test_every_option_that_advice_names_is_an_option_of_the_command() -> None:
    from pathlib import Path

    import loadkit.probe.remedies as module

    parser = argparse.ArgumentParser()
    add_arguments(parser)
    known = {name for action in parser._actions for name in action.option_strings}
    named = set(re.findall(r"--[a-z][\w-]*", Path(module.__file__).read_text(encoding="utf-8")))
    assert named <= known


def test_blocked_udp_is_led_to_the_turn_server_that_there_is() -> None:
    turn = {"count": 1, "urls": ["turn:t:3478"]}
    events = [
        ("ice_servers", turn),
        ("remote_candidate", candidate("host")),
        ("local_candidate", candidate("srflx")),
    ]
    text = " ".join(advice(seen("ICE_TIMEOUT", events=events)))
    assert "UDP between here and the gateway seems to be blocked" in text
    assert "--ice-path relay-tcp" in text


def test_blocked_udp_without_a_turn_server_is_the_gateways_matter() -> None:
    events = [("remote_candidate", candidate("host")), ("local_candidate", candidate("host"))]
    text = " ".join(advice(seen("ICE_FAILED", events=events)))
    assert "names no TURN server" in text
    assert "--ice-path" not in text


def test_a_relay_that_failed_is_not_recommended_again() -> None:
    events = [("remote_candidate", candidate("host")), ("local_candidate", candidate("relay"))]
    text = " ".join(advice(seen("ICE_TIMEOUT", events=events)))
    assert "Not even the way through TURN worked" in text
    assert "--ice-path" not in text


def test_a_relay_is_not_sought_elsewhere_when_the_gateway_names_none() -> None:
    text = " ".join(advice(seen("TURN_UNREACHABLE", settings={"ice_path": "relay-udp"})))
    assert "names no TURN server" in text
    assert "does not answer" not in text
    assert "relay-tcp" not in text
    text = " ".join(advice(seen("TURN_UNREACHABLE", ice_servers_error="connection refused")))
    assert "Without the gateway's list of ICE servers" in text
    assert "names no TURN server" not in text


def test_private_candidates_of_a_public_gateway_are_noticed() -> None:
    events = [("remote_candidate", candidate("host", "10.0.0.5")), ("local_candidate", candidate("host"))]
    assert "only private addresses" in " ".join(advice(seen("ICE_TIMEOUT", events=events)))


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "before the protocol begins"),
        (404, "Nothing is at the path"),
        (301, "elsewhere"),
        (200, "does not speak WebSocket"),
        (429, "Too many connections"),
        (503, "behind it is down"),
    ],
)
def test_the_status_of_a_refused_upgrade_says_what_is_wrong(status: int, said: str) -> None:
    events = [("tcp", {}), ("upgrade_refused", {"status": status, "location": None})]
    assert said in " ".join(advice(seen("WEBSOCKET_REFUSED", events=events)))


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("the certificate was not accepted (self-signed certificate)", "--tls-ca"),
        ("the certificate was not accepted (Hostname mismatch, not valid for 'g')", "for another name"),
        ("the certificate was not accepted (certificate has expired)", "the clock of this machine"),
        ("the other side hung up during the TLS handshake", "ws:// instead of wss://"),
    ],
)
def test_what_the_certificate_lacks_says_what_to_do(message: str, said: str) -> None:
    assert said in " ".join(advice(seen("WEBSOCKET_TLS", error_message=message)))


def test_a_good_call_has_notes_on_what_was_odd_and_else_none() -> None:
    assert advice(seen(None, connected_ms=5000.0, packets_received=250, packets_lost=0)) == []
    silent = advice(seen(None, connected_ms=5000.0, packets_received=250, packets_lost=50, silent_audio=True))
    assert "An echo should have sent our own speech back" in silent[0]
    assert "16.7 %" in silent[1]
    (servers,) = advice(seen(None, connected_ms=5000.0, ice_servers_error="timeout"))
    assert "STUN and TURN" in servers


def test_whoever_interrupts_a_call_needs_no_advice() -> None:
    assert advice(seen(None, interrupted=True, ice_servers_error="timeout")) == []


def test_a_token_is_never_in_the_advice() -> None:
    for token in ("Bearer a-very-secret-token", " a-very-secret-token", "a-very-secret-token"):
        text = " ".join(advice(seen("UNAUTHORIZED", settings={"auth_token": token})))
        assert text
        assert "secret" not in text


def test_a_local_address_of_the_other_ip_version_is_named_rather_than_the_name_server() -> None:
    failed = seen("WEBSOCKET_DNS", url="ws://127.0.0.1:9", settings={"local_address": "::1"})
    assert advice(failed) == [
        "--local-address ::1 cannot reach 127.0.0.1, an address of the other IP version."
    ]
