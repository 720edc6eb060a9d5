"""The real command against the real gateway, each a process of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest

from loadkit.conformance.cases import CASES
from loadkit.errors import ExitCode
from loadkit.gateway.embedded import EmbeddedGateway

from ..conftest import TurnServer
from .test_output import assert_junit

ROOT = Path(__file__).parents[2]
TOKEN = "s3cret-connector-token"
SLOW = {case.id for case in CASES if case.slow}
#: For the whole command: a busy machine takes minutes over all cases.
PATIENCE_S = 400.0

pytestmark = pytest.mark.timeout(480)


def command(*arguments: str, token: str | None = TOKEN, **more: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m loadkit conformance`` to its end, with more in its environment."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOADKIT_")}
    if token is not None:
        environment["LOADKIT_AUTH_TOKEN"] = token
    return subprocess.run(
        [sys.executable, "-m", "loadkit", "conformance", *arguments],
        env=environment | more,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@contextmanager
def gateway(*arguments: str, tokens: tuple[str, ...] = (TOKEN,)) -> Iterator[str]:
    """The URL of a gateway process."""
    process = EmbeddedGateway(arguments)
    try:
        yield process.start(list(tokens))
    finally:
        process.stop()


def verdicts(output: str) -> dict[str, str]:
    """Case -> result, out of the table."""
    rows = re.findall(r"^(pass|fail|skip|error) +\d+  (\S+)  ", output, re.MULTILINE)
    return {case_id: verdict for verdict, case_id in rows}


def test_the_reference_gateway_passes_all_cases(
    turn_server: TurnServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # TLS by an authority that this command does not know yet is left to the path's own tests.
    plain = [url for url in turn_server.urls if url.startswith("turn:")]
    monkeypatch.setenv("LOADKIT_GATEWAY_TURN_SECRET", turn_server.secret)
    with gateway(*(part for url in plain for part in ("--turn-url", url))) as url:
        done = command(
            url, "--jobs", "4", "--json", str(tmp_path / "c.json"), "--junit", str(tmp_path / "c.xml")
        )
    results = verdicts(done.stdout)
    wrong = {case_id: verdict for case_id, verdict in results.items() if verdict in ("fail", "error")}
    assert not wrong, done.stdout
    assert done.returncode == ExitCode.PASSED, done.stdout + done.stderr
    assert {case_id for case_id, verdict in results.items() if verdict == "skip"} == {
        *SLOW,
        "refusal.echo-in-production",
    }
    assert set(results) == {case.id for case in CASES}
    assert re.fullmatch(
        rf"{len(CASES)} cases in [\d.]+ s: \d+ passed, 0 failed, \d+ skipped", done.stdout.splitlines()[-1]
    )
    document = json.loads((tmp_path / "c.json").read_text())
    assert {case["id"]: case["result"] for case in document["cases"]} == results
    root = ElementTree.parse(tmp_path / "c.xml").getroot()
    assert_junit(root)
    assert root.attrib["tests"] == str(len(CASES))
    assert TOKEN not in done.stdout + done.stderr + json.dumps(document)


def test_the_slow_cases_pass_when_the_gateways_time_outs_are_short() -> None:
    bounds = ("--connect-timeout", "2", "--media-timeout", "2", "--reconnect-grace", "1")
    with gateway(*bounds) as url:
        done = command(url, "--slow", "--jobs", "4", *(f"--only={name}" for name in sorted(SLOW)))
    assert verdicts(done.stdout) == dict.fromkeys(SLOW, "pass"), done.stdout
    assert done.returncode == ExitCode.PASSED


def test_a_production_gateway_passes_in_mode_end_to_end() -> None:
    cases = ("--only", "refusal,offer.mode-*,media,agent,reconnect.sound")
    with gateway("--production") as url:
        done = command(url, "--production", "--jobs", "4", *cases)
    results = verdicts(done.stdout)
    assert results["refusal.echo-in-production"] == "pass"
    assert {name for name, verdict in results.items() if verdict != "pass"} == {
        "offer.mode-echo",
        "media.echo-returns",
        "media.echo-payload",
        "media.consent",
    }, done.stdout
    assert done.returncode == ExitCode.PASSED


def test_a_production_gateway_that_was_not_called_so_is_not_failed_for_its_refusals() -> None:
    with gateway("--production") as url:
        done = command(url, "--only", "offer.answered,media.connects")
    assert verdicts(done.stdout) == {"offer.answered": "skip", "media.connects": "skip"}
    assert "the gateway refuses echo: say --production, or another --mode" in " ".join(done.stdout.split())
    assert done.returncode == ExitCode.NO_DATA


def test_a_gateway_that_takes_every_token_is_not_asked_for_wrong_ones() -> None:
    with gateway(tokens=()) as url:
        done = command(url, "--only", "*.wrong-token,offer.answered", token=None)
    assert verdicts(done.stdout) == {
        "ice-servers.wrong-token": "skip",
        "refusal.wrong-token": "skip",
        "offer.answered": "pass",
    }
    assert done.returncode == ExitCode.PASSED


def test_a_failed_case_says_what_was_seen_and_who_expects_it() -> None:
    with gateway() as url:
        done = command(url, "--only", "ping.without-session,offer.answered", token="an0ther")
    assert done.returncode == ExitCode.FAILED
    below = done.stdout.partition("offer.answered")[2].splitlines()[1:4]
    assert [line.strip() for line in below] == [
        "expected: an answer",
        "seen:     error UNAUTHORIZED: Invalid authentication token",
        "source:   PolyAI WebRTC gateway: WebSocket signaling, messages",
    ]
    assert "an0ther" not in done.stdout + done.stderr


def test_results_on_standard_output_are_alone_there() -> None:
    with gateway() as url:
        done = command(url, "--only", "ping", "--json", "-")
        xml = command(url, "--only", "ping", "--junit", "-")
    assert json.loads(done.stdout)["totals"]["pass"] == 5
    assert "ping.without-session" in done.stderr
    assert_junit(ElementTree.fromstring(xml.stdout))


def test_a_reader_that_leaves_and_a_terminal_of_ascii_disturb_nobody(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    words = [sys.executable, "-m", "loadkit", "conformance", "--only", "ping", "--json", str(path)]
    with gateway() as url:
        ascii_only = command(url, "--only", "ping", PYTHONIOENCODING="ascii")
        process = subprocess.Popen(
            [*words, url],
            env=os.environ | {"LOADKIT_AUTH_TOKEN": TOKEN},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""
        assert process.wait(PATIENCE_S) == ExitCode.PASSED
        process.stderr.close()
    assert json.loads(path.read_text())["totals"]["pass"] == 5
    assert ascii_only.returncode == ExitCode.PASSED, ascii_only.stderr


def test_a_token_that_any_sentence_may_hold_is_not_looked_for_in_one() -> None:
    with gateway(tokens=("t",)) as url:
        done = command(url, "--only", "refusal.token-not-repeated", token="t")
    assert verdicts(done.stdout) == {"refusal.token-not-repeated": "skip"}
    assert done.returncode == ExitCode.NO_DATA


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_decided_before_an_interruption_is_written(tmp_path: Path, number: signal.Signals) -> None:
    document, junit = tmp_path / "results.json", tmp_path / "junit.xml"
    with gateway() as url:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "loadkit",
                "conformance",
                url,
                "--json",
                str(document),
                "--junit",
                str(junit),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "LOADKIT_AUTH_TOKEN": TOKEN, "PYTHONUNBUFFERED": "1"},
        )
        try:
            assert process.stdout is not None
            while not process.stdout.readline().startswith("pass"):
                pass
            process.send_signal(number)
            said, errors = process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Traceback" not in said + errors
    kept = json.loads(document.read_text())
    assert kept["exit_code"] == ExitCode.INTERRUPTED
    assert kept["totals"]["pass"] >= 1
    assert len(kept["cases"]) == len(CASES)
    assert {case["reason"] for case in kept["cases"] if case["result"] == "error"} == {
        "not done: the run was interrupted"
    }
    assert_junit(ElementTree.parse(junit).getroot())


def test_the_list_needs_no_gateway() -> None:
    done = command("--list", "--only", "ping.without-session", token=None)
    assert done.returncode == ExitCode.PASSED
    assert done.stdout.splitlines() == [
        "ping.without-session  must",
        '    a ping with sessionId "" is answered by a pong',
        "    PolyAI WebRTC gateway: WebSocket signaling, messages",
    ]


def test_a_gateway_that_is_not_there_is_told_apart_from_one_that_fails() -> None:
    done = command("ws://127.0.0.1:1")
    assert done.returncode == ExitCode.GATEWAY_UNREACHABLE
    assert done.stderr.startswith(
        "loadkit: the gateway at http://127.0.0.1:1 cannot be reached: Connection refused;"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "the gateway's URL is missing"),
        (["ftp://x"], "URL 'ftp://x': the host 'ftp://x' has the scheme 'ftp'"),
        (["ws://127.0.0.1:1", "--jobs", "9"], "--jobs 9: 1 to 8 cases at a time"),
        (["ws://127.0.0.1:1", "--wait", "soon"], "--wait 'soon': 'soon' is not a duration"),
        (["ws://127.0.0.1:1", "--only", "nothing"], "--only 'nothing': no case is called so"),
        (
            ["ws://127.0.0.1:1", "--json", "/nowhere/c.json"],
            "--json '/nowhere/c.json': there is no such folder",
        ),
        (["ws://127.0.0.1:1", "--json", "-", "--junit", "-"], "only one of them can go to standard output"),
        (
            ["ws://127.0.0.1:1", "--production", "--mode", "echo"],
            "--mode echo: a production gateway refuses it",
        ),
    ],
)
def test_bad_options_are_told_in_a_sentence(arguments: list[str], sentence: str) -> None:
    done = command(*arguments)
    assert done.returncode == ExitCode.BAD_SETTINGS
    assert sentence in done.stderr


def test_no_token_is_sent_to_a_gateway_elsewhere_unasked() -> None:
    done = command("wss://gateway.example", token=None)
    assert done.returncode == ExitCode.BAD_SETTINGS
    assert "no token was given: LOADKIT_AUTH_TOKEN or --auth-token" in done.stderr
