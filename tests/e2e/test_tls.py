"""A load test over wss: certificates verified against an authority of one's own, or, said plainly, not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loadkit.errors import ExitCode

from .processes import (
    ROOT,
    TO_THE_END,
    TOKEN,
    assert_no_secret,
    headless,
    locust,
    records,
    run_document,
    summary,
)

_SAID = "ertificates were not verified (--tls-insecure)"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A gateway of its own with a certificate that no machine knows; its ready line."""
    with _gateway(tmp_path_factory.mktemp("tls")) as ready:
        yield ready


@contextmanager
def _gateway(folder: Path) -> Iterator[dict[str, Any]]:
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "loadkit", "gateway", "--until-stdin-closes"),
            *("--tls", "self-signed", "--tls-folder", str(folder), "--token", TOKEN),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())


def test_a_run_over_wss_verifies_the_gateway_with_tls_ca(tmp_path: Path, gateway: dict[str, Any]) -> None:
    arguments = ["--host", gateway["url"], "--tls-ca", gateway["tls_ca"], "--call-duration", "2s"]
    with locust(tmp_path, *headless(2, 8), *TO_THE_END, *arguments) as command:
        assert command.wait(150) == ExitCode.PASSED, command.output
    rows = records(tmp_path)
    completed = [row for row in rows if row["outcome"] == "completed"]
    assert completed
    assert {row["ice_servers_error"] for row in rows} == {None}
    assert all(row["packets_received"] > 0 for row in completed)
    assert summary(tmp_path)["run"]["tls_insecure"] is False
    assert run_document(tmp_path)["host"].startswith("wss://127.0.0.1:")
    assert _SAID not in command.output
    assert _SAID not in (tmp_path / "run" / "report.html").read_text()
    assert_no_secret(tmp_path, command.output)


def test_a_run_with_tls_insecure_says_so_wherever_it_is_told(tmp_path: Path, gateway: dict[str, Any]) -> None:
    arguments = ["--host", gateway["url"], "--tls-insecure", "--call-duration", "2s"]
    with locust(tmp_path, *headless(1, 6), *TO_THE_END, *arguments) as command:
        assert command.wait(150) == ExitCode.PASSED, command.output
    assert summary(tmp_path)["run"]["tls_insecure"] is True
    assert summary(tmp_path)["calls"]["completed"]
    assert _SAID in command.output
    assert _SAID in (tmp_path / "run" / "report.html").read_text()


def test_a_gateway_that_cannot_be_verified_gets_no_call(tmp_path: Path, gateway: dict[str, Any]) -> None:
    with locust(tmp_path, *headless(1, 3), "--host", gateway["url"]) as command:
        assert command.wait(150) == ExitCode.GATEWAY_UNREACHABLE, command.output
    assert "no call was placed: its certificate is not accepted (self-signed certificate)" in command.output
    assert "--tls-ca" in command.output
    assert "Traceback" not in command.output
    assert not (tmp_path / "run").exists()


def test_calls_to_a_gateway_that_cannot_be_verified_fail_when_nobody_looked_before(
    tmp_path: Path, gateway: dict[str, Any]
) -> None:
    arguments = ["--host", gateway["url"], "--no-preflight"]
    with locust(tmp_path, *headless(1, 3), *TO_THE_END, *arguments) as command:
        assert command.wait(150) == ExitCode.FAILED, command.output
    failed = [row for row in records(tmp_path) if row["outcome"] == "failed"]
    assert {row["error_code"] for row in failed} == {"WEBSOCKET_TLS"}
    assert {row["error_message"].partition("opened: ")[2] for row in failed} == {
        "the certificate was not accepted (self-signed certificate)"
    }
    assert {row["ice_servers_error"] for row in failed} == {"TLS failed"}


def test_a_file_without_an_authority_ends_the_run_before_its_first_call(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    with locust(tmp_path, *headless(1, 3), "--tls-ca", str(wrong)) as command:
        assert command.wait(150) == ExitCode.BAD_SETTINGS
    assert f"--tls-ca '{wrong}': it holds no certificate in PEM format" in command.output
    assert "Traceback" not in command.output
    assert not (tmp_path / "run").exists()
