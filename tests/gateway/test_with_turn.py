"""``python -m loadkit gateway --with-turn``: the real command with a real coturn beside it."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from loadkit.errors import ExitCode
from loadkit.gateway.coturn import Coturn
from tests.waiting import PATIENCE_S, has_ended

from .test_coturn import goes_there_and_back

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    not Coturn.installed() and not os.environ.get("CI"),
    reason="coturn is not installed: apt-get install coturn",
)


@contextmanager
def gateway(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The command and its ready line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loadkit", "gateway", "--with-turn", "--until-stdin-closes", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr and process.stderr.read()
        yield process, json.loads(line)
    finally:
        process.terminate()
        try:
            process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def turn_server_of(process: subprocess.Popen[str]) -> psutil.Process:
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if child.name() == "turnserver":
                found.append(child)
    (turn_server,) = found
    return turn_server


def ice_servers(ready: dict[str, Any]) -> dict[str, Any]:
    """The one TURN entry that callers are told."""
    url = ready["url"].replace("ws", "http", 1) + "/api/v1/ice-servers?token=t"
    context = ssl.create_default_context(cafile=ready["tls_ca"]) if url.startswith("https") else None
    with urllib.request.urlopen(url, timeout=PATIENCE_S, context=context) as response:
        (entry,) = json.load(response)["iceServers"]
    return dict(entry)


@pytest.mark.parametrize("tls", [(), ("--tls", "self-signed")], ids=["ws", "wss"])
async def test_callers_are_told_of_a_turn_server_that_relays_for_them(tls: tuple[str, ...]) -> None:
    with gateway(*tls) as (_, ready):
        assert ready["url"].startswith("wss:" if tls else "ws:")
        entry = ice_servers(ready)
        assert entry["urls"] == ready["turn_urls"]
        assert [url.partition(":")[0] + url.partition("?")[2] for url in entry["urls"]] == [
            "turntransport=udp",
            "turntransport=tcp",
            "turnstransport=tcp",
        ]
        for url in entry["urls"]:
            assert await goes_there_and_back(
                url, entry["username"], entry["credential"], Path(ready["tls_ca"])
            )


async def test_a_given_secret_is_shared_with_turn_servers_elsewhere() -> None:
    with gateway("--turn-url", "turn:t.example", LOADKIT_GATEWAY_TURN_SECRET="a secret that was given") as (
        process,
        ready,
    ):
        assert ready["turn_urls"][0] == "turn:t.example"
        entry = ice_servers(ready)
        turn_server = turn_server_of(process)
        assert not any("LOADKIT" in name for name in turn_server.environ())
        authority = Path(ready["tls_ca"])
        assert await goes_there_and_back(entry["urls"][1], entry["username"], entry["credential"], authority)


def test_the_turn_server_listens_where_the_gateway_does_and_nowhere_else() -> None:
    with gateway("--host", "127.0.0.5") as (process, ready):
        assert all("127.0.0.5:" in url for url in (ready["url"], *ready["turn_urls"]))
        addresses = {connection.laddr.ip for connection in turn_server_of(process).net_connections("inet")}
    assert addresses == {"127.0.0.5"}


def test_the_ports_are_those_that_were_asked_for() -> None:
    # An address of its own: on another the same test of somebody else may hold these ports just now.
    address = f"127.0.{random.randrange(2, 255)}.45"
    try:
        socket.create_server((address, 443)).close()
        tls_port = 443
    except OSError:
        if "CI" in os.environ:
            raise
        tls_port = 0  # left out: 443 may not be bound here
    with gateway("--host", address, "--turn-port", "3478", "--turn-tls-port", str(tls_port)) as (_, ready):
        assert ready["turn_urls"][0] == f"turn:{address}:3478?transport=udp"
        if tls_port:
            assert ready["turn_urls"][2] == f"turns:{address}:443?transport=tcp"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_however_the_gateway_ends_no_turn_server_and_no_secret_is_left(
    number: signal.Signals, tmp_path: Path
) -> None:
    with gateway("--tls", "self-signed", "--tls-folder", str(tmp_path)) as (process, _):
        turn_server = turn_server_of(process)
        folder = Path(turn_server.cmdline()[-1]).parent
        family = psutil.Process(process.pid).children(recursive=True)
        assert folder.exists()
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == (ExitCode.PASSED if number != signal.SIGKILL else -signal.SIGKILL)
        assert all(has_ended(one) for one in family)
    assert not folder.exists()


def test_when_the_turn_server_dies_the_gateway_says_so_and_goes_on() -> None:
    with gateway() as (process, ready):
        turn_server_of(process).kill()
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "ERROR coturn has died, and calls that need its relay will fail (exit code 137" in line
        assert ice_servers(ready)["urls"] == ready["turn_urls"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command when it does not come up."""
    return subprocess.run(
        [sys.executable, "-m", "loadkit", "gateway", "--with-turn", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
    )


def test_without_coturn_it_says_how_to_install_it(tmp_path: Path) -> None:
    ended = run(PATH=str(tmp_path))
    assert ended.returncode == ExitCode.GATEWAY_UNREACHABLE
    assert ended.stderr == "coturn is not installed; on Debian: apt-get install coturn\n"
    assert ended.stdout == ""


def test_a_port_that_cannot_be_had_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("--turn-tls-port", str(port))
    assert ended.returncode == ExitCode.GATEWAY_UNREACHABLE
    assert ended.stderr == f"coturn cannot listen on 127.0.0.1 port {port}: Address already in use\n"


def test_a_secret_on_the_command_line_is_warned_of_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = run("--turn-secret", "hush", "--port", str(taken.getsockname()[1]))
    warning, fault = ended.stderr.splitlines()
    assert "--turn-secret is in the process list" in warning
    assert "hush" not in warning
    assert fault.startswith("the gateway cannot listen on 127.0.0.1 port ")
