"""Start the real commands, wait for what they do, and see that nothing of them is left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psutil

from loadkit.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]
LOCUST = Path(sys.executable).with_name("locust")
#: A secret that must turn up nowhere.
TOKEN = "s3cret-connector-token-d41d8cd9"
#: How busy the machine is must not decide whether a test passes: the generator is not judged, nor watched.
NOT_JUDGED = {
    "LOADKIT_LIMIT_LATE_MS": "0",
    "LOADKIT_LIMIT_LOOP_LAG_MS": "0",
    "LOADKIT_LIMIT_CPU_SHARE": "0",
    "LOADKIT_STALL_TIMEOUT": "0",
}
#: What a run waits for after its last call, and few tests are about: sessions that the gateway still holds.
NOT_LOOKED_AT = {"LOADKIT_HEALTH_POLL": "0"}
#: Nor does a call fail because the machine stood still while it was set up.
PATIENT = {
    f"LOADKIT_{stage}_TIMEOUT": "60s"
    for stage in ("ICE_SERVERS", "WEBSOCKET", "ANSWER", "TURN", "ICE", "DTLS")
} | {"LOADKIT_CONNECT_TIMEOUT": "100s", "LOADKIT_MEDIA_TIMEOUT": "30s"}
#: Calls that have begun when ``-t`` is over come to their end, however slow the machine is.
TO_THE_END = ("--stop-timeout", "60")
#: Lines of each command's output that a failed wait shows.
_LAST_LINES = 60


class Shown(Protocol):
    """A command whose output tells why a test that waits for it waits in vain."""

    process: subprocess.Popen[Any]

    @property
    def output(self) -> str:
        """What it has printed so far."""
        ...


#: Those that have been started and not ended, oldest first.
shown_in_failures: list[Shown] = []


def last_words() -> str:
    """The end of what each command has printed that is under way, without the token."""
    told = []
    for command in shown_in_failures:
        code = command.process.poll()
        state = "is running" if code is None else f"has ended with {code}"
        arguments = command.process.args
        line = " ".join(arguments) if isinstance(arguments, list) else str(arguments)
        lines = command.output.splitlines()
        told.append(f"\n--- process {command.process.pid} {state}, {len(lines)} lines: {line}")
        told += lines[-_LAST_LINES:]
    return "\n".join(told).replace(TOKEN, "***")


@contextmanager
def explained() -> Iterator[None]:
    """Whatever fails within, pytest's own time-out too, is told with the last words of the commands."""
    try:
        yield
    except BaseException as failure:
        if not any("--- process " in text for text in (str(failure), *getattr(failure, "__notes__", ()))):
            failure.add_note(last_words())
        raise


def wait_until(condition: Callable[[], Any], what: str, timeout: float = 90.0) -> Any:
    """Wait until a condition about another process holds; returns what it returned.

    :raises AssertionError: in vain; with the last words of the commands that are under way.
    """
    deadline = time.monotonic() + timeout
    tick = threading.Event()
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        tick.wait(0.05)
    raise AssertionError(f"waited {timeout:g} s in vain until {what}{last_words()}")


_kept_ports: list[socket.socket] = []


def free_port() -> int:
    """A TCP port at which nobody listens, and which the system gives to nobody else while this process lives.

    It stays bound here, so that no other test's socket gets it before our own server does. With SO_REUSEADDR, which
    every server sets that is started here, Linux lets that one listen at it nevertheless.
    """
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    _kept_ports.append(keeper)
    return int(keeper.getsockname()[1])


class Command:
    """One running command, its output collected as it comes."""

    def __init__(self, arguments: list[str], cwd: Path, **environment: str) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LOCUST_", "LOADKIT_"))}
        self._lines: list[str] = []
        self.process = subprocess.Popen(
            arguments,
            cwd=cwd,
            env={**inherited, "LOADKIT_AUTH_TOKEN": TOKEN, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.family: set[psutil.Process] = set()
        shown_in_failures.append(self)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)

    @property
    def output(self) -> str:
        """Everything printed so far."""
        return "".join(self._lines)

    def wait_for(self, text: str, timeout: float = 90.0) -> None:
        """Wait until the command has printed this."""
        wait_until(
            lambda: text in self.output or self.process.poll() is not None, f"{text!r} is printed", timeout
        )
        if text not in self.output:
            # It has ended, and what it said last may be on its way.
            self._reader.join(10)
        assert text in self.output, self.output

    def children(self, part: str) -> list[psutil.Process]:
        """Descendants whose command line holds this."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        self.family.update(found)
        return [child for child in found if _command_has(child, part)]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this one process."""
        self.process.send_signal(number)

    def wait(self, timeout: float = 150.0) -> int:
        """Wait for the end; returns the exit code.

        :raises AssertionError: it does not come.
        """
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the command did not end within {timeout:g} s{last_words()}") from None
        self._reader.join(10)
        return code

    def assert_no_process_left(self) -> None:
        """All descendants that were ever seen have ended."""
        _gone, alive = psutil.wait_procs(self.family, timeout=60)
        assert not alive, [_described(process) for process in alive]

    def end(self) -> None:
        """End it, whatever a failed test left of it."""
        shown_in_failures.remove(self)
        if self.process.poll() is None:
            self.children("")
            self.process.kill()
            self.process.wait()
        for process in self.family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue


def _command_has(process: psutil.Process, part: str) -> bool:
    try:
        return part in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def _described(process: psutil.Process) -> str:
    try:
        return f"{process.pid}: {' '.join(process.cmdline())}"
    except psutil.NoSuchProcess:
        return f"{process.pid}: gone"


@contextmanager
def locust(folder: Path, *arguments: str, **environment: str) -> Iterator[Command]:
    """``locust -f locustfile.py`` with its reports in ``folder``, and one engine unless it is told otherwise.

    The generator is not judged, and no stage of a call is hurried; :data:`NOT_JUDGED` and :data:`PATIENT` hold what to
    set where that is what a test is about.
    """
    command = Command(
        [
            str(LOCUST),
            *(() if "-f" in arguments else ("-f", str(ROOT / "locustfile.py"))),
            "--reports-dir",
            str(folder),
            "--run-id",
            "run",
            "--only-summary",
            *arguments,
        ],
        cwd=folder,
        **{"LOADKIT_ENGINES": "1", **NOT_JUDGED, **NOT_LOOKED_AT, **PATIENT, **environment},
    )
    try:
        with explained():
            yield command
    finally:
        command.end()


def headless(users: int, seconds: int) -> list[str]:
    """Options of a short headless run; :data:`TO_THE_END` when its calls are to come to their end."""
    return ["--headless", "-u", str(users), "-r", "10", "-t", f"{seconds}s"]


def report_again(folder: Path) -> None:
    """The report of the run, made anew from its raw files by a process of its own, which has to succeed."""
    made = subprocess.run(
        [sys.executable, "-m", "loadkit", "report", str(folder / "run")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == ExitCode.PASSED, made.stderr


def records(folder: Path) -> list[dict[str, Any]]:
    """The raw records so far, whole lines only."""
    path = folder / "run" / "records.jsonl"
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line)["call"] for line in lines]


def spoilt_turns(folder: Path) -> int:
    """Turns in which an engine stood still, so that nothing need be measured of them."""
    path = folder / "run" / "records.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return sum(turn["stood_still_ms"] is not None for line in lines for turn in json.loads(line)["turns"])


def _figures(folder: Path) -> list[dict[str, Any]]:
    path = folder / "run" / "figures.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def calls_in_progress(folder: Path, name: str = "", *, stage: str | None = None) -> int:
    """Calls held by the engines of this name (or its beginning), by their newest figures.

    :param stage: of these, how many are in this stage, as ``connected``.
    """
    newest = {row["engine"]: row for row in _figures(folder) if row["engine"].startswith(name)}
    if stage is None:
        return sum(row["calls"] for row in newest.values())
    return sum(row.get("stages", {}).get(stage, 0) for row in newest.values())


def figures_of(folder: Path, name: str) -> list[dict[str, Any]]:
    """What a process has told of itself so far, once a second: ``local.0`` or ``local.locust``."""
    return [row for row in _figures(folder) if row["engine"] == name]


def packets_received(folder: Path) -> int:
    """Packets received by all engines so far."""
    return sum(row.get("packets_received", 0) for row in _figures(folder))


def summary(folder: Path) -> dict[str, Any]:
    """``summary.json`` of the run."""
    document: dict[str, Any] = json.loads((folder / "run" / "summary.json").read_text(encoding="utf-8"))
    return document


def run_document(folder: Path) -> dict[str, Any]:
    """``run.json`` of the run."""
    document: dict[str, Any] = json.loads((folder / "run" / "run.json").read_text(encoding="utf-8"))
    return document


def assert_files_complete(folder: Path) -> None:
    """Every file of a run folder is there."""
    names = {path.name for path in (folder / "run").iterdir()}
    wanted = {
        "records.jsonl",
        "figures.jsonl",
        "run.json",
        "summary.json",
        "report.html",
        "junit.xml",
        "summary.md",
        "calls.csv",
        "calls.parquet",
    }
    assert wanted <= names, wanted - names


def assert_no_secret(folder: Path, *outputs: str) -> None:
    """The token is in no file of the run and in nothing that was printed."""
    for path in (folder / "run").iterdir():
        assert TOKEN.encode() not in path.read_bytes(), path.name
    for output in outputs:
        assert TOKEN not in output
