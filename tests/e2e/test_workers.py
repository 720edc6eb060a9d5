"""Master and workers: every record reaches the master, and a lost worker is told."""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from loadkit.errors import ExitCode
from tests.e2e.processes import (
    Command,
    assert_files_complete,
    assert_no_secret,
    calls_in_progress,
    free_port,
    headless,
    locust,
    records,
    run_document,
    summary,
    wait_until,
)


def test_processes_2_reports_every_call_of_both_workers_once(tmp_path: Path) -> None:
    port = str(free_port())
    options = ["--processes", "2", "--master-bind-port", port, "--master-port", port]
    with locust(tmp_path, *headless(4, 300), "--call-duration", "2s", *options) as command:
        # Not for a time: on a busy machine engines take most of it to start.
        wait_until(lambda: len(_workers_seen(tmp_path)) == 2, "both workers have reported a call")
        command.children("")
        command.signal(signal.SIGTERM)
        assert command.wait() == ExitCode.INTERRUPTED, command.output
        command.assert_no_process_left()
    assert_files_complete(tmp_path)
    assert_no_secret(tmp_path, command.output)
    calls = records(tmp_path)
    assert {call["worker"] for call in calls} == {"worker-0", "worker-1"}
    assert max(Counter(call["call_id"] for call in calls).values()) == 1
    assert summary(tmp_path)["calls"]["total"] == len(calls)
    assert summary(tmp_path)["calls"]["failed"] == 0
    # What was in progress at the end was cancelled, and its records came, too.
    assert summary(tmp_path)["calls"]["cancelled"] <= 4
    assert {line for line in command.output.splitlines() if "Traceback" in line} == set()
    assert "before it had begun" not in command.output


def _cluster(
    stack: ExitStack, folder: Path, seconds: int, call_duration: str
) -> tuple[Command, Command, Command]:
    port = str(free_port())
    master = stack.enter_context(
        locust(
            folder,
            *headless(4, seconds),
            "--call-duration",
            call_duration,
            *("--master", "--expect-workers", "2", "--master-bind-port", port),
        )
    )
    join = ["--worker", "--master-port", port, "--engines", "1"]
    first = stack.enter_context(locust(folder, *join))
    second = stack.enter_context(locust(folder, *join))
    return master, first, second


def _workers_seen(folder: Path) -> set[str]:
    return {call["worker"] for call in records(folder)}


def test_sigterm_to_the_master_brings_the_last_records_of_all_workers(tmp_path: Path) -> None:
    with ExitStack() as stack:
        master, first, second = _cluster(stack, tmp_path, 300, call_duration="600s")
        wait_until(
            lambda: all(calls_in_progress(tmp_path, f"worker-{number}.") == 2 for number in (0, 1)),
            "two calls are in progress on each worker",
        )
        for command in (master, first, second):
            command.children("")
        master.signal(signal.SIGTERM)
        assert master.wait() == ExitCode.INTERRUPTED, master.output
        for command in (first, second):
            command.wait()
            command.assert_no_process_left()
        master.assert_no_process_left()
    assert summary(tmp_path)["calls"]["total"] == len(records(tmp_path))
    # No call had ended: all four are there, as cancelled.
    assert summary(tmp_path)["calls"]["cancelled"] == len(records(tmp_path)) == 4
    assert run_document(tmp_path)["workers"]["lost"] == []
    assert_files_complete(tmp_path)


def test_sigterm_to_a_worker_leaves_its_records_and_is_told_as_a_loss(tmp_path: Path) -> None:
    with ExitStack() as stack:
        master, first, second = _cluster(stack, tmp_path, 300, call_duration="600s")
        wait_until(
            lambda: all(calls_in_progress(tmp_path, f"worker-{number}.") for number in (0, 1)),
            "calls are in progress on both workers",
        )
        first.children("")
        first.signal(signal.SIGTERM)
        first.wait()
        first.assert_no_process_left()
        master.wait_for("is gone before the end of the run")
        master.signal(signal.SIGTERM)
        assert master.wait() == ExitCode.INTERRUPTED, master.output
        second.wait()
    assert summary(tmp_path)["run"]["workers_lost"] == 1
    lost = run_document(tmp_path)["workers"]["lost"][0]["worker"]
    assert any(call["outcome"] == "cancelled" for call in records(tmp_path) if call["worker"] == lost)
