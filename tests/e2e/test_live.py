"""A run is watched while it goes: in Locust's page by way of its workers, and in a terminal."""

from __future__ import annotations

import json
import signal
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from loadkit.errors import ExitCode
from tests.e2e.processes import free_port, locust, run_document, wait_until
from tests.e2e.terminal import CTRL_C, in_terminal


def _asked(url: str, form: dict[str, str] | None = None) -> Any:
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    try:
        with urllib.request.urlopen(url, data, timeout=150) as response:
            return json.load(response)
    except OSError:
        return None


def _marked(page: str, text: str) -> int:
    request = urllib.request.Request(
        f"{page}/calls/marks", json.dumps({"text": text}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=150) as response:
        return int(response.status)


def _state(page: str) -> dict[str, Any]:
    return _asked(f"{page}/calls/state") or {}


def _workers_with_calls(page: str) -> set[str]:
    workers = _state(page).get("generator", {}).get("workers", [])
    return {worker["worker"] for worker in workers if worker["calls"]}


def _in_phase(page: str, phase: str) -> dict[str, Any] | None:
    view = _state(page)
    return view if view.get("phase") == phase else None


def test_the_page_shows_the_calls_of_all_workers_and_begins_anew_with_the_next_run(tmp_path: Path) -> None:
    port = free_port()
    page = f"http://127.0.0.1:{port}"
    cluster = str(free_port())
    options = ["--processes", "2", "--master-bind-port", cluster, "--master-port", cluster, "--no-report"]
    with locust(tmp_path, *options, "--web-host", "127.0.0.1", "--web-port", str(port)) as command:
        wait_until(lambda: _state(page) == {"phase": "none"}, "the page is there")
        wait_until(lambda: (_asked(f"{page}/worker-count") or {}).get("worker_count") == 2, "both are there")
        form = {"user_count": "4", "spawn_rate": "10", "call_duration": "600s"}
        _asked(f"{page}/swarm", form)
        both = {"worker-0", "worker-1"}
        wait_until(lambda: _workers_with_calls(page) == both, "calls of both workers are shown")
        wait_until(
            lambda: _state(page).get("latency", {}).get("setup", {}).get("count") == 4,
            "set-ups are told while calls are talked",
        )
        assert _marked(page, "node 2: drained, at last") == 201
        first = _state(page)
        assert first["calls"]["in_progress"] == 4
        assert [mark["text"] for mark in first["marks"]] == ["node 2: drained, at last"]
        _asked(f"{page}/stop", {})
        ended = wait_until(lambda: _in_phase(page, "ended"), "the run is over")
        assert ended["outcomes"]["cancelled"] == 4
        assert [mark["text"] for mark in run_document(tmp_path)["marks"]] == ["node 2: drained, at last"]

        _asked(f"{page}/swarm", form)
        second = wait_until(lambda: _in_phase(page, "running"), "the next run")
        assert second["run_id"] == "run-2"
        assert second["marks"] == []
        assert second["outcomes"]["cancelled"] == 0
        command.children("")
        command.signal(signal.SIGTERM)
        command.wait()
        command.assert_no_process_left()
    assert "Traceback" not in command.output


def _log_above_view(lines: list[str]) -> bool:
    heads = [number for number, line in enumerate(lines) if line.startswith("run run")]
    logged = [number for number, line in enumerate(lines) if "/INFO/" in line]
    return len(heads) == 1 and bool(logged) and max(logged) < heads[0]


def test_a_terminal_shows_the_run_below_the_log_and_is_left_as_it_was_by_ctrl_c(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--headless", "-u", "2", "-r", "10", "--call-duration", "600s", "--mark", '1s:"a, b: c"')
    # As a shell may have left it that was once in a wider terminal.
    monkeypatch.setenv("COLUMNS", "80")
    with in_terminal(tmp_path, *options, columns=60) as terminal:
        terminal.wait_for("connected 2")
        terminal.wait_for("a, b: c")
        terminal.wait_for("Mark")
        assert not terminal.cursor_hidden, "whoever kills it now can see what he types"
        # Looked at while it is being drawn anew it is half a view.
        wait_until(lambda: _log_above_view(terminal.shown.splitlines()), "the log stands above the view")
        assert "# reqs" not in terminal.shown, "Locust's tables are left out meanwhile"
        terminal.press(CTRL_C)
        assert terminal.wait() == ExitCode.INTERRUPTED, terminal.shown
        shown = terminal.shown
        assert terminal.settings == terminal.settings_before
        assert "in progress" not in shown, "the view is gone"
        assert shown.count("mark: a, b: c") == 1
        assert "# reqs" in shown, "the tables at the end are as ever"
        assert "Traceback" not in shown
    assert [mark["text"] for mark in run_document(tmp_path)["marks"]] == ["a, b: c"]
