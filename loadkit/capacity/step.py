"""What came of a step: the calls of its window held against the thresholds, and who was the limit.

Only calls that were meant to start within the window count, however they ended and whenever: the ramp-up is left out,
and no call for being slow or having failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from loadkit.analysis.threshold_checks import Check, check
from loadkit.capacity.options import By, LoadUnit
from loadkit.capacity.search import Trial
from loadkit.errors import CODES
from loadkit.records import Outcome
from loadkit.reporters.wording import plural
from loadkit.thresholds import Threshold
from loadkit.thresholds.measures import FAILED

#: Share of a load that has to be in progress for it to count as carried: between two calls of a caller, and at the
#: first seconds of the window, there is always a little less.
CARRIED_SHARE = 0.9

#: Failures that are the generator's own.
_OWN_FAILURES = {"ENGINE_LOST", "ENGINE_STALLED", "SCRIPT_ERROR", "INTERNAL"}

_UNMEASURED = "the generator's own punctuality was not measured, so nothing says that it was fit"


@dataclass(frozen=True)
class Window:
    """The stretch of a step in which its load is held; Unix seconds."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end - self.start


@dataclass(frozen=True)
class StepResult:
    """One step, judged."""

    trial: Trial | None
    """``None``: too few values to decide; see the reasons."""
    checks: tuple[Check, ...]
    carried: float
    """Calls in progress in the mean of the window, or calls begun per second of it."""
    concurrent: float
    """Calls in progress in the mean of the window, whatever is searched for."""
    calls: int
    """Calls that were meant to start within the window."""
    failed: int
    """How many of them failed."""
    errors: dict[str, int] = field(default_factory=dict)
    """Error code → how many of them failed with it, most frequent first."""
    fit: bool | None = None
    """Whether the generator was fit; ``None`` when its lateness was not measured."""
    reasons: tuple[str, ...] = ()
    """Why it is not simply held or broken: the generator's limit, or too few values."""


def judge_step(
    calls: pd.DataFrame,
    turns: pd.DataFrame,
    generator: Mapping[str, Any],
    thresholds: Sequence[Threshold],
    *,
    window: Window,
    asked: float,
    unit: LoadUnit,
    dropped: int = 0,
) -> StepResult:
    """Hold a step against the thresholds.

    :param generator: the part of that name of the run's summary.
    :param asked: the load that was asked for, in calls or calls a second.
    :param dropped: arrivals of the run that never became a call.
    """
    started = calls["intended_at"].to_numpy(dtype=np.float64, na_value=np.nan)
    begun = calls[(started >= window.start) & (started < window.end)]
    their_turns = turns[turns["call_id"].isin(begun["call_id"])] if len(turns) else turns
    checks = tuple(check(threshold, begun, their_turns) for threshold in thresholds)
    concurrent = _in_progress(calls, window)
    carried = concurrent if unit.by is By.CALLS else len(begun) / window.seconds
    failed = begun[begun["outcome"] == Outcome.FAILED]
    codes = Counter(str(code) for code in failed["error_code"].fillna("UNKNOWN"))
    trial, reasons = _decide(checks, codes, len(begun), generator, _too_little(asked, carried, unit, dropped))
    return StepResult(
        trial=trial,
        checks=checks,
        carried=round(carried, 3),
        concurrent=round(concurrent, 3),
        calls=len(begun),
        failed=len(failed),
        errors=dict(codes.most_common()),
        fit=generator.get("fit"),
        reasons=tuple(reasons),
    )


def _decide(
    checks: Sequence[Check],
    codes: Counter[str],
    calls: int,
    generator: Mapping[str, Any],
    too_little: str | None,
) -> tuple[Trial | None, list[str]]:
    """What the step says, and why when it is not the gateway that says it."""
    own = [
        f"{plural(count, 'call')} failed with {code}, which is the generator's own"
        for code, count in codes.items()
        if code in _OWN_FAILURES
    ]
    unfit = (
        [str(reason) for reason in generator.get("unfit_reasons") or ()]
        if generator.get("fit") is False
        else []
    )
    if any(_refused(held, codes, calls) for held in checks):
        return Trial.BROKEN, []
    broken = [held for held in checks if held.passed is False]
    lacking = [held for held in checks if held.passed is None]
    if broken or any(_lost_to_failures(held, codes) for held in lacking):
        return (Trial.UNFIT, unfit + own) if unfit or own else (Trial.BROKEN, [])
    if unfit:
        return Trial.UNFIT, unfit
    if lacking:
        # Calls that were not placed have left no values: more of them would not help.
        told = [held.sentence for held in lacking]
        return (Trial.UNFIT, [too_little, *told]) if too_little else (None, told)
    unmeasured = _UNMEASURED if generator.get("fit") is None and _is_judged(generator) else None
    reasons = [reason for reason in (too_little, unmeasured) if reason]
    return (Trial.UNFIT, reasons) if reasons else (Trial.HELD, [])


def _is_judged(generator: Mapping[str, Any]) -> bool:
    """Whether there is a limit that the generator is held to."""
    return any(limit is not None for limit in (generator.get("limits") or {}).values())


def _refused(held: Check, codes: Counter[str], calls: int) -> bool:
    """Whether failures that the gateway itself declared break it alone: no generator can bring those about."""
    threshold = held.threshold
    if held.passed is not False or threshold.measure.name != FAILED or not calls:
        return False
    wanted = codes if threshold.code is None else {threshold.code: codes[threshold.code]}
    declared = sum(
        count for code, count in wanted.items() if code not in CODES or CODES[code].origin == "gateway"
    )
    return not threshold.holds(float(declared) if threshold.aggregate == "count" else declared / held.count)


def _lost_to_failures(held: Check, codes: Counter[str]) -> bool:
    """Whether there would have been enough values if no call had failed: that is no lack of data."""
    return bool(codes) and held.count + codes.total() >= held.threshold.needs


def _in_progress(calls: pd.DataFrame, window: Window) -> float:
    """Calls in progress, in the mean over the window."""
    started = calls["started_at"].to_numpy(dtype=np.float64, na_value=np.nan)
    ended = calls["ended_at"].to_numpy(dtype=np.float64, na_value=np.nan)
    overlap = np.minimum(ended, window.end) - np.maximum(started, window.start)
    return float(np.nansum(np.maximum(overlap, 0.0)) / window.seconds)


def _too_little(asked: float, carried: float, unit: LoadUnit, dropped: int) -> str | None:
    if dropped:
        return (
            f"{plural(dropped, 'arrival')} became no call: as many as --max-calls were in progress, or no engine was "
            "there"
        )
    if carried >= asked * CARRIED_SHARE:
        return None
    what = "were in progress in the mean" if unit.by is By.CALLS else "were begun"
    return (
        f"only {carried:.1f} of the {unit.text(asked)} {what}: the load was not placed; give it a longer --ramp, "
        "longer calls, or more engines"
    )
