"""A run whose generator stands still is ended, and is not blamed on the gateway."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from loadkit.errors import ExitCode
from tests.e2e.processes import (
    ROOT,
    assert_files_complete,
    calls_in_progress,
    free_port,
    headless,
    locust,
    run_document,
    summary,
    wait_until,
)

_WATCHED = {"LOADKIT_STALL_TIMEOUT": "2"}


def test_an_engine_that_is_stopped_ends_the_run_as_unfit_with_its_report(tmp_path: Path) -> None:
    options = [*headless(2, 300), "--call-duration", "200s", "--engines", "1"]
    with locust(tmp_path, *options, **_WATCHED) as command:
        wait_until(lambda: calls_in_progress(tmp_path, "local.0") == 2, "both calls are in progress")
        (engine,) = command.children("loadkit.engine")
        engine.suspend()
        assert command.wait() == ExitCode.UNFIT, command.output
        command.assert_no_process_left()
    assert "the generator stands still, and the run is ended: Engine local.0" in command.output
    assert_files_complete(tmp_path)
    told = summary(tmp_path)
    assert told["run"]["ended_by"] == "stalled"
    assert told["errors"]["ENGINE_STALLED"] == 2
    assert told["verdict"]["status"] == "unfit generator"
    assert "told nothing for" in run_document(tmp_path)["stalled"]
    report = (tmp_path / "run" / "report.html").read_text()
    assert "The generator was the limit" in report
    made = subprocess.run(
        [sys.executable, "-m", "loadkit", "report", str(tmp_path / "run")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == ExitCode.UNFIT, made.stderr
    # What the Locust process cost is among the figures, as a row of its own.
    rows = [json.loads(line) for line in (tmp_path / "run" / "figures.jsonl").read_text().splitlines()]
    own = [row for row in rows if row["kind"] == "locust"]
    assert {(row["worker"], row["engine"]) for row in own} == {("local", "local.locust")}
    assert all(row["loop_lag_ms"] is not None and row["cpu_share"] >= 0 for row in own)


def test_a_worker_tells_the_master_that_its_engine_stands_still(tmp_path: Path) -> None:
    with ExitStack() as stack:
        port = str(free_port())
        master = stack.enter_context(
            locust(
                tmp_path,
                *headless(2, 300),
                *("--call-duration", "200s", "--stall-timeout", "2"),
                *("--master", "--expect-workers", "1", "--master-bind-port", port),
            )
        )
        worker = stack.enter_context(locust(tmp_path, "--worker", "--master-port", port))
        wait_until(lambda: calls_in_progress(tmp_path, "worker-0.0") == 2, "both calls are in progress")
        (engine,) = worker.children("loadkit.engine")
        engine.suspend()
        assert master.wait() == ExitCode.UNFIT, master.output
        worker.wait()
        worker.assert_no_process_left()
    assert "Engine worker-0.0" in run_document(tmp_path)["stalled"]
    assert run_document(tmp_path)["workers"]["lost"] == []
    assert summary(tmp_path)["errors"]["ENGINE_STALLED"] == 2
