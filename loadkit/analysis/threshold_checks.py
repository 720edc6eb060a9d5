"""Thresholds held against the rows of a run.

Values that were not measured are left out. An aggregate needs enough of those that were: a percentile p so many
that one lies beyond it, 1 / (1 − p), which are 20 for p95; all others one. With fewer nothing is decided, and that is
no pass. A percentile interpolates, as everywhere (:mod:`~loadkit.analysis.percentiles`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.analysis.percentiles import measured
from loadkit.analysis.thresholds import FAILED, Threshold, percentile_of
from loadkit.records import Outcome


@dataclass(frozen=True)
class Check:
    """A threshold held against what was measured."""

    threshold: Threshold
    count: int
    """Values that were measured."""
    value: float | None
    """The aggregate, in the unit of the limit; ``None`` when there were too few values."""
    passed: bool | None
    """``None``: no data, or too few."""

    @property
    def sentence(self) -> str:
        """What came of it, in words."""
        asked = self.threshold
        if self.passed is None or self.value is None:
            if not self.count:
                return f"{asked}: no data"
            return f"{asked}: too few, {self.count} of the {asked.needs} values that {asked.aggregate} needs"
        word = "holds" if self.passed else "broken"
        return f"{asked}: {word}, it is {asked.value_text(float(f'{self.value:.4g}'))} over {self.count:,}"


def check(threshold: Threshold, calls: pd.DataFrame, turns: pd.DataFrame) -> Check:
    """Hold a threshold against the calls and turns of a run (:mod:`loadkit.runs.reader`), or against some of them."""
    values = _values(threshold, calls, turns)
    count = int(values.size)
    if count < threshold.needs:
        return Check(threshold, count, None, None)
    value = _aggregated(threshold.aggregate, values)
    return Check(threshold, count, value, threshold.holds(value))


def _values(threshold: Threshold, calls: pd.DataFrame, turns: pd.DataFrame) -> npt.NDArray[np.float64]:
    name = threshold.measure.name
    if name != FAILED:
        return measured((turns if threshold.measure.of_turns else calls)[name])
    # A cancelled call is neither good nor bad: the run ended it.
    ended = calls[calls["outcome"].isin([Outcome.COMPLETED, Outcome.HUNG_UP, Outcome.FAILED])]
    failed = ended["outcome"] == Outcome.FAILED
    if threshold.code is not None:
        failed &= ended["error_code"].fillna("UNKNOWN") == threshold.code
    return np.asarray(failed.to_numpy(dtype=np.bool_, na_value=False), dtype=np.float64)


def _aggregated(aggregate: str, values: npt.NDArray[np.float64]) -> float:
    percentile = percentile_of(aggregate)
    if percentile is not None:
        return float(np.percentile(values, float(percentile)))
    match aggregate:
        case "count":
            return float(values.sum())
        case "max":
            return float(values.max())
        case "min":
            return float(values.min())
        case _:
            return float(values.mean())
