"""Step after step, until the search ends, or its time, or somebody ends it.

Each step is a run of the load test with fresh calls. Before it, it is seen whether the gateway still answers; after
it, its records are held against the thresholds.
"""

from __future__ import annotations

import enum
import math
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from loadkit.capacity.locust_run import LoadTest, StepPlan, StepProcess
from loadkit.capacity.options import By, CapacityOptions
from loadkit.capacity.search import Bounds, Ending, Search
from loadkit.capacity.step import StepResult, Window, judge_step
from loadkit.errors import JUDGED, ExitCode, RunFolderError
from loadkit.reporters.run_report import write_reports
from loadkit.runs import RunFolder
from loadkit.runs.reader import read_records, read_run
from loadkit.signaling.urls import signaling_url
from loadkit.thresholds import Threshold

#: A hold may be lengthened by so much for enough set-ups to judge by.
_LONGEST_HOLD = 4.0
#: Spare set-ups, as calls do not begin evenly.
_SPARE = 1.2
_TICK_S = 0.2
#: Beyond its run time and the time for calls to end, a step starts engines and writes its report.
_OVERTIME_S = 120.0
_FAREWELL_S = 60.0
_ANSWER_S = 5.0
_TRIES = 3


class Stop(enum.StrEnum):
    """Why it ended before the search did."""

    TIME = "time"
    """``--max-time`` is over."""
    BUDGET = "budget"
    """``--max-call-minutes`` are used up."""
    INTERRUPTED = "interrupted"
    """Ctrl-C or SIGTERM."""
    NO_DATA = "no data"
    """A step had too few values to be judged."""
    STEP_DIED = "step died"
    """The run of a step did not come to its end, or could not begin."""
    UNREACHABLE = "unreachable"
    """Nothing answers at the gateway's address."""


@dataclass(frozen=True)
class DoneStep:
    """A step that was run and judged."""

    plan: StepPlan
    result: StepResult
    started_at: float
    """Unix seconds."""
    exit_code: int


class Listener(Protocol):
    """Whoever tells how it goes."""

    def begun(self, step: StepPlan) -> None:
        """A step begins."""

    def goes_on(self, step: StepPlan, elapsed: float) -> None:
        """It has gone on for so many seconds."""

    def done(self, step: DoneStep) -> None:
        """It was judged."""


@dataclass
class Outcome:
    """What is known in the end."""

    ending: Ending | Stop
    bounds: Bounds
    steps: list[DoneStep] = field(default_factory=list)
    reason: str = ""
    """What happened, when the search did not come to its own end."""
    exit_code: ExitCode | None = None
    """Of the step that could not begin."""


class _Stopped(Exception):
    def __init__(self, why: Stop, reason: str, exit_code: ExitCode | None = None) -> None:
        self.why, self.reason, self.exit_code = why, reason, exit_code


class Driver:
    """Runs the search.

    :param mean_call_s: how long a call lasts in the mean; ``None`` when that is not known.
    :param max_call_minutes: minutes of connected calls that all steps together may have; ``None``: any number.
    """

    def __init__(
        self,
        options: CapacityOptions,
        test: LoadTest,
        listener: Listener,
        mean_call_s: float | None,
        max_call_minutes: float | None = None,
    ) -> None:
        self._options = options
        self._test = test
        self._listener = listener
        self._mean_call_s = mean_call_s
        self._max_call_minutes = max_call_minutes
        self._call_minutes = 0.0
        self._search = Search(options.plan())
        self._steps: list[DoneStep] = []
        self._began = time.monotonic()

    def run(self) -> Outcome:
        """All steps; Ctrl-C (KeyboardInterrupt) ends them with what is known."""
        try:
            while (number := self._search.next()) is not None:
                step = self._plan(number)
                self._check_time(step)
                self._check_budget(step)
                self._check_gateway()
                done = self._run_step(step)
                self._steps.append(done)
                self._listener.done(done)
                if done.result.trial is None:
                    raise _Stopped(Stop.NO_DATA, _too_few(done, self._options))
                self._search.add(number, done.result.trial)
        except _Stopped as exc:
            return Outcome(exc.why, self._search.bounds, self._steps, exc.reason, exc.exit_code)
        except KeyboardInterrupt:
            reason = "it was interrupted; the step that was going on is not counted"
            return Outcome(Stop.INTERRUPTED, self._search.bounds, self._steps, reason)
        ending = self._search.ending
        assert ending is not None
        return Outcome(ending, self._search.bounds, self._steps)

    def _plan(self, number: int) -> StepPlan:
        load = self._options.unit.load(number)
        hold = hold_for(load, self._options, self._options.thresholds, self._mean_call_s)
        options, most = self._options, self._max_call_minutes
        left = None if most is None else most - self._call_minutes
        return StepPlan(len(self._steps) + 1, load, hold, options.ramp, options.drain, left)

    def _check_time(self, step: StepPlan) -> None:
        gone = time.monotonic() - self._began
        if self._steps and gone + step.run_s > self._options.max_time:
            raise _Stopped(
                Stop.TIME, f"--max-time {self._options.max_time:g} s leaves no time for another step"
            )

    def _check_budget(self, step: StepPlan) -> None:
        """Each step is a run with a budget of its own; together they have one."""
        if step.call_minutes is not None and step.call_minutes <= 0:
            raise _Stopped(Stop.BUDGET, f"--max-call-minutes {self._max_call_minutes:g} are used up")

    def _check_gateway(self) -> None:
        """Calls that cannot reach a gateway would be taken for its limit."""
        if self._test.host is None:
            return
        if (fault := unreachable(self._test.host)) is not None:
            last = self._steps[-1] if self._steps else None
            after = f" after step {last.plan.number} ({self._text(last.plan.load)})" if last else ""
            raise _Stopped(Stop.UNREACHABLE, f"nothing answers at {self._test.host}{after}: {fault}")

    def _run_step(self, step: StepPlan) -> DoneStep:
        self._listener.begun(step)
        started_at = time.time()
        process = self._test.start(step)
        try:
            code = self._wait(process, step)
        except KeyboardInterrupt:
            _end(process)
            raise
        who = f"step {step.number} ({self._text(step.load)})"
        said = process.last_words()
        words = f": {said}" if said else ""
        if code is None:
            process.kill()
            raise _Stopped(Stop.STEP_DIED, f"{who} did not end in time and was ended{words}")
        if code == ExitCode.GATEWAY_UNREACHABLE:
            raise _Stopped(Stop.UNREACHABLE, f"{who} could not begin{words}")
        if code == ExitCode.BAD_SETTINGS:
            raise _Stopped(Stop.STEP_DIED, f"{who} could not begin{words}", ExitCode.BAD_SETTINGS)
        if code not in JUDGED:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            raise _Stopped(Stop.STEP_DIED, f"{who} {how}{words}")
        try:
            folder = RunFolder.open(self._test.folder / step.name)
        except RunFolderError as exc:
            raise _Stopped(Stop.STEP_DIED, f"{who} left no records{words or f': {exc}'}") from exc
        return DoneStep(step, self._judge(step, folder, who), started_at, code)

    def _wait(self, process: StepProcess, step: StepPlan) -> int | None:
        began = time.monotonic()
        longest = step.run_s + step.drain_s + _OVERTIME_S
        while (elapsed := time.monotonic() - began) < longest:
            self._listener.goes_on(step, elapsed)
            if (code := process.wait(_TICK_S)) is not None:
                return code
        return None

    def _judge(self, step: StepPlan, folder: RunFolder, who: str) -> StepResult:
        try:
            summary = write_reports(folder)
        except OSError as exc:
            raise _Stopped(Stop.STEP_DIED, f"the report of {who} could not be made: {exc}") from exc
        records, run = read_records(folder), read_run(folder)
        self._call_minutes += float(records.calls["connected_ms"].sum()) / 60_000
        if run.get("ended_by") == "budget":
            # What it would have carried nobody knows.
            reason = (
                f"--max-call-minutes {self._max_call_minutes:g} were used up in {who}, which is not counted"
            )
            raise _Stopped(Stop.BUDGET, reason)
        started_at = run.get("started_at")
        if not isinstance(started_at, (int, float)):
            raise _Stopped(Stop.STEP_DIED, f"{who} left no start in {folder.run}")
        start = float(started_at) + step.lead_s
        generator = dict(summary["generator"])
        if summary["run"]["workers_lost"]:
            generator["fit"] = False
            reasons = generator.get("unfit_reasons") or []
            generator["unfit_reasons"] = [
                *reasons,
                f"{summary['run']['workers_lost']} worker(s) of locust were lost",
            ]
        return judge_step(
            records.calls,
            records.turns,
            generator,
            self._options.thresholds,
            window=Window(start, start + step.hold_s),
            asked=step.load,
            unit=self._options.unit,
            dropped=_dropped(summary),
        )

    def _text(self, load: float) -> str:
        return self._options.unit.text(load)


def hold_for(
    load: float, options: CapacityOptions, thresholds: Sequence[Threshold], mean_call_s: float | None
) -> float:
    """Seconds to hold a load: longer than asked when too few calls would be set up in it for a threshold.

    At most four times as long; where that is too short, the step says that there were too few.
    """
    needed = max((threshold.needs for threshold in thresholds if not threshold.measure.of_turns), default=1)
    per_second = load
    if options.by is By.CALLS:
        if mean_call_s is None:
            return options.hold
        # Each caller's next call follows the last at once, but never within a second of its beginning.
        per_second = load / max(mean_call_s, 1.0)
    wanted = math.ceil(needed * _SPARE / per_second)
    return options.hold if wanted <= options.hold else min(float(wanted), options.hold * _LONGEST_HOLD)


def unreachable(host: str, connect: Callable[..., socket.socket] = socket.create_connection) -> str | None:
    """Why no TCP connection to the gateway can be had, after three tries; ``None`` when one can."""
    url = urlsplit(signaling_url(host))
    port = url.port or (443 if url.scheme == "wss" else 80)
    fault = ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_TICK_S)
        try:
            connect((url.hostname, port), timeout=_ANSWER_S).close()
        except OSError as exc:
            fault = exc.strerror or str(exc)
        else:
            return None
    return fault


def _dropped(summary: Mapping[str, Any]) -> int:
    """Arrivals that never became a call."""
    traffic = summary.get("traffic") or {}
    return int((traffic.get("arrivals") or {}).get("dropped") or 0)


def _too_few(done: DoneStep, options: CapacityOptions) -> str:
    return (
        f"step {done.plan.number} ({options.unit.text(done.plan.load)}) cannot be judged: "
        f"{'; '.join(done.result.reasons)}; give it a longer --hold, shorter calls (--call-duration), or a higher "
        "--start"
    )


def _end(process: StepProcess) -> None:
    """Have an interrupted step end its calls; a second Ctrl-C ends it at once."""
    process.interrupt()
    try:
        if process.wait(_FAREWELL_S) is None:
            process.kill()
    except KeyboardInterrupt:
        process.kill()
