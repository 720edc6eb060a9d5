"""A run whose generator stands still is ended, and is not blamed on the gateway."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from loadkit.errors import ExitCode
from tests.e2e.processes import (
    calls_in_progress,
    free_port,
    headless,
    locust,
    run_document,
    summary,
    wait_until,
)


def test_a_worker_tells_the_master_that_its_engine_stands_still(tmp_path: Path) -> None:
    with ExitStack() as stack:
        port = str(free_port())
        master = stack.enter_context(
            locust(
                tmp_path,
                *headless(2, 300),
                # More than a busy machine takes its CPU away for.
                *("--call-duration", "200s", "--stall-timeout", "5"),
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
