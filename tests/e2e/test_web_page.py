"""Runs started and stopped from Locust's web page."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import threading
import urllib.parse
import urllib.request
from pathlib import Path

from loadkit.errors import ExitCode
from tests.e2e.processes import (
    TOKEN,
    assert_files_complete,
    calls_in_progress,
    free_port,
    locust,
    records,
    wait_until,
)

#: Locust answers "Stop" when the report is written.
_ANSWER_S = 150.0


def _get(url: str, form: dict[str, str] | None = None) -> str:
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    with urllib.request.urlopen(url, data, timeout=_ANSWER_S) as response:
        text: str = response.read().decode()
    return text


def test_two_runs_are_started_and_stopped_from_the_page(tmp_path: Path) -> None:
    port = free_port()
    page = f"http://127.0.0.1:{port}"
    with locust(tmp_path, "--web-host", "127.0.0.1", "--web-port", str(port)) as command:
        command.wait_for("Starting web interface")
        shown = wait_until(lambda: _page(page), "the page is there")
        assert TOKEN not in shown
        # The settings are on the page, the secret and the machine's own folders are not.
        assert "call_duration" in shown
        assert "auth_token" not in shown

        form = {"user_count": "2", "spawn_rate": "10", "call_duration": "1s", "call_mode": "echo"}
        assert json.loads(_get(f"{page}/swarm", form))["success"] is True
        wait_until(lambda: len(records(tmp_path)) >= 2, "two calls are recorded")
        assert json.loads(_get(f"{page}/stop", {}))["success"] is True
        wait_until((tmp_path / "run" / "report.html").exists, "the first report is written")
        assert_files_complete(tmp_path)
        assert {call["mode"] for call in records(tmp_path)} == {"echo"}

        # A sample that is not there stops the second run before its first call; Locust goes on.
        assert json.loads(_get(f"{page}/swarm", {**form, "sample": "nowhere.wav"}))["success"] is True
        command.wait_for("nowhere.wav: there is no such file")
        wait_until(lambda: command.output.count("Ramping to") == 2, "Locust has begun the refused run")
        wait_until(lambda: _state(page) == "stopped", "the refused run is stopped")

        assert json.loads(_get(f"{page}/swarm", {**form, "sample": "opening_hours.wav"}))["success"] is True
        second = tmp_path / "run-2" / "records.jsonl"
        wait_until(
            lambda: second.exists() and second.read_text().count("\n") >= 2, "the next run records calls"
        )
        assert json.loads(_get(f"{page}/stop", {}))["success"] is True
        wait_until((tmp_path / "run-2" / "report.html").exists, "the second report is written")
        command.children("")
        command.signal(signal.SIGTERM)
        assert command.wait() == ExitCode.PASSED, command.output
        command.assert_no_process_left()
    assert '"sample":"opening_hours.wav"' in second.read_text().replace('": "', '":"')
    assert TOKEN not in command.output, [line for line in command.output.splitlines() if TOKEN in line]


def test_the_next_run_may_begin_while_the_last_report_is_written(tmp_path: Path) -> None:
    port = free_port()
    page = f"http://127.0.0.1:{port}"
    with locust(tmp_path, "--web-host", "127.0.0.1", "--web-port", str(port)) as command:
        wait_until(lambda: _page(page), "the page is there")
        form = {"user_count": "2", "spawn_rate": "10", "call_duration": "30s"}
        _get(f"{page}/swarm", form)
        wait_until(lambda: calls_in_progress(tmp_path), "calls are in progress")
        stopping = threading.Thread(target=_get, args=(f"{page}/stop", {}))
        stopping.start()
        command.wait_for("writing the report")
        _get(f"{page}/swarm", {**form, "call_duration": "1s"})
        stopping.join()
        second = tmp_path / "run-2" / "records.jsonl"
        wait_until(
            lambda: second.exists() and second.read_text().count("\n") >= 2, "the next run records calls"
        )
        _get(f"{page}/stop", {})
        wait_until((tmp_path / "run-2" / "report.html").exists, "the second report is written")
        command.children("")
        command.signal(signal.SIGTERM)
        assert command.wait() == ExitCode.PASSED, command.output
    # Each run has its own calls: the first one's were cancelled, and are not in the second.
    assert_files_complete(tmp_path)
    assert {call["outcome"] for call in records(tmp_path)} == {"cancelled"}
    ids = [
        {json.loads(line)["call"]["call_id"] for line in path.read_text().splitlines()}
        for path in (tmp_path / "run" / "records.jsonl", second)
    ]
    assert not ids[0] & ids[1]
    assert "Traceback" not in command.output


def test_a_host_typed_on_an_open_page_does_not_get_the_token(tmp_path: Path) -> None:
    port = free_port()
    page = f"http://127.0.0.1:{port}"
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as trap, locust(tmp_path, "--web-port", str(port)) as command:
        trap.settimeout(0.1)
        wait_until(lambda: _page(page), "the page is there")
        elsewhere = tmp_path / "elsewhere"
        form = {
            "user_count": "1",
            "spawn_rate": "1",
            "host": f"ws://127.0.0.1:{trap.getsockname()[1]}",
            "auth_token": "mine",
            "reports_dir": str(elsewhere),
            # That the page is open is not for who asks to say.
            "web_host": "127.0.0.1",
            "web_login": "true",
        }
        _get(f"{page}/swarm", form)
        command.wait_for("was set on Locust's page, which anybody can reach")
        # While it is being stopped Locust would take the next start for a change of its users.
        wait_until(lambda: "Ramping to" in command.output, "Locust has begun the refused run")
        wait_until(lambda: _state(page) == "stopped", "the refused run is stopped")
        # The host of the start is called again, with the settings that the page may change and no others.
        _get(
            f"{page}/swarm",
            {"user_count": "1", "spawn_rate": "1", "call_duration": "1s", "reports_dir": str(elsewhere)},
        )
        wait_until(lambda: records(tmp_path), "a call is recorded")
        with contextlib.suppress(TimeoutError):
            asked.append(trap.accept()[0].recv(4096))
        command.children("")
        command.signal(signal.SIGTERM)
        command.wait()
    assert asked == []
    assert not elsewhere.exists()
    assert TOKEN not in command.output


def _page(url: str) -> str:
    try:
        return _get(url)
    except OSError:
        return ""


def _state(url: str) -> str:
    return str(json.loads(_get(f"{url}/stats/requests"))["state"])
