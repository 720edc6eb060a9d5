"""One step: the ``locust`` command in a process of its own, with a log and a run folder."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadkit.capacity.options import OF_THE_STEPS, By, LoadUnit
from loadkit.settings import Settings

#: Locust starts callers in batches over a second, and the first calls of a batch are spread over it.
SETTLE_S = 1.0
#: After the window the load goes on for so long, so that it is there to the window's very end.
_BEYOND_S = 1.0
#: Lines of a log that are looked through for what went wrong.
_LAST_LINES = 12


@dataclass(frozen=True)
class StepPlan:
    """One step as it is to be run."""

    number: int
    load: float
    """Calls in progress, or calls a second."""
    hold_s: float
    ramp_s: float
    drain_s: float
    call_minutes: float | None = None
    """What is left of ``--max-call-minutes``; ``None`` without that bound."""

    @property
    def name(self) -> str:
        """Name of its run folder."""
        return f"step-{self.number:02d}-{self.load:g}"

    @property
    def lead_s(self) -> float:
        """From the start of the run to the beginning of its window."""
        return self.ramp_s + SETTLE_S

    @property
    def run_s(self) -> int:
        """Run time, after which no call is begun any more."""
        return math.ceil(self.lead_s + self.hold_s + _BEYOND_S)


@dataclass(frozen=True)
class LoadTest:
    """What all steps have in common."""

    folder: Path
    """Gets a run folder and a log per step."""
    locustfile: Path
    host: str | None
    options: Sequence[str]
    """Handed on as they are."""
    unit: LoadUnit
    most_calls: int
    """Calls that may be in progress at once when a rate is searched for."""
    token: str
    """Goes by environment."""

    def command(self, step: StepPlan) -> list[str]:
        """The command of a step; no secret is in it."""
        command = [sys.executable, "-m", "locust", "-f", str(self.locustfile), "--headless", "--only-summary"]
        if self.host:
            command += ["--host", self.host]
        if self.unit.by is By.CALLS:
            rate = step.load / step.ramp_s
            command += ["-u", f"{step.load:g}", "-r", f"{rate:.6g}", Settings.flag("back_to_back")]
        else:
            command += [Settings.flag("arrival_rate"), f"{step.load:g}/s"]
            command += [Settings.flag("max_concurrent"), str(self.most_calls)]
        command += ["-t", f"{step.run_s}s", "--stop-timeout", str(math.ceil(step.drain_s))]
        command += ["--reports-dir", str(self.folder), "--run-id", step.name, Settings.flag("no_report")]
        # What a step tells while it goes is not read by anybody.
        command += [Settings.flag("live"), "off"]
        command += self.options
        if step.call_minutes is not None:
            # After the whole search's own, which it takes the place of.
            command += [Settings.flag("max_call_minutes"), f"{step.call_minutes:.6g}"]
        return command

    def start(self, step: StepPlan) -> StepProcess:
        """Start it."""
        return StepProcess(self.command(step), self.folder / f"{step.name}.log", self.token)


class StepProcess:
    """A running step. In a session of its own: Ctrl-C reaches it by way of :meth:`interrupt` alone."""

    def __init__(self, command: Sequence[str], log: Path, token: str) -> None:
        self._log = log
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=_environment(token) | {"PYTHONPATH": path},
                start_new_session=True,
            )

    def wait(self, seconds: float) -> int | None:
        """The exit code when it ends within this time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def interrupt(self) -> None:
        """Ask it to end as by Ctrl-C: it ends its calls and writes its report."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End it and its engines at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def last_words(self) -> str:
        """What it said of its end: loadkit's own sentence, else its last line."""
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
        except OSError:
            return ""
        lines = [line.strip() for line in lines if line.strip()]
        own = [line.partition("loadkit: ")[2] for line in lines if line.startswith("loadkit: ")]
        errors = [line for line in lines if "ERROR" in line or "Error" in line]
        return next(iter([*reversed(own), *reversed(errors), *reversed(lines)]), "")


def _environment(token: str) -> dict[str, str]:
    """As ours, with the token, and without what would bend a step."""
    bent = {"LOCUST_USERS", "LOCUST_SPAWN_RATE", "LOCUST_RUN_TIME", "LOCUST_HOST", "LOCUST_LOCUSTFILE"}
    bent |= {Settings.env_var(name) for name in OF_THE_STEPS}
    inherited = {name: value for name, value in os.environ.items() if name not in bent}
    return inherited | ({Settings.env_var("auth_token"): token} if token else {})
