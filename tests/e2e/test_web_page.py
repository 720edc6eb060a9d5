"""Runs started and stopped from Locust's web page."""

from __future__ import annotations

import json
import signal
import urllib.parse
import urllib.request
from pathlib import Path

from loadkit.errors import ExitCode
from tests.e2e.processes import TOKEN, assert_files_complete, free_port, locust, records, wait_until


def _get(url: str, form: dict[str, str] | None = None) -> str:
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    with urllib.request.urlopen(url, data, timeout=30) as response:
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


def _page(url: str) -> str:
    try:
        return _get(url)
    except OSError:
        return ""
