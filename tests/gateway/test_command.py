"""The gateway as a process: ready line, ends, faults, and the child of a load test."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from loadkit.errors import ExitCode, GatewayStartError
from loadkit.gateway.embedded import TLS_VARIABLES, TOKENS_VARIABLE, EmbeddedGateway
from loadkit.gateway.settings import GatewaySettings
from tests.waiting import PATIENCE_S, has_ended

ROOT = Path(__file__).parents[2]


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "loadkit.gateway", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def status(url: str, token: str) -> int:
    request = urllib.request.Request(
        url.replace("ws:", "http:") + "/api/v1/ice-servers", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(number: signal.Signals) -> None:
    with running() as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "listens at ws://127.0.0.1:" in line
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == ExitCode.PASSED


def test_for_a_parent_it_says_json_and_ends_with_standard_input() -> None:
    with running("--until-stdin-closes", "--token", "t") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        ready = json.loads(process.stdout.readline())
        assert ready == {
            "url": f"ws://127.0.0.1:{ready['port']}",
            "port": ready["port"],
            "pid": process.pid,
        }
        assert status(ready["url"], "t") == 200
        process.stdin.close()
        process.stdin = None
        assert process.wait(PATIENCE_S) == ExitCode.PASSED
        assert process.stdout.read() == ""


def test_a_port_in_use_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running("--port", str(port)) as process:
            assert process.wait(PATIENCE_S) == ExitCode.GATEWAY_UNREACHABLE
            assert process.stderr is not None
            assert process.stderr.read() == (
                f"the gateway cannot listen on 127.0.0.1 port {port}: Address already in use;"
                " --port 0 takes a free port\n"
            )


def test_an_address_of_another_machine_is_not_answered_with_another_port() -> None:
    with running("--host", "192.0.2.1") as process:
        assert process.wait(PATIENCE_S) == ExitCode.GATEWAY_UNREACHABLE
        assert process.stderr is not None
        assert process.stderr.read().splitlines()[-1] == (
            "the gateway cannot listen on 192.0.2.1 port 0: Cannot assign requested address"
        )


def test_a_token_on_the_command_line_is_warned_of() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        running("--token", "hush", "--port", str(taken.getsockname()[1])) as process,
    ):
        process.wait(PATIENCE_S)
        assert process.stderr is not None
        warning, _ = process.stderr.read().splitlines()
    assert "--token is in the process list" in warning
    assert "hush" not in warning


def test_bad_settings_are_told_in_a_sentence() -> None:
    with running("--agent-latency", "fast") as process:
        assert process.wait(PATIENCE_S) == ExitCode.BAD_SETTINGS
        assert process.stderr is not None
        assert process.stderr.read().startswith("a setting cannot be used: --agent-latency 'fast': ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--agent", "nowhere:Agent"),
            "a setting cannot be used: --agent nowhere:Agent: it cannot be imported:"
            " ModuleNotFoundError: No module named 'nowhere'\n",
        ),
        (
            ("--events", "nowhere/events.jsonl"),
            "a setting cannot be used: --events nowhere/events.jsonl: it cannot be written:"
            " No such file or directory\n",
        ),
    ],
)
def test_an_agent_or_a_file_that_cannot_be_had_is_told_in_a_sentence(
    arguments: tuple[str, ...], sentence: str
) -> None:
    with running(*arguments) as process:
        assert process.wait(PATIENCE_S) == ExitCode.BAD_SETTINGS
        assert process.stderr is not None
        assert process.stderr.read() == sentence


def test_the_embedded_gateway_tells_its_events_to_the_file_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOADKIT_GATEWAY_EVENTS", str(tmp_path / "events.jsonl"))
    gateway = EmbeddedGateway()
    gateway.start(["t"])
    pid = gateway.pid
    gateway.stop()
    (event,) = (json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines())
    assert (event["event"], event["pid"]) == ("gateway_started", pid)


def test_the_embedded_gateway_takes_its_tokens_out_of_sight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADKIT_AUTH_TOKEN", "secret")
    gateway = EmbeddedGateway()
    url = gateway.start(["secret", "other"])
    try:
        assert gateway.pid is not None
        child = psutil.Process(gateway.pid)
        assert not any("secret" in argument for argument in child.cmdline())
        assert "LOADKIT_AUTH_TOKEN" not in child.environ()
        assert os.getsid(gateway.pid) == gateway.pid
        assert [status(url, token) for token in ("secret", "other", "wrong")] == [200, 200, 401]
    finally:
        gateway.stop()
    assert not child.is_running()
    gateway.stop()


def test_the_embedded_gateway_without_tokens_takes_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADKIT_GATEWAY_TOKENS", "inherited")
    gateway = EmbeddedGateway()
    url = gateway.start([])
    try:
        assert status(url, "any") == 200
    finally:
        gateway.stop()


def test_the_embedded_gateway_speaks_plainly_whatever_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOADKIT_GATEWAY_TLS", "self-signed")
    gateway = EmbeddedGateway()
    try:
        assert gateway.start([]).startswith("ws://127.0.0.1:")
    finally:
        gateway.stop()


def test_an_embedded_gateway_that_does_not_come_up_says_why() -> None:
    with pytest.raises(
        GatewayStartError, match=r"did not come up.*--agent-turns '0': input should be greater"
    ):
        EmbeddedGateway(["--agent-turns", "0"]).start(["t"])


def test_the_embedded_gateway_knows_the_names_of_the_variables() -> None:
    assert GatewaySettings.env_var("tokens") == TOKENS_VARIABLE
    of_tls = [name for name in GatewaySettings.model_fields if name.startswith("tls")]
    assert set(TLS_VARIABLES) == {GatewaySettings.env_var(name) for name in of_tls}


def test_a_token_that_the_environment_cannot_carry_is_refused() -> None:
    with pytest.raises(GatewayStartError, match="comma"):
        EmbeddedGateway().start(["a,b"])


def test_no_gateway_is_left_when_the_parent_is_killed() -> None:
    parent = (
        "import sys, time; from loadkit.gateway.embedded import EmbeddedGateway;"
        "g = EmbeddedGateway(); g.start(['t']); print(g.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        process.kill()
    assert has_ended(child)


def test_the_embedded_gateway_works_under_gevent() -> None:
    program = (
        "from gevent import monkey; monkey.patch_all();"
        "import gevent;"
        "from loadkit.gateway.embedded import EmbeddedGateway;"
        "ticks = gevent.spawn(lambda: [gevent.sleep(0.01) for _ in range(10)]);"
        "g = EmbeddedGateway(); url = g.start(['t']); waited = ticks.ready(); g.stop();"
        "print(url, waited)"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120, check=True
    )
    url, others_ran = said.stdout.split()
    assert url.startswith("ws://127.0.0.1:")
    assert others_ran == "True"
