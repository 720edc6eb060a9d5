"""A load test that places no calls: each step leaves the records that a gateway with a limit would have made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadkit.analysis.summary import summarise
from loadkit.capacity.locust_run import LoadTest, StepPlan, StepProcess
from loadkit.capacity.options import By, CapacityOptions, LoadUnit
from loadkit.runs import RunFolder
from loadkit.runs.reader import read_figures, read_records, read_run
from tests.synthetic import STARTED_AT, call_row, figures_row, run_document, write_run_folder

Row = dict[str, Any]


def summary_of(folder: RunFolder) -> dict[str, Any]:
    """The summary of a run folder, without its files."""
    records = read_records(folder)
    return summarise(records.calls, records.turns, read_figures(folder), read_run(folder))


def calls_at(load: float, step: StepPlan, change: Callable[[int], Row], call_s: float = 5.0) -> list[Row]:
    """So many callers, each with one call after the other until the step's time is over."""
    rows = []
    for caller in range(round(load)):
        begin = caller / load * call_s
        number = 0
        while begin + number * call_s < step.run_s:
            at = STARTED_AT + begin + number * call_s
            name = f"{caller}-{number}"
            row = call_row(
                caller, call_id=name, intended_at=at, started_at=at, ended_at=at + call_s, setup_ms=100.0
            )
            rows.append({**row, **change(caller)})
            number += 1
    return rows


def call_minutes(calls: Sequence[Row]) -> float:
    """Minutes of connected calls."""
    return sum(float(call["connected_ms"]) for call in calls) / 60_000


@dataclass
class EndedProcess:
    """A step that has ended already."""

    code: int | None = 0
    words: str = ""
    killed: bool = field(default=False, init=False)

    def wait(self, seconds: float) -> int | None:
        return self.code

    def interrupt(self) -> None: ...

    def kill(self) -> None:
        self.killed = True

    def last_words(self) -> str:
        return self.words


@dataclass(frozen=True)
class FakeLoadTest(LoadTest):
    """Callers above ``limit`` fail, as far as the generator, fit up to ``generator`` callers, places them."""

    limit: float = 0.0
    generator: float = 1e9
    slow: bool = False
    """Calls above the limit are slow for all, rather than refused."""
    processes: dict[int, EndedProcess] = field(default_factory=dict)
    """Step → how it ends; well when it is not named."""

    def start(self, step: StepPlan) -> StepProcess:
        process = self.processes.get(step.number, EndedProcess())
        if process.code == 0:
            self._leave_records(step)
        return process  # type: ignore[return-value]

    def _leave_records(self, step: StepPlan) -> None:
        def change(caller: int) -> Row:
            if self.slow:
                return {"setup_ms": 900.0 if step.load > self.limit else 100.0}
            if caller < self.limit:
                return {}
            return {"outcome": "failed", "error_code": "FULL", "failed_stage": "answer", "setup_ms": None}

        late: Row = {} if step.load <= self.generator else {"late_histogram": {"60": 5000}}
        figures = [figures_row(second, calls=round(step.load), **late) for second in range(step.run_s)]
        calls = calls_at(step.load, step, change)
        spent = step.call_minutes is not None and call_minutes(calls) > step.call_minutes
        write_run_folder(
            self.folder,
            calls,
            figures=figures,
            run=run_document(ended_by="budget" if spent else "ctrl_c"),
            run_id=step.name,
        )


class Silent:
    """Tells nobody."""

    def begun(self, step: StepPlan) -> None: ...
    def goes_on(self, step: StepPlan, elapsed: float) -> None: ...
    def done(self, step: Any) -> None: ...


def options(*slo: str, **given: Any) -> CapacityOptions:
    """Options of a search; a step of it takes 15 s, were it real."""
    usual = {"slo": slo or ("failed < 1%",), "hold": 10.0, "ramp": 5.0}
    return CapacityOptions(**{**usual, **given})


def load_test(folder: Path, limit: float = 0.0, **given: Any) -> FakeLoadTest:
    """A load test that leaves its records in a folder."""
    usual: dict[str, Any] = {
        "locustfile": Path("locustfile.py"),
        "host": None,
        "options": [],
        "unit": LoadUnit(By.CALLS),
        "most_calls": 1000,
        "token": "",
    }
    return FakeLoadTest(folder=folder, limit=limit, **{**usual, **given})


def loads(steps: Sequence[Any]) -> list[float]:
    """What was tried, in order."""
    return [step.plan.load for step in steps]
