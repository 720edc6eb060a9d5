"""However a run ends, it leaves its records, its report and no process."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from loadkit.errors import ExitCode
from tests.e2e.processes import (
    TO_THE_END,
    assert_files_complete,
    calls_in_progress,
    figures_of,
    headless,
    locust,
    packets_received,
    records,
    report_again,
    summary,
    wait_until,
)


def test_ctrl_c_while_the_gateway_starts_is_told_in_a_sentence(tmp_path: Path) -> None:
    # Its events go to a pipe that nobody reads: it does not get so far as to listen.
    events = tmp_path / "events"
    os.mkfifo(events)
    with locust(tmp_path, *headless(1, 60), LOADKIT_GATEWAY_EVENTS=str(events)) as command:
        wait_until(lambda: command.children("loadkit.gateway"), "the gateway is being started")
        command.signal(signal.SIGINT)
        assert command.wait() == ExitCode.INTERRUPTED, command.output
        command.assert_no_process_left()
    assert "loadkit: interrupted before the first call" in command.output
    assert "Traceback" not in command.output


def test_a_killed_engine_costs_its_own_calls_only(tmp_path: Path) -> None:
    options = ("--call-duration", "5s", "--back-to-back", "--engines", "2", *TO_THE_END)
    with locust(tmp_path, *headless(4, 25), *options) as command:
        wait_until(
            lambda: all(calls_in_progress(tmp_path, name) for name in ("local.0", "local.1")),
            "both engines hold calls",
        )
        victim, other = command.children("loadkit.engine")
        # It stands still first, so that it is certain to hold calls when it dies: who is between two places the next.
        victim.suspend()
        seen = len(figures_of(tmp_path, "local.locust"))
        wait_until(lambda: len(figures_of(tmp_path, "local.locust")) > seen + 1, "users have gone on")
        victim.kill()
        command.wait_for("takes its place")
        assert len(command.children("loadkit.engine")) == 2
        assert other.is_running()
        # No call failed but those that the generator lost by itself.
        assert command.wait() == ExitCode.UNFIT, command.output
        command.assert_no_process_left()
    told = summary(tmp_path)
    assert set(told["errors"]) == {"ENGINE_LOST"}
    assert 1 <= told["errors"]["ENGINE_LOST"] <= 4
    lost = {call["engine"] for call in records(tmp_path) if call["error_code"] == "ENGINE_LOST"}
    assert lost in ({"local.0"}, {"local.1"})
    # The engine that took its place has held calls, too.
    assert {"local.2"} <= {call["engine"] for call in records(tmp_path) if call["outcome"] == "completed"}


def test_calls_of_an_engine_that_stands_still_at_the_end_are_in_the_report(tmp_path: Path) -> None:
    with locust(tmp_path, *headless(2, 10), "--call-duration", "60s", "--engines", "1") as command:
        wait_until(lambda: calls_in_progress(tmp_path, "local.0") == 2, "both calls are in progress")
        (engine,) = command.children("loadkit.engine")
        engine.suspend()
        # The gateway has done nothing wrong, and that much is sure, however busy the machine is.
        assert command.wait() == ExitCode.UNFIT, command.output
        command.assert_no_process_left()
    assert summary(tmp_path)["errors"] == {"ENGINE_STALLED": 2}


def test_locust_killed_outright_leaves_no_process_and_its_records(tmp_path: Path) -> None:
    with locust(tmp_path, *headless(3, 120), "--call-duration", "1s") as command:
        wait_until(lambda: len(records(tmp_path)) >= 3, "three calls are recorded")
        command.children("loadkit")
        command.process.kill()
        command.wait()
        command.assert_no_process_left()
    known = len(records(tmp_path))
    assert known >= 3
    report_again(tmp_path)
    assert summary(tmp_path)["calls"]["total"] == known
    assert_files_complete(tmp_path)


def test_a_gateway_that_dies_in_mid_call_fails_the_calls(tmp_path: Path) -> None:
    with locust(tmp_path, *headless(2, 60), "--call-duration", "50s", "--media-timeout", "3s") as command:
        wait_until(lambda: calls_in_progress(tmp_path, stage="connected") == 2, "both calls are connected")
        before = packets_received(tmp_path)
        wait_until(
            lambda: packets_received(tmp_path) >= before + 200, "both calls have had media for two seconds"
        )
        (gateway,) = command.children("loadkit.gateway")
        gateway.kill()
        wait_until(lambda: len(records(tmp_path)) >= 2, "both calls have ended")
        command.signal(signal.SIGTERM)
        command.wait()
    first = [call for call in records(tmp_path) if call["failed_stage"] == "media"]
    assert {call["error_code"] for call in first} <= {"MEDIA_LOST", "SIGNALING_LOST"}
    assert len(first) >= 2
