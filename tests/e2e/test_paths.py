"""Runs over each path, through a real TURN server, and runs that cannot go the way they were told to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from loadkit.errors import ExitCode
from tests.conftest import TurnServer
from tests.e2e.processes import (
    ROOT,
    TO_THE_END,
    Command,
    assert_no_secret,
    free_port,
    headless,
    locust,
    records,
    summary,
)

PATHS = ("any", "direct", "relay-udp", "relay-tcp", "relay-tls")
RELAYS = {"relay-udp": "udp", "relay-tcp": "tcp", "relay-tls": "tls"}
TURN_SECRET_VARIABLE = "LOADKIT_GATEWAY_TURN_SECRET"


@contextmanager
def gateway(folder: Path, secret: str, *urls: str) -> Iterator[str]:
    """A gateway process that names these STUN and TURN URLs."""
    port = free_port()
    told = [part for url in urls for part in ("--stun-url" if url.startswith("stun") else "--turn-url", url)]
    command = Command(
        [sys.executable, "-m", "loadkit", "gateway", "--port", str(port), *told],
        folder,
        PYTHONPATH=str(ROOT),
        **{TURN_SECRET_VARIABLE: secret},
    )
    try:
        command.wait_for("The gateway listens")
        yield f"ws://127.0.0.1:{port}"
    finally:
        command.end()


def run(folder: Path, host: str, seconds: int, *options: str, users: int = 5) -> tuple[int, str]:
    """One headless run; its exit code and output."""
    arguments = [*headless(users, seconds), "--host", host, "--call-duration", "2s", *options]
    with locust(folder, *arguments, *TO_THE_END, PYTHONPATH=str(ROOT)) as command:
        code = command.wait(180)
        command.assert_no_process_left()
        return code, command.output


def finished(folder: Path) -> list[dict[str, Any]]:
    return [call for call in records(folder) if call["outcome"] != "cancelled"]


def test_five_paths_in_one_run_side_by_side(tmp_path: Path, turn_server: TurnServer) -> None:
    stun = f"stun:127.0.0.1:{turn_server.coturn.ports.plain}"
    with gateway(tmp_path, turn_server.secret, stun, *turn_server.urls) as host:
        code, output = run(
            tmp_path,
            host,
            15,
            *("--ice-path", ",".join(PATHS)),
            *("--tls-ca", str(turn_server.authority)),
            *("--local-address", "127.0.0.2,127.0.0.3"),
        )
    assert code == ExitCode.PASSED, output
    assert_no_secret(tmp_path, output)
    calls = finished(tmp_path)
    told = summary(tmp_path)["paths"]
    assert list(told) == list(PATHS)
    for path in PATHS:
        assert told[path]["failed"] == 0
        assert told[path]["setup_ms"]["count"] >= 1, path
        assert told[path]["ice_ms"]["p50"] is not None
    # Placed in turn: no path has been asked for more than once oftener than another.
    counts = pd.Series([call["ice_path"] for call in records(tmp_path)]).value_counts()
    assert counts.max() - counts.min() <= 1
    for call in calls:
        protocol = RELAYS.get(call["ice_path"])
        assert call["local_address"] in ("127.0.0.2", "127.0.0.3")
        assert call["packets_received"] > 0
        assert call["turn_error"] is None
        if protocol is None:
            assert (call["local_candidate_type"], call["relay_protocol"]) == ("host", None)
        else:
            assert (call["local_candidate_type"], call["relay_protocol"]) == ("relay", protocol)
            assert call["turn_url"] in turn_server.urls
            assert call["relay_ms"] > 0
            assert call["local_candidates"] == 1
        assert (call["turn_url"] is None) == (call["ice_path"] == "direct")
    assert {call["local_address"] for call in calls} == {"127.0.0.2", "127.0.0.3"}
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Paths side by side" in page
    assert "relay/tls → host" in page
    for path in PATHS:
        assert f"\n{path:<13} " in output
    secrets_of_turn = (turn_server.secret, "credential")
    raw = (tmp_path / "run" / "records.jsonl").read_text(encoding="utf-8")
    assert not any(word in raw for word in secrets_of_turn)


def dead_urls() -> tuple[str, str, str]:
    # Discard: no port that the system gives to another test's UDP socket, which would take what comes and say nothing.
    plain = "turn:127.0.0.1:9"
    return f"{plain}?transport=udp", f"{plain}?transport=tcp", "turns:127.0.0.1:9?transport=tcp"


def test_a_dead_turn_server_fails_calls_that_need_it_at_once_and_no_others(tmp_path: Path) -> None:
    with gateway(tmp_path, "north", *dead_urls()) as host:
        # The first calls of five users go the five ways.
        code, output = run(tmp_path, host, 6, "--ice-path", ",".join(PATHS), "--turn-timeout", "60s")
    assert code == ExitCode.FAILED, output
    told = summary(tmp_path)["paths"]
    for path in RELAYS:
        assert told[path]["errors"] == {"TURN_UNREACHABLE": told[path]["calls"]}
    for path in ("any", "direct"):
        assert told[path]["failed"] == 0
    assert told["any"]["without_relay"] > 0
    for call in finished(tmp_path):
        if call["ice_path"] in RELAYS:
            assert call["failed_stage"] == "ice"
            assert call["error_message"] == f"no relay from {call['turn_url']}: connection refused"
            # Not the minute of --turn-timeout.
            assert call["duration_ms"] < 30_000


@pytest.mark.parametrize(
    ("path", "secret", "code"),
    [("relay-udp", "south", "TURN_UNAUTHORIZED"), ("relay-tls", "north", "TURN_TLS")],
)
def test_a_wrong_secret_and_an_unknown_authority_have_codes_of_their_own(
    tmp_path: Path, turn_server: TurnServer, path: str, secret: str, code: str
) -> None:
    with gateway(tmp_path, secret, *turn_server.urls) as host:
        # The authority of turn_server's certificate is not given.
        ended, output = run(tmp_path, host, 4, "--ice-path", path, users=1)
    assert ended == ExitCode.FAILED, output
    assert set(summary(tmp_path)["errors"]) == {code}
    assert code in output
    assert all(call["turn_error"] == call["error_message"] for call in finished(tmp_path))


def test_a_gateway_that_names_no_such_server_fails_the_call_before_it_is_placed(tmp_path: Path) -> None:
    with gateway(tmp_path, "north", "turn:turn.example:3478") as host:
        ended, output = run(tmp_path, host, 4, "--ice-path", "relay-tls", users=1)
    assert ended == ExitCode.FAILED, output
    (message,) = {call["error_message"] for call in finished(tmp_path)}
    assert message.startswith(
        "the call was to go through relay-tls, and the gateway named no TURN server over TLS"
    )
    assert {(call["error_code"], call["ice_servers_left_out"]) for call in finished(tmp_path)} == {
        ("TURN_UNREACHABLE", 1)
    }


def test_a_locustfile_names_the_path_of_a_call(tmp_path: Path, turn_server: TurnServer) -> None:
    (tmp_path / "locustfile.py").write_text(
        "from locust import constant, task\n"
        "from loadkit import CallUser\n"
        "class Caller(CallUser):\n"
        "    wait_time = constant(0)\n"
        "    @task\n"
        "    def one(self):\n"
        "        with self.call(ice_path='relay-udp, relay-tcp') as call:\n"
        "            call.talk(0.2)\n",
        encoding="utf-8",
    )
    with gateway(tmp_path, turn_server.secret, *turn_server.urls) as host:
        code, output = run(
            tmp_path, host, 6, "-f", str(tmp_path / "locustfile.py"), "--ice-path", "direct", users=1
        )
    assert code == ExitCode.PASSED, output
    asked = [call["ice_path"] for call in finished(tmp_path)]
    assert len(asked) >= 2
    assert asked == [("relay-udp", "relay-tcp")[place % 2] for place in range(len(asked))]


@pytest.mark.parametrize(
    ("arguments", "sentences"),
    [
        (
            ["--ice-path", "any,realy-udp"],
            [
                "--ice-path",
                "there is no path 'realy-udp'; there are any, direct, relay-udp, relay-tcp, relay-tls",
            ],
        ),
        (
            ["--local-address", "127.0.0.1", "--local-address", "203.0.113.7,203.0.113.8"],
            [
                "2 settings",
                "--local-address '203.0.113.7': no socket",
                "--local-address '203.0.113.8': no socket",
            ],
        ),
        (["--local-address", "127.0.0.1,eth0"], ["'eth0' is not an IP address"]),
        (
            ["--host", "ws://127.0.0.1:9", "--local-address", "127.0.0.2,::1"],
            ["--local-address '::1': it cannot reach 127.0.0.1, an address of the other IP version"],
        ),
    ],
)
def test_a_path_or_address_that_is_none_ends_the_run_before_the_first_call(
    tmp_path: Path, arguments: list[str], sentences: list[str]
) -> None:
    with locust(tmp_path, *headless(1, 5), *arguments) as command:
        assert command.wait() == ExitCode.BAD_SETTINGS, command.output
    for sentence in sentences:
        assert sentence in command.output
    assert "Traceback" not in command.output
