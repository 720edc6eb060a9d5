"""What the terminal shows: a row for each step when it is judged, a line that lives while one goes on, the result."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TextIO

from loadkit.analysis.threshold_checks import Check
from loadkit.capacity.driver import DoneStep
from loadkit.capacity.locust_run import StepPlan
from loadkit.capacity.options import By, CapacityOptions
from loadkit.capacity.search import Trial
from loadkit.printable import printable
from loadkit.reporters.wording import length, plain, share
from loadkit.terminal import Terminal

_COLOURS = {Trial.HELD: "green", Trial.BROKEN: "red", Trial.UNFIT: "yellow", None: "yellow"}
_MOST_CODES = 3


class Narration:
    """Tells it as it goes.

    :param live: gets the living line when it is a terminal.
    """

    def __init__(self, terminal: Terminal, options: CapacityOptions, live: TextIO | None = None) -> None:
        self._terminal = terminal
        self._options = options
        self._live = sys.stderr if live is None else live
        self._subjects = [threshold.label for threshold in options.thresholds]
        self._widths = [max(len(subject), 9) for subject in self._subjects]

    def head(self, host: str | None, folder: Path) -> None:
        """Before the first step."""
        slo = ", ".join(str(threshold) for threshold in self._options.thresholds)
        self._terminal.print(f"{'slo':<8} {slo}")
        self._terminal.print(f"{'gateway':<8} {host or 'one of its own for each step'}")
        self._terminal.print(f"{'records':<8} {folder}")
        self._terminal.print()
        columns = [f"{subject:>{width}}" for subject, width in zip(self._subjects, self._widths, strict=True)]
        line = f"{'step':>4}  {self._options.unit.name:>8} {'carried':>8}  {'  '.join(columns)}"
        line += f"  {'new calls':>9}  outcome"
        self._terminal.print(self._terminal.painted(line, "bold"))

    def begun(self, step: StepPlan) -> None:
        """A step begins."""
        self.goes_on(step, 0.0)

    def goes_on(self, step: StepPlan, elapsed: float) -> None:
        """Where it is, by the clock; only on a terminal."""
        if not self._live.isatty():
            return
        total = step.run_s
        if elapsed < step.lead_s:
            what = "building up"
        elif elapsed < total:
            what = f"holding, {min(elapsed - step.lead_s, step.hold_s):.0f} of {step.hold_s:g} s"
        else:
            what = "calls end, the report is written"
        self._write(f"\r\x1b[K{step.number:>4}  {self._options.unit.text(step.load)}: {what}")

    def done(self, step: DoneStep) -> None:
        """It was judged."""
        if self._live.isatty():
            self._write("\r\x1b[K")
        result = step.result
        values = [
            self._terminal.painted(
                f"{shown(held):>{width}}", {True: None, False: "red", None: "yellow"}[held.passed]
            )
            for held, width in zip(result.checks, self._widths, strict=True)
        ]
        word = "too few" if result.trial is None else result.trial.value
        note = f" ({length(step.plan.hold_s)} held)" if step.plan.hold_s != self._options.hold else ""
        self._terminal.print(
            f"{step.plan.number:>4}  {step.plan.load:>8,g} {result.carried:>8.1f}  {'  '.join(values)}  "
            f"{result.calls:>9,}  {self._terminal.painted(word, _COLOURS[result.trial])}{note}"
        )
        codes = [
            f"{printable(code, 40)} {count:,}" for code, count in list(result.errors.items())[:_MOST_CODES]
        ]
        for line in ([f"failed: {', '.join(codes)}"] if codes else []) + list(result.reasons):
            self._terminal.print(f"      {self._terminal.painted(line, 'dim')}")

    def end(self, sentence: str, page: Path | None) -> None:
        """The result."""
        if self._live.isatty():
            self._write("\r\x1b[K")
        self._terminal.print()
        self._terminal.print(f"{'result':<8} {self._terminal.painted(sentence, 'bold')}")
        if page is not None:
            self._terminal.print(f"{'report':<8} {page}")

    def _write(self, text: str) -> None:
        try:
            self._live.write(text)
            self._live.flush()
        except OSError:  # nobody reads any more
            return


def shown(held: Check) -> str:
    """What a threshold came to, short."""
    if held.value is None:
        return "no data" if not held.count else "too few"
    threshold = held.threshold
    if threshold.unit == "%":
        return share(held.value)
    unit = f" {threshold.unit}" if threshold.unit in ("ms", "s") else ""
    return f"{plain(held.value)}{unit}"


def today(by: By) -> str:
    """Name of the folder of a search that was given none."""
    return time.strftime("capacity-%Y%m%d-%H%M%S") + ("-rate" if by is By.RATE else "")
