"""Workers that come and go, and a master that is gone: one cluster on one machine."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loadkit.errors import ExitCode
from loadkit.gateway.embedded import EmbeddedGateway
from tests.e2e.processes import TOKEN, Command, free_port, headless, locust, records, run_document, wait_until
from tests.reliability.hasty_master import hasty_master
from tests.reliability.mishaps import Circumstances


@dataclass
class Cluster:
    """What is left of it."""

    folder: Path
    survivors: list[Command]
    codes: list[int]
    calls: list[dict[str, Any]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """A worker is killed, a new one joins, the clock of the other is set, and then the master is killed."""
    folder = tmp_path_factory.mktemp("cluster")
    around = Circumstances(folder)
    port = str(free_port())
    options = ["--call-duration", "1s", "--master-timeout", "20s"]
    join = ["--worker", "--master-port", port, *options]
    with ExitStack() as stack:
        cluster = ["--master", "--expect-workers", "2", "--master-bind-port", port]
        master = stack.enter_context(locust(folder, *headless(4, 600), *options, *cluster))
        victim = stack.enter_context(locust(folder, *join))
        lasting = stack.enter_context(locust(folder, *join, **around.environment))

        def seen() -> set[str]:
            return {call["worker"] for call in records(folder) if call["outcome"] == "completed"}

        wait_until(lambda: len(seen()) == 2, "both workers have reported a call")
        victim.children("")
        victim.signal(signal.SIGKILL)
        victim.wait()
        # More than the minute after which Locust itself gives a master up, by the wall clock.
        around.set_clock(3600)
        master.wait_for("is gone before the end of the run")
        new = stack.enter_context(locust(folder, *join))
        wait_until(lambda: "worker-2" in seen(), "the new worker has reported a call")
        lost = {worker["worker"] for worker in run_document(folder)["workers"]["lost"]}
        assert len(lost) == 1
        for command in (master, lasting, new):
            command.children("")
        master.signal(signal.SIGKILL)
        codes = [command.wait() for command in (lasting, new)]
        for command in (master, victim, lasting, new):
            command.assert_no_process_left()
    return Cluster(folder, [lasting, new], codes, records(folder))


def test_a_new_worker_takes_up_the_load_of_one_that_was_killed(cluster: Cluster) -> None:
    told = run_document(cluster.folder)["workers"]
    (lost,) = told["lost"]
    assert lost["worker"] in ("worker-0", "worker-1")
    assert "worker-2" in told["seen"]
    after = [call for call in cluster.calls if call["worker"] == "worker-2"]
    assert any(call["outcome"] == "completed" and call["started_at"] > lost["at"] - 1 for call in after)


def test_a_worker_that_is_killed_is_lost_and_one_whose_clock_is_set_forward_stays(cluster: Cluster) -> None:
    told = run_document(cluster.folder)["workers"]
    # Of the two that were there at the start only the one that was killed is lost.
    assert len(told["lost"]) == 1


def test_workers_end_when_their_master_was_killed(cluster: Cluster) -> None:
    assert cluster.codes == [ExitCode.INTERRUPTED, ExitCode.INTERRUPTED]
    for worker in cluster.survivors:
        assert (
            "the master has not been heard of for 20 s: this worker ends its calls and itself"
            in worker.output
        )
        assert "Traceback" not in worker.output


def test_a_worker_whose_run_begins_before_locust_has_its_runner_works_for_the_master(tmp_path: Path) -> None:
    port = free_port()
    gateway = EmbeddedGateway()
    address = gateway.start([TOKEN])
    join = ["--worker", "--master-port", str(port), "--call-duration", "1s"]
    try:
        with (
            hasty_master(port, 7, address, {"Caller": 1}) as master,
            locust(tmp_path, *join) as worker,
        ):
            (record, *_) = wait_until(lambda: master.message("loadkit_records")["records"], "a call is told")
            worker.children("")
    finally:
        gateway.stop()
    assert record["call"]["worker"] == "worker-7"
    assert record["call"]["outcome"] == "completed"
    # A run of its own would have had a folder.
    assert not any(path.is_dir() for path in tmp_path.iterdir())
