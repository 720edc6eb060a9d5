"""Runs whose calls arrive at a rate: headless, from the page, and over workers."""

from __future__ import annotations

import json
import signal
import urllib.parse
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from loadkit.errors import ExitCode
from tests.e2e.processes import (
    ROOT,
    TO_THE_END,
    assert_files_complete,
    free_port,
    locust,
    records,
    run_document,
    summary,
    wait_until,
)


def _arrivals(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "run" / "arrivals.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_stages_start_each_call_at_its_moment_and_end_the_run(tmp_path: Path) -> None:
    options = ["--stages", "2s:3/s,1s:..6/s", "--call-duration", "uniform:0.5s,1s", "--seed", "7"]
    with locust(tmp_path, "--headless", *options, *TO_THE_END, "-u", "50") as command:
        assert command.wait() == ExitCode.PASSED, command.output
    assert "offer" in command.output and "erlang" in command.output
    assert "-u and -r do not count" in command.output
    calls = sorted(records(tmp_path), key=lambda call: call["arrival"])
    told = summary(tmp_path)
    # 6 in the step; the area under the ramp from 3/s to 6/s is 4.5.
    assert [call["arrival"] for call in calls] == list(range(11))
    assert {call["outcome"] for call in calls} == {"completed"}
    first = calls[0]["intended_at"]
    for call in calls[:6]:
        # Unix time is worked out anew for each call: a clock that is being set moves it a little.
        assert call["intended_at"] - first == pytest.approx(call["arrival"] / 3, abs=0.1)
    assert all(call["setup_ms"] >= call["start_delay_ms"] for call in calls)
    assert told["run"]["ended_by"] == run_document(tmp_path)["ended_by"] == "stages"
    arrivals = told["traffic"]["arrivals"]
    assert arrivals["intended"] == arrivals["on_time"] + arrivals["late"] == 11
    assert arrivals["dropped"] == arrivals["not_started"] == 0
    assert sum(row["intended"] for row in _arrivals(tmp_path)) == 11
    assert told["traffic"]["seed"] == 7
    assert "Traffic offered and carried" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "arrivals      11 intended" in command.output
    assert_files_complete(tmp_path)


def test_arrivals_over_max_concurrent_are_dropped_and_told(tmp_path: Path) -> None:
    options = ["--stages", "2s:5/s", "--call-duration", "8s", "--max-concurrent", "3", *TO_THE_END]
    with locust(tmp_path, "--headless", *options) as command:
        assert command.wait() == ExitCode.PASSED, command.output
    told = summary(tmp_path)
    arrivals = told["traffic"]["arrivals"]
    assert told["calls"]["concurrent_max"] == told["calls"]["completed"] == 3
    assert (arrivals["intended"], arrivals["dropped"], arrivals["dropped_max_concurrent"]) == (10, 7, 7)
    sentence = "7 of 10 arrivals were dropped (7 over --max-concurrent), so the run offered less load"
    assert sentence in told["verdict"]["sentence"]
    assert "7 dropped" in command.output


def test_a_budget_of_call_minutes_ends_the_run_and_its_calls_at_once(tmp_path: Path) -> None:
    options = ["--arrival-rate", "3/s", "--call-duration", "120s", "--stop-timeout", "100"]
    with locust(tmp_path, "--headless", *options, "--max-call-minutes", "0.1") as command:
        # No call ended by itself: the run says nothing about the gateway.
        assert command.wait() == ExitCode.NO_DATA, command.output
    told = summary(tmp_path)
    assert told["run"]["ended_by"] == "budget"
    assert told["calls"]["cancelled"] == told["calls"]["total"] > 0
    assert 0.1 <= told["calls"]["connected_minutes"] < 2
    assert "the budget of 0.1 call minutes is used up" in command.output


def test_a_load_shape_of_the_locustfile_and_arrivals_are_refused_together(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(
        (ROOT / "locustfile.py").read_text(encoding="utf-8")
        + "\n\nfrom locust import LoadTestShape\n\n\nclass Mine(LoadTestShape):\n"
        "    def tick(self):\n        return (1, 1)\n"
    )
    with locust(
        tmp_path, "-f", str(mine), "--headless", "--arrival-rate", "1/s", PYTHONPATH=str(ROOT)
    ) as command:
        assert command.wait() == ExitCode.BAD_SETTINGS, command.output
    assert "and so does Mine in the locustfile" in command.output


def _post(url: str, form: dict[str, str]) -> None:
    with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=150) as response:
        assert json.load(response)["success"] is True


def test_the_page_starts_arrivals_and_then_a_run_by_users(tmp_path: Path) -> None:
    port = free_port()
    page = f"http://127.0.0.1:{port}"
    with locust(tmp_path, "--web-host", "127.0.0.1", "--web-port", str(port)) as command:
        command.wait_for("Starting web interface")
        form = {"user_count": "20", "spawn_rate": "20", "call_duration": "0.5s", "arrival_rate": "4/s"}
        wait_until(lambda: _tried(page, form), "the page has started the run")
        wait_until(lambda: len(records(tmp_path)) >= 4, "calls are recorded")
        _post(f"{page}/stop", {})
        wait_until((tmp_path / "run" / "report.html").exists, "the first report is written")
        _post(f"{page}/swarm", {**form, "user_count": "1", "arrival_rate": ""})
        second = tmp_path / "run-2" / "records.jsonl"
        wait_until(
            lambda: second.exists() and second.read_text().count("\n") >= 1, "the next run records calls"
        )
        _post(f"{page}/stop", {})
        wait_until((tmp_path / "run-2" / "report.html").exists, "the second report is written")
        command.children("")
        command.signal(signal.SIGTERM)
        assert command.wait() == ExitCode.PASSED, command.output
        command.assert_no_process_left()
    numbers = [call["arrival"] for call in records(tmp_path)]
    assert sorted(numbers) == list(range(len(numbers)))
    assert summary(tmp_path)["traffic"]["rate"] == "4/s"
    rows = [json.loads(line)["call"] for line in second.read_text().splitlines()]
    assert {row["arrival"] for row in rows} == {None}
    assert not (tmp_path / "run-2" / "arrivals.jsonl").exists()


def _tried(page: str, form: dict[str, str]) -> bool:
    try:
        _post(f"{page}/swarm", form)
    except OSError:
        return False
    return True


def test_arrivals_are_shared_over_workers_and_go_on_when_one_is_lost(tmp_path: Path) -> None:
    with ExitStack() as stack:
        port = str(free_port())
        options = ["--arrival-rate", "3/s", "--call-duration", "1s", "--seed", "3"]
        cluster = ["--master", "--expect-workers", "2", "--master-bind-port", port]
        master = stack.enter_context(locust(tmp_path, "--headless", *options, *cluster))
        join = ["--worker", "--master-port", port]
        first, second = (stack.enter_context(locust(tmp_path, *join)) for _ in range(2))
        wait_until(lambda: len(_workers(tmp_path)) == 2, "both workers have placed calls")
        first.children("")
        first.signal(signal.SIGKILL)
        first.wait()
        master.wait_for("is gone before the end of the run")
        (lost,) = (entry["worker"] for entry in run_document(tmp_path)["workers"]["lost"])
        before = max(call["arrival"] for call in records(tmp_path))
        wait_until(
            lambda: max(call["arrival"] for call in records(tmp_path)) > before + 2,
            "arrivals go on elsewhere",
        )
        master.signal(signal.SIGTERM)
        assert master.wait() == ExitCode.INTERRUPTED, master.output
        second.wait()
    assert "Unknown message type" not in master.output
    calls = records(tmp_path)
    numbers = [call["arrival"] for call in calls]
    assert len(numbers) == len(set(numbers))
    assert {call["worker"] for call in calls if call["arrival"] > before + 1} == _workers(tmp_path) - {lost}
    arrivals = summary(tmp_path)["traffic"]["arrivals"]
    # Its calls in progress and what it was handed before it was missed left no record, and are counted.
    assert arrivals["intended"] > max(numbers) - arrivals["not_started"]
    assert arrivals["on_time"] + arrivals["late"] <= len(numbers)
    assert summary(tmp_path)["run"]["workers_lost"] == 1


def _workers(folder: Path) -> set[str]:
    return {call["worker"] for call in records(folder)}
