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
from typing import Any

import psutil

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


def wait_until(condition: Callable[[], Any], what: str, timeout: float = 60.0) -> Any:
    """Wait until a condition about another process holds; returns what it returned."""
    deadline = time.monotonic() + timeout
    tick = threading.Event()
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        tick.wait(0.05)
    raise AssertionError(f"waited {timeout:g} s in vain until {what}")


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


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

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)

    @property
    def output(self) -> str:
        """Everything printed so far."""
        return "".join(self._lines)

    def wait_for(self, text: str, timeout: float = 60.0) -> None:
        """Wait until the command has printed this."""
        wait_until(
            lambda: text in self.output or self.process.poll() is not None, f"{text!r} is printed", timeout
        )
        assert text in self.output, self.output

    def children(self, part: str) -> list[psutil.Process]:
        """Descendants whose command line holds this."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        self.family.update(found)
        return [child for child in found if _command_has(child, part)]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this one process."""
        self.process.send_signal(number)

    def wait(self, timeout: float = 90.0) -> int:
        """Wait for the end; returns the exit code."""
        code = self.process.wait(timeout)
        self._reader.join(10)
        return code

    def assert_no_process_left(self) -> None:
        """All descendants that were ever seen have ended."""
        _gone, alive = psutil.wait_procs(self.family, timeout=20)
        assert not alive, [_described(process) for process in alive]

    def end(self) -> None:
        """End it, whatever a failed test left of it."""
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

    The generator is not judged; :data:`NOT_JUDGED` holds what to set when it is to be.
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
        **{"LOADKIT_ENGINES": "1", **NOT_JUDGED, **NOT_LOOKED_AT, **environment},
    )
    try:
        yield command
    finally:
        command.end()


def headless(users: int, seconds: int) -> list[str]:
    """Options of a short headless run."""
    return ["--headless", "-u", str(users), "-r", "10", "-t", f"{seconds}s"]


def records(folder: Path) -> list[dict[str, Any]]:
    """The raw records so far, whole lines only."""
    path = folder / "run" / "records.jsonl"
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line)["call"] for line in lines]


def _figures(folder: Path) -> list[dict[str, Any]]:
    path = folder / "run" / "figures.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def calls_in_progress(folder: Path, name: str = "") -> int:
    """Calls held by the engines of this name (or its beginning), by their newest figures."""
    newest = {row["engine"]: row["calls"] for row in _figures(folder)}
    return sum(calls for engine, calls in newest.items() if engine.startswith(name))


def packets_sent(folder: Path) -> int:
    """Packets sent by all engines so far."""
    return sum(sum(row["late_histogram"].values()) for row in _figures(folder))


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
