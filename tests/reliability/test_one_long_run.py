"""One run, and what goes wrong in it, one after the other: it goes on, and tells."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from loadkit.errors import ExitCode
from tests.e2e.processes import (
    Command,
    assert_files_complete,
    assert_no_secret,
    figures_of,
    free_port,
    locust,
    records,
    run_document,
    summary,
    wait_until,
)
from tests.reliability.mishaps import Circumstances, gateway

EAGER = str(Path(__file__).with_name("eager.py"))


class _Watched:
    """A run as its records tell of it."""

    def __init__(self, folder: Path, command: Command) -> None:
        self.folder, self.command = folder, command

    def more(self, what: Callable[[dict[str, Any]], bool], description: str) -> None:
        """Wait for a record like this among those of calls that have not ended yet."""
        known = {call["call_id"] for call in records(self.folder)}

        def found() -> bool:
            assert self.command.process.poll() is None, self.command.output
            return any(what(call) for call in records(self.folder) if call["call_id"] not in known)

        wait_until(found, description)

    def code(self, code: str) -> None:
        """Wait for a call that fails so."""
        self.more(lambda call: bool(call["error_code"] == code), f"a call fails with {code}")

    def completed(self, engine: str = "") -> None:
        """Wait for a call that goes well."""
        self.more(
            lambda call: call["outcome"] == "completed" and call["engine"].startswith(engine),
            f"a call of {engine or 'an engine'} goes well",
        )


@pytest.fixture(scope="module")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Command]:
    """Everything in one run; each mishap is over before the next."""
    folder = tmp_path_factory.mktemp("long_run")
    around = Circumstances(folder)
    port = free_port()
    options = ["-f", EAGER, "--headless", "-u", "2", "-r", "10", "--call-duration", "500ms"]
    options += ["--media-timeout", "2s", "--host", f"ws://gateway.test:{port}"]
    with gateway(port) as first, locust(folder, *options, **around.environment) as command:
        run = _Watched(folder, command)
        run.completed()
        # At once: file by file, the run would make the first again before the last is gone.
        shutil.rmtree((folder / "run").rename(folder / "removed"))
        wait_until(lambda: records(folder), "the records are there again")
        around.set_clock(3600)
        command.wait_for("was set forward")
        around.set_clock(-3600)
        command.wait_for("was set back")
        around.know_name(known=False)
        run.code("WEBSOCKET_DNS")
        around.know_name(known=True)
        run.completed()
        (engine,) = command.children("loadkit.engine")
        # It stands still first, so that it is certain to hold a call when it dies: who is between two places the next.
        engine.suspend()
        seen = len(figures_of(folder, "local.locust"))
        wait_until(lambda: len(figures_of(folder, "local.locust")) > seen + 1, "users have gone on")
        engine.kill()
        command.wait_for("takes its place")
        run.completed("local.1")
        first.kill()
        # Not the one that was being made just then: its connection is cut off.
        run.more(
            lambda call: "Connection refused" in (call["error_message"] or ""), "a call finds nobody there"
        )
        with gateway(port, token="another-token"):
            run.code("UNAUTHORIZED")
        with gateway(port):
            run.completed()
            command.signal(signal.SIGTERM)
            assert command.wait() == ExitCode.INTERRUPTED, command.output
        command.assert_no_process_left()
    return folder, command


def test_a_run_folder_that_is_removed_is_there_again_with_every_call(
    long_run: tuple[Path, Command],
) -> None:
    folder, command = long_run
    assert (
        "records.jsonl was removed while the run went on: it is there again, with all lines" in command.output
    )
    assert_files_complete(folder)
    assert_no_secret(folder, command.output)
    assert summary(folder)["calls"]["total"] == len(records(folder))
    # The first call was recorded before the folder was removed. When a call was meant, each knows; when it
    # began, none that was handed to an engine just before that died.
    assert min(call["intended_at"] for call in records(folder)) < run_document(folder)["marks"][0]["at"]


def test_a_clock_that_is_set_moves_no_time_of_the_run(long_run: tuple[Path, Command]) -> None:
    folder, command = long_run
    told = summary(folder)["run"]
    # Of the hour and of the two there is nothing in it; a slow machine takes minutes for it.
    assert 0 < told["duration_s"] < 3000
    for call in records(folder):
        assert told["started_at"] - 1 <= call["intended_at"]
        assert call["started_at"] is None or call["intended_at"] <= call["started_at"]
        assert call["ended_at"] <= told["ended_at"] + 1
        assert call["duration_ms"] is None or 0 <= call["duration_ms"] < 3_000_000
    marks = [mark["text"] for mark in run_document(folder)["marks"]]
    assert marks == [
        "the machine's clock was set forward by 3,600 s",
        "the machine's clock was set back by 7,200 s",
    ]
    assert (
        "the machine's clock was set forward by 3600.0 s: the times of this run go on as before"
        in command.output
    )


def test_a_name_that_is_gone_fails_calls_until_it_is_back(long_run: tuple[Path, Command]) -> None:
    folder, _ = long_run
    gone = [call for call in records(folder) if call["error_code"] == "WEBSOCKET_DNS"]
    assert "the host name could not be resolved" in gone[0]["error_message"]
    assert {call["failed_stage"] for call in gone} == {"websocket"}


def test_a_gateway_that_is_restarted_is_called_again_and_not_in_a_busy_loop(
    long_run: tuple[Path, Command],
) -> None:
    folder, _ = long_run
    refused = [call for call in records(folder) if call["error_code"] == "WEBSOCKET_REFUSED"]
    assert any("Connection refused" in call["error_message"] for call in refused)
    for user in {call["user"] for call in refused}:
        began = sorted(call["intended_at"] for call in refused if call["user"] == user)
        assert all(later - earlier > 0.7 for earlier, later in pairwise(began))


def test_a_token_that_is_no_longer_accepted_fails_calls_with_its_code(long_run: tuple[Path, Command]) -> None:
    folder, _ = long_run
    refused = [call for call in records(folder) if call["error_code"] == "UNAUTHORIZED"]
    assert {call["error_message"] for call in refused} == {"Invalid authentication token"}


def test_a_killed_engine_is_replaced_on_the_same_clock(long_run: tuple[Path, Command]) -> None:
    folder, _ = long_run
    lost = [call for call in records(folder) if call["error_code"] == "ENGINE_LOST"]
    assert {call["engine"] for call in lost} == {"local.0"}
    assert any(call["engine"] == "local.1" for call in records(folder))
