"""One run on the process that reports: its folder, its records as they come, its report at the end."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gevent
import psutil

from loadkit.errors import JUDGED, ExitCode, exit_code_of
from loadkit.records import Outcome
from loadkit.runs.folder import RunFolder
from loadkit.runs.writer import RunWriter
from loadkit.settings import Settings
from loadkit.swarm.baseline import held_against
from loadkit.swarm.run_listener import RunListener
from loadkit.swarm.subcommand import run_subcommand
from loadkit.thresholds.resolved import objectives_of
from loadkit.unix_clock import clock_error, unix_now

logger = logging.getLogger(__name__)

Row = dict[str, Any]

_FLUSH_S = 0.5
_REPORT_S = 600.0
#: Less is a correction that nobody sees in a report.
_CLOCK_STEP_S = 1.0
_PACKAGES = (
    "locust",
    "aiortc",
    "aioice",
    "websockets",
    "av",
    "pylibsrtp",
    "uvloop",
    "numpy",
    "pandas",
    "gevent",
)


class Run:
    """From the first record to the report.

    :param listeners: are told what the run is told.
    :raises RunFolderError: the folder cannot be made.
    :raises SettingsError: the file of thresholds cannot be used.
    """

    def __init__(
        self, settings: Settings, host: str, expected_workers: int, listeners: Sequence[RunListener] = ()
    ) -> None:
        objectives = objectives_of(settings)
        self._folder = RunFolder.create(settings.reports_dir, settings.run_id)
        self._writer = RunWriter(self._folder)
        self._document: dict[str, Any] = {
            "version": 1,
            "run_id": self._folder.run_id,
            "started_at": unix_now(),
            "ended_at": None,
            "ended_by": None,
            "command": _command(settings.token()),
            "host": host,
            "settings": settings.public(),
            "slo": objectives.document() if objectives else None,
            "versions": _versions(),
            "machine": _machine(),
            "workers": {"expected": expected_workers, "seen": [], "lost": []},
            "marks": [],
        }
        self._listeners = listeners
        self._calls_of: dict[str, int] = {}
        self._clock_error = 0.0
        self._no_report = settings.no_report
        self._baseline = settings.baseline
        self._outcomes: Counter[str] = Counter()
        self._writer.write_run(self._document)
        self._flushing = gevent.spawn(self._flush)
        self.finished = False
        self._tell("began", self)

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self._folder.path

    @property
    def host(self) -> str:
        """The gateway, as it was given; empty when it was not."""
        return str(self._document["host"])

    @property
    def seconds(self) -> float:
        """Since the start."""
        return unix_now() - float(self._document["started_at"])

    @property
    def marks(self) -> int:
        """How many marks there are."""
        return len(self._document["marks"])

    def record(self, row: Row) -> None:
        """Keep one record; a second one of the same call is dropped."""
        row["call"]["run_id"] = self._folder.run_id
        if self._writer.write_call(row["call"], row["turns"]):
            self._outcomes[row["call"]["outcome"]] += 1
            self._tell("record", row["call"], row["turns"])

    def figures(self, row: Row) -> None:
        """Keep an engine's figures."""
        self._calls_of[row["engine"]] = row["calls"]
        self._writer.write_figures(row)
        self._tell("figures", row)

    def describe_arrivals(self, facts: Mapping[str, Any]) -> None:
        """What is known of the arrivals of the run, beside what was known before."""
        self._document["arrivals"] = {**self._document.get("arrivals", {}), **facts}
        self._writer.write_run(self._document)

    def arrivals(self, row: Row) -> None:
        """Keep the arrivals of one second."""
        self._writer.write_arrivals(row)
        self._tell("arrivals", row)

    def health(self, row: Row) -> None:
        """Keep one look at the gateway's health."""
        self._writer.write_health(row)
        self._tell("health", row)

    def mark(self, text: str) -> None:
        """Remember that something happened now: pictures show it."""
        mark = {"at": unix_now(), "text": text}
        self._document["marks"].append(mark)
        self._writer.write_run(self._document)
        self._tell("mark", mark)

    def worker_seen(self, name: str) -> None:
        """A worker takes part in the run."""
        if name not in self._document["workers"]["seen"]:
            self._document["workers"]["seen"].append(name)
            self._writer.write_run(self._document)

    def worker_lost(self, name: str, reason: str) -> None:
        """A worker refused the run, died, or left before the end; what it had reported is kept."""
        if any(lost["worker"] == name for lost in self._document["workers"]["lost"]):
            return
        calls = sum(count for engine, count in self._calls_of.items() if engine.startswith(f"{name}."))
        self._document["workers"]["lost"].append(
            {"worker": name, "at": unix_now(), "calls_in_progress": calls, "reason": reason}
        )
        self._writer.write_run(self._document)
        logger.error(
            "%s is gone before the end of the run, with %d calls in progress (%s): the run counts as failed",
            name,
            calls,
            reason,
        )

    def stalled(self, reason: str) -> None:
        """The generator stands still, and the run is being ended for it."""
        self._document["stalled"] = reason
        self._writer.write_run(self._document)

    def aborted(self, facts: Mapping[str, Any]) -> None:
        """A condition of ``--abort-on`` is met, and the run is being ended for it."""
        self._document["aborted"] = dict(facts)
        self._writer.write_run(self._document)

    def finish(self, ended_by: str) -> ExitCode:
        """Write everything and the report; returns what the run is worth as an exit code."""
        self.finished = True
        # Before listeners: one waits for what the gateway still holds, and that is not the run.
        self._document["ended_at"] = unix_now()
        self._tell("ending")
        self._flushing.kill()
        self._document["ended_by"] = ended_by
        self._writer.flush()
        self._document["lines_missing"] = self._writer.lines_missing
        self._writer.write_run(self._document)
        self._writer.close()
        if self._writer.dropped_lines:
            logger.error(
                "%d lines were dropped while the disk took none, and are lost", self._writer.dropped_lines
            )
        whole = self._no_report or self._report()
        exit_code = self._exit_code(ended_by)
        if exit_code is ExitCode.PASSED and not whole:
            # Whoever looks for the files of a green run finds them.
            exit_code = ExitCode.FAILED
        if self._baseline is not None:
            exit_code = held_against(self._baseline, self.path, exit_code)
        self._tell("ended", exit_code)
        return exit_code

    def _tell(self, what: str, *arguments: object) -> None:
        for listener in self._listeners:
            try:
                getattr(listener, what)(*arguments)
            except Exception:
                logger.exception("%s failed at %r of the run", type(listener).__name__, what)

    def _report(self) -> bool:
        """Make it; returns whether all files are there: the page is the last."""
        try:
            code = run_subcommand(["report", str(self.path)], _REPORT_S)
            # An error that nobody foresaw ends with 1, too.
            if code in JUDGED and self._folder.report.exists():
                return True
            reason = f"it ended with code {code}"
        except (OSError, subprocess.TimeoutExpired) as exc:
            reason = str(exc)
        kept = "some records are missing in it" if self._document["lines_missing"] else "the records are kept"
        logger.error(
            "the report could not be made (%s); %s, try: python -m loadkit report %s", reason, kept, self.path
        )
        return False

    def _exit_code(self, ended_by: str) -> ExitCode:
        if ended_by == "interrupted":
            return ExitCode.INTERRUPTED
        if self._document["workers"]["lost"]:
            return ExitCode.LOST_WORKERS
        if self._no_report:
            # Nobody has judged the generator.
            if self._outcomes[Outcome.FAILED] or self._document["lines_missing"] or ended_by == "aborted":
                return ExitCode.FAILED
            ended = self._outcomes[Outcome.COMPLETED] + self._outcomes[Outcome.HUNG_UP]
            return ExitCode.PASSED if ended else ExitCode.NO_DATA
        try:
            status = json.loads(self._folder.summary.read_text(encoding="utf-8"))["verdict"]["status"]
        except (OSError, ValueError, KeyError):
            return ExitCode.FAILED
        return exit_code_of(status)

    def _flush(self) -> None:
        while True:
            gevent.sleep(_FLUSH_S)
            self._writer.flush()
            self._look_at_clock()

    def _look_at_clock(self) -> None:
        """Durations do not depend on the machine's clock; who compares times with other logs has to know."""
        error = clock_error()
        moved, self._clock_error = error - self._clock_error, error
        if abs(moved) >= _CLOCK_STEP_S:
            way = "forward" if moved > 0 else "back"
            self.mark(f"the machine's clock was set {way} by {abs(moved):,.0f} s")
            logger.warning(
                "the machine's clock was set %s by %.1f s: the times of this run go on as before",
                way,
                abs(moved),
            )


def _command(token: str) -> list[str]:
    """The command line, the token masked wherever it stands: Locust's parser takes abbreviated options, too."""
    shown = [argument.replace(token, "***") if token else argument for argument in sys.argv]
    program = Path(shown[0])
    # Of ``python -m locust`` this is a file of Locust's, which nobody can call by that name.
    called = ["python", "-m", program.parent.name] if program.name == "__main__.py" else [program.name]
    return [*called, *shown[1:]]


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in ("loadkit", *_PACKAGES):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            if name == "loadkit":
                from loadkit import __version__

                versions[name] = __version__
    return versions


def _machine() -> dict[str, Any]:
    return {
        # Not platform.platform(): it starts a process, which takes seconds on a busy machine.
        "system": " ".join((platform.system(), platform.release(), platform.machine())),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
    }
