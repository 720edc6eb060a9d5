"""All results of a run, and what they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from loadkit.conformance.case import Result, Verdict
from loadkit.conformance.target import Plan
from loadkit.errors import ExitCode


@dataclass(frozen=True)
class Report:
    """A finished run."""

    plan: Plan
    started_at: datetime
    """UTC."""
    seconds: float
    """Length of the run."""
    results: Sequence[Result]
    """In the order of the cases."""
    loadkit: str
    """Version of the tester."""
    interrupted: bool = False
    """It was ended by SIGINT or SIGTERM; cases that were not done are errors."""

    def count(self, verdict: Verdict) -> int:
        """Cases that ended so."""
        return Counter(result.verdict for result in self.results)[verdict]

    @property
    def exit_code(self) -> ExitCode:
        """An error of the tester is no pass; nothing checked is none either."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.count(Verdict.FAIL) or self.count(Verdict.ERROR):
            return ExitCode.FAILED
        return ExitCode.PASSED if self.count(Verdict.PASS) else ExitCode.NO_DATA
