"""Every way in which a run can end, each by the real command, with the exit code that it is worth."""

from __future__ import annotations

import json
import os
import signal
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from loadkit.errors import ExitCode
from tests.e2e.processes import (
    ROOT,
    TO_THE_END,
    Command,
    calls_in_progress,
    figures_of,
    free_port,
    headless,
    locust,
    records,
    run_document,
    summary,
    wait_until,
)

#: The embedded gateway refuses every call.
_EVERY_CALL_FAILS = {"LOADKIT_GATEWAY_FAULT": "error code=AGENT_FAILURE share=100%"}
_SHORT = ("--call-duration", "1s")
#: However slow the machine is, the first call comes to its end.
_ONE_CALL = (*headless(1, 6), *TO_THE_END, *_SHORT)
_LONG = ("--call-duration", "200s")


@dataclass(frozen=True)
class Cause:
    """One way to end."""

    told: str
    """For the table in docs/exit_codes.md."""
    code: ExitCode
    files: bool
    """Whether calls were placed, so that the full set of files is there."""
    run: Callable[[Path], int]
    """Runs the command with its reports in a folder; returns what it ended with."""


CAUSES: list[Cause] = []

Run = Callable[[Path], int]


def _ends_with(code: ExitCode, told: str, *, files: bool = True) -> Callable[[Run], Run]:
    def keep(run: Run) -> Run:
        CAUSES.append(Cause(told, code, files, run))
        return run

    return keep


def _end_of(command: Command) -> int:
    """The exit code of a command that leaves nothing behind and nothing unexplained."""
    code = command.wait()
    command.assert_no_process_left()
    assert "Traceback" not in command.output, command.output
    return code


# 0


@_ends_with(ExitCode.PASSED, "`-t` is over, and no call has failed")
def _time_is_over(folder: Path) -> int:
    with locust(folder, *_ONE_CALL) as command:
        code = _end_of(command)
    assert run_document(folder)["ended_by"] == "run_time"
    return code


@_ends_with(ExitCode.PASSED, "Stop on Locust's page, no call having failed, and Locust ended after that")
def _stopped_on_the_page(folder: Path) -> int:
    port = free_port()
    with locust(folder, *_SHORT, "--web-host", "127.0.0.1", "--web-port", str(port)) as command:
        command.wait_for("Starting web interface")
        wait_until(lambda: _post(port, "swarm", user_count="1", spawn_rate="1"), "the page starts a run")
        wait_until(lambda: records(folder), "a call is recorded")
        assert _post(port, "stop")
        wait_until((folder / "run" / "report.html").exists, "the report is written")
        command.signal(signal.SIGTERM)
        code = _end_of(command)
    assert run_document(folder)["ended_by"] == "stopped"
    return code


def _post(port: int, path: str, **form: str) -> bool:
    try:
        data = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", data, timeout=150) as response:
            return b'"success": true' in response.read().replace(b'":true', b'": true')
    except OSError:
        return False


# 1


@_ends_with(ExitCode.FAILED, "a call has failed")
def _calls_fail(folder: Path) -> int:
    with locust(folder, *_ONE_CALL, **_EVERY_CALL_FAILS) as command:
        code = _end_of(command)
    assert set(summary(folder)["errors"]) == {"AGENT_FAILURE"}
    return code


@_ends_with(ExitCode.FAILED, "a condition of `--abort-on` is met")
def _aborted(folder: Path) -> int:
    condition = ("--abort-on", "failed > 20% for 3s")
    with locust(folder, *headless(10, 300), "--back-to-back", *condition, **_EVERY_CALL_FAILS) as command:
        code = _end_of(command)
    assert (
        "the run is hopeless, and is ended: --abort-on failed > 20% for 3s: it was 100% over"
        in command.output
    )
    document = run_document(folder)
    assert document["ended_by"] == "aborted"
    assert document["aborted"]["condition"] == "failed > 20% for 3s"
    assert document["aborted"]["value"] == 1.0
    verdict = summary(folder)["verdict"]
    assert verdict["status"] == "fail"
    assert f"ended early by --abort-on {document['aborted']['sentence']}." in verdict["sentence"]
    return code


@_ends_with(ExitCode.FAILED, "a threshold is broken")
def _threshold_broken(folder: Path) -> int:
    # Not a median: that takes two calls, and a slow machine places one.
    with locust(folder, *_ONE_CALL, "--slo", "setup_ms min < 0.001ms") as command:
        code = _end_of(command)
    assert summary(folder)["calls"]["failed"] == 0
    assert summary(folder)["thresholds"][0]["status"] == "fail"
    return code


# 2


@_ends_with(
    ExitCode.BAD_SETTINGS,
    "a setting, `--slo` or `--abort-on` cannot be read; all are told at once",
    files=False,
)
def _bad_settings(folder: Path) -> int:
    conditions = ("--slo", "setup_ms p95 < 1500 sheep", "--abort-on", "failed > 20% in 60s")
    with locust(folder, *headless(1, 5), "--call-duration", "ever", *conditions) as command:
        code = _end_of(command)
    assert "'setup_ms p95 < 1500 sheep': at character 21: " in command.output
    assert "'failed > 20% in 60s': at character 14: " in command.output
    assert "--call-duration 'ever': " in command.output
    return code


@_ends_with(ExitCode.NO_DATA, "no call has come to an end of its own")
def _no_data(folder: Path) -> int:
    with locust(folder, *headless(1, 3), *_LONG) as command:
        return _end_of(command)


@_ends_with(ExitCode.NO_DATA, "a threshold has too few values, and nothing else is wrong")
def _too_few_values(folder: Path) -> int:
    with locust(folder, *_ONE_CALL, "--slo", "setup_ms p95 < 60s") as command:
        code = _end_of(command)
    assert summary(folder)["calls"]["completed"] >= 1
    assert summary(folder)["verdict"]["status"] == "no data"
    return code


# 4


@_ends_with(ExitCode.UNFIT, "the generator was over a limit")
def _over_a_limit(folder: Path) -> int:
    # The finest bucket of lateness ends at 0.1 ms: no machine keeps to this.
    with locust(folder, *_ONE_CALL, "--limit-late-ms", "0.01") as command:
        code = _end_of(command)
    told = summary(folder)
    assert told["calls"]["failed"] == 0
    assert told["generator"]["limits"] == {"late_ms": 0.01, "loop_lag_ms": None, "cpu_share": None}
    sentence = (
        "The generator was the limit. Engine local.0 sent 100.0 % of its packets over 0.01 ms late or never"
    )
    assert sentence in told["verdict"]["sentence"]
    assert f": {sentence}" in command.output
    assert set(told["generator"]["processes"]) == {"local.0", "local.locust"}
    return code


@_ends_with(ExitCode.UNFIT, "an engine stood still for `--stall-timeout`")
def _engine_stands_still(folder: Path) -> int:
    # More than a busy machine takes its CPU away for.
    watched = {"LOADKIT_STALL_TIMEOUT": "5"}
    with locust(folder, *headless(2, 300), *_LONG, "--engines", "1", **watched) as command:
        wait_until(lambda: calls_in_progress(folder, "local.0") == 2, "both calls are in progress")
        (engine,) = command.children("loadkit.engine")
        engine.suspend()
        code = _end_of(command)
    assert "the generator stands still, and the run is ended: Engine local.0" in command.output
    told = summary(folder)
    assert told["run"]["ended_by"] == "stalled"
    assert told["errors"]["ENGINE_STALLED"] == 2
    assert "told nothing for" in run_document(folder)["stalled"]
    assert "The generator was the limit" in (folder / "run" / "report.html").read_text()
    # What the Locust process cost is among the figures, as a row of its own.
    rows = [json.loads(line) for line in (folder / "run" / "figures.jsonl").read_text().splitlines()]
    own = [row for row in rows if row["kind"] == "locust"]
    assert {(row["worker"], row["engine"]) for row in own} == {("local", "local.locust")}
    assert all(row["loop_lag_ms"] is not None and row["cpu_share"] >= 0 for row in own)
    return code


@_ends_with(ExitCode.UNFIT, "an engine died, and no call has failed but those that it held")
def _engine_killed(folder: Path) -> int:
    options = ("--call-duration", "2s", "--back-to-back", "--engines", "1", *TO_THE_END)
    with locust(folder, *headless(2, 20), *options) as command:
        wait_until(lambda: calls_in_progress(folder, "local.0"), "the engine holds calls")
        (victim,) = command.children("loadkit.engine")
        # It stands still first, so that it is certain to hold calls when it dies: who is between two places the next.
        victim.suspend()
        seen = len(figures_of(folder, "local.locust"))
        wait_until(lambda: len(figures_of(folder, "local.locust")) > seen + 1, "users have gone on")
        victim.kill()
        command.wait_for("takes its place")
        command.children("")
        code = _end_of(command)
    assert set(summary(folder)["errors"]) == {"ENGINE_LOST"}
    assert "lost with an engine that died" in summary(folder)["verdict"]["sentence"]
    # The engine that took its place has held calls of both users.
    after = [call for call in records(folder) if call["engine"] == "local.1"]
    assert any(call["outcome"] == "completed" for call in after)
    assert len({call["user"] for call in after}) == 2
    return code


_NO_REPLACEMENT = """
import loadkit.swarm.pool
loadkit.swarm.pool._MOST_REPLACEMENTS = 0
from locustfile import Caller
"""


@_ends_with(ExitCode.UNFIT, "the last engine has died")
def _all_engines_dead(folder: Path) -> int:
    script = folder / "no_replacement.py"
    script.write_text(_NO_REPLACEMENT)
    with locust(folder, "-f", str(script), *headless(2, 300), *_LONG, PYTHONPATH=str(ROOT)) as command:
        wait_until(lambda: calls_in_progress(folder, "local.0"), "the engine holds calls")
        (victim,) = command.children("loadkit.engine")
        victim.kill()
        code = _end_of(command)
    assert run_document(folder)["ended_by"] == "stalled"
    assert "The only engine of local has died, and no other could take the place" in command.output
    return code


# 5


@_ends_with(ExitCode.GATEWAY_UNREACHABLE, "nothing answers at `--host` before the run", files=False)
def _nothing_answers(folder: Path) -> int:
    host = f"ws://127.0.0.1:{free_port()}"
    with locust(folder, *headless(1, 5), "--host", host) as command:
        code = _end_of(command)
    assert (
        f"the gateway at {host} cannot be reached, and no call was placed: connection refused"
        in command.output
    )
    return code


@_ends_with(ExitCode.GATEWAY_UNREACHABLE, "the same, asked by a master", files=False)
def _nothing_answers_the_master(folder: Path) -> int:
    cluster = ("--master", "--expect-workers", "1", "--master-bind-port", str(free_port()))
    with locust(folder, *headless(1, 5), "--host", f"ws://127.0.0.1:{free_port()}", *cluster) as command:
        code = _end_of(command)
    assert "cannot be reached, and no call was placed" in command.output
    return code


# 6


@_ends_with(ExitCode.LOST_WORKERS, "one of two workers has died, and the other went on until `-t`")
def _worker_killed(folder: Path) -> int:
    with ExitStack() as stack:
        port = str(free_port())
        cluster = ("--master", "--expect-workers", "2", "--master-bind-port", port)
        master = stack.enter_context(locust(folder, *headless(4, 30), "--call-duration", "2s", *cluster))
        join = ["--worker", "--master-port", port, "--engines", "1"]
        first = stack.enter_context(locust(folder, *join))
        second = stack.enter_context(locust(folder, *join))
        wait_until(lambda: len(_workers_seen(folder)) == 2, "both workers have reported a call")
        first.children("")
        first.signal(signal.SIGKILL)
        first.wait()
        first.assert_no_process_left()
        master.wait_for("is gone before the end of the run")
        code = _end_of(master)
        second.wait()
    told = run_document(folder)["workers"]
    assert len(told["lost"]) == 1
    assert told["lost"][0]["worker"] in told["seen"]
    assert told["lost"][0]["worker"] in _workers_seen(folder)
    assert summary(folder)["verdict"]["status"] == "fail"
    return code


def _workers_seen(folder: Path) -> set[str]:
    return {call["worker"] for call in records(folder)}


@_ends_with(ExitCode.LOST_WORKERS, "the only worker has died")
def _only_worker_killed(folder: Path) -> int:
    with ExitStack() as stack:
        port = str(free_port())
        cluster = ("--master", "--expect-workers", "1", "--master-bind-port", port)
        master = stack.enter_context(locust(folder, *headless(1, 600), *_SHORT, *cluster))
        worker = stack.enter_context(locust(folder, "--worker", "--master-port", port))
        wait_until(lambda: records(folder), "a call is recorded")
        worker.children("")
        worker.signal(signal.SIGKILL)
        # Not after ten minutes: nobody is left to place a call.
        code = _end_of(master)
        worker.wait()
        worker.assert_no_process_left()
    assert [lost["worker"] for lost in run_document(folder)["workers"]["lost"]] == ["worker-0"]
    assert run_document(folder)["ended_by"] == "no_workers"
    assert summary(folder)["verdict"]["status"] == "fail"
    return code


@_ends_with(ExitCode.LOST_WORKERS, "a worker refused the run")
def _worker_refuses(folder: Path) -> int:
    with ExitStack() as stack:
        port = str(free_port())
        cluster = ("--master", "--expect-workers", "2", "--master-bind-port", port)
        master = stack.enter_context(locust(folder, *headless(4, 60), *cluster))
        join = ["--worker", "--master-port", port, "--engines", "1"]
        good = stack.enter_context(locust(folder, *join))
        bad = stack.enter_context(locust(folder, *join, "--local-address", "203.0.113.7"))
        code = _end_of(master)
        good.wait()
        bad.wait()
    (lost,) = run_document(folder)["workers"]["lost"]
    assert "--local-address '203.0.113.7'" in lost["reason"]
    assert "--local-address '203.0.113.7'" in master.output
    return code


@_ends_with(
    ExitCode.LOST_WORKERS, "too few workers have come within `--expect-workers-max-wait`", files=False
)
def _too_few_workers(folder: Path) -> int:
    cluster = ("--master", "--expect-workers", "2", "--expect-workers-max-wait", "1")
    with locust(folder, *headless(1, 5), *cluster, "--master-bind-port", str(free_port())) as command:
        code = _end_of(command)
    assert (
        "0 of 2 workers came within 1 s (--expect-workers-max-wait), and no call was placed" in command.output
    )
    return code


# 130


@contextmanager
def _report_held_up(folder: Path) -> Iterator[None]:
    """Whoever makes the report waits: one of the files that it reads is a pipe, which is at its end with this."""
    pipe = folder / "run" / "health.jsonl"
    os.mkfifo(pipe)
    try:
        yield
        wait_until(lambda: _ended(pipe), "the report reads the pipe")
    finally:
        _ended(pipe)


def _ended(pipe: Path) -> bool:
    """Whether somebody read it, who is told that it is at its end; nobody waits for it any more."""
    with suppress(OSError):
        writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        pipe.unlink()
        os.close(writer)
        return True
    return False


@_ends_with(ExitCode.INTERRUPTED, "Ctrl-C, once or twice")
def _ctrl_c_twice(folder: Path) -> int:
    with locust(folder, *headless(3, 120), *_SHORT) as command:
        wait_until(lambda: len(records(folder)) >= 3, "three calls are recorded")
        command.children("loadkit")
        with _report_held_up(folder):
            command.signal(signal.SIGINT)
            command.wait_for("writing the report")
            command.signal(signal.SIGINT)
            command.wait_for("the end is under way")
        code = _end_of(command)
    assert run_document(folder)["ended_by"] == "interrupted"
    assert summary(folder)["calls"]["total"] == len(records(folder)) >= 3
    return code


@_ends_with(ExitCode.INTERRUPTED, "SIGTERM, once or twice")
def _sigterm_twice(folder: Path) -> int:
    with locust(folder, *headless(3, 120), *_SHORT) as command:
        wait_until(lambda: len(records(folder)) >= 3, "three calls are recorded")
        command.children("loadkit")
        command.signal(signal.SIGTERM)
        command.wait_for("writing the report")
        command.signal(signal.SIGTERM)
        code = _end_of(command)
    assert run_document(folder)["ended_by"] == "interrupted"
    assert summary(folder)["calls"]["total"] == len(records(folder)) >= 3
    return code


_ENGINES_NEVER_READY = """
from loadkit.engine.client import EngineClient
from locustfile import Caller

receive = EngineClient._receive
EngineClient._receive = lambda self, message: message["ev"] == "ready" or receive(self, message)
"""


@_ends_with(ExitCode.INTERRUPTED, "Ctrl-C or SIGTERM before the first call", files=False)
def _ended_at_the_start(folder: Path) -> int:
    script = folder / "never_ready.py"
    script.write_text(_ENGINES_NEVER_READY)
    with locust(folder, "-f", str(script), *headless(1, 60), PYTHONPATH=str(ROOT)) as command:
        # Ctrl-C at the start is tried in test_endings.py.
        wait_until(lambda: command.children("loadkit.engine"), "an engine is being started")
        command.signal(signal.SIGTERM)
        code = _end_of(command)
    assert "loadkit: interrupted before the first call" in command.output
    return code


@_ends_with(ExitCode.INTERRUPTED, "the same while a master waits for its workers", files=False)
def _ended_while_workers_are_missing(folder: Path) -> int:
    port = str(free_port())
    cluster = ("--master", "--expect-workers", "2", "--master-bind-port", port, "--loglevel", "DEBUG")
    with locust(folder, *headless(1, 60), *cluster) as command, ExitStack() as stack:
        worker = stack.enter_context(locust(folder, "--worker", "--master-port", port))
        command.wait_for("Waiting for workers to be ready, 1 of 2 connected")
        command.children("")
        command.signal(signal.SIGTERM)
        code = _end_of(command)
        # It does not go on waiting for a master that is gone.
        assert worker.wait() == ExitCode.PASSED, worker.output
    assert "loadkit: interrupted before the first call" in command.output
    return code
