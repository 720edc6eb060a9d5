"""Thresholds held against the rows of a run.

Values that were not measured are left out. An aggregate needs enough of those that were: a percentile p so many
that one lies beyond it, 1 / (1 − p), which are 20 for p95; all others one. With fewer nothing is decided, and that is
no pass. A percentile interpolates, as everywhere (:mod:`~loadkit.analysis.percentiles`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.analysis.percentiles import measured
from loadkit.printable import printable
from loadkit.records import Outcome
from loadkit.thresholds.measures import FAILED, FRACTION_LOST
from loadkit.thresholds.threshold import Threshold, percentile_of

#: Calls that came to an end of their own: the run ended those that were cancelled, which are neither good nor bad.
OWN_ENDS = (Outcome.COMPLETED, Outcome.HUNG_UP, Outcome.FAILED)

_MOST_NAMES = 5


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
    needs: int = 1
    """Values without which it is not decided."""
    missing: str = ""
    """Why there is none, when it is known: the filter names what never occurred."""

    @property
    def sentence(self) -> str:
        """What came of it, in words."""
        asked = self.threshold
        if self.passed is None or self.value is None:
            if not self.count:
                return f"{asked}: no data{self.missing}"
            who = f"that {asked.aggregate} needs" if self.needs == asked.needs else "that were asked for"
            return f"{asked}: too few, {self.count:,} of the {self.needs:,} values {who}"
        word = "holds" if self.passed else "broken"
        return f"{asked}: {word}, it is {asked.value_text(float(f'{self.value:.4g}'))} over {self.count:,}"


def check(threshold: Threshold, calls: pd.DataFrame, turns: pd.DataFrame, min_count: int = 0) -> Check:
    """Hold a threshold against the calls and turns of a run (:mod:`loadkit.runs.reader`), or against some of them.

    :param min_count: values that there have to be, when the aggregate itself needs fewer.
    """
    needs = max(threshold.needs, min_count)
    rows = turns if threshold.measure.of_turns else calls
    if threshold.measure.name == FAILED:
        rows = rows.loc[rows["outcome"].isin(OWN_ENDS), columns_of([threshold], rows)]
    elif threshold.where:
        rows = rows[columns_of([threshold], rows)]
    chosen, missing = _chosen(threshold, rows, calls)
    values = _values(threshold, chosen)
    count = int(values.size)
    if count < needs:
        return Check(threshold, count, None, None, needs, missing)
    value = _aggregated(threshold, values)
    return Check(threshold, count, value, threshold.holds(value), needs)


def columns_of(thresholds: Iterable[Threshold], rows: pd.DataFrame) -> list[str]:
    """The columns that these are held against: a copy of all of a million calls would double the memory."""
    needed = {"outcome", "error_code"}
    for one in thresholds:
        needed |= {one.measure.name, *(column for column, _ in one.where)}
        if one.measure.name == FRACTION_LOST:
            needed |= {"packets_received", "packets_lost"}
        if one.measure.of_turns:
            needed.add("call_id")
    return [str(column) for column in rows if column in needed]


def _chosen(threshold: Threshold, rows: pd.DataFrame, calls: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows that it is about; and, when there are none, which names there were instead."""
    for column, value in threshold.where:
        names = _names(rows, column, calls)
        fitting = rows[(names == value).to_numpy(dtype=np.bool_, na_value=False)]
        if not len(fitting) and len(rows):
            what = "turn" if threshold.measure.of_turns else "call"
            return fitting, f", no {what} has {column} {printable(value, 60)!r}; {_there_were(names)}"
        rows = fitting
    return rows, ""


def _names(rows: pd.DataFrame, column: str, calls: pd.DataFrame) -> pd.Series[Any]:
    """What the rows are called in a column; a turn that has none of its own by that of its call."""
    if column in rows:
        return rows[column]
    if column in calls and "call_id" in rows:
        return rows["call_id"].map(calls.set_index("call_id")[column])
    return pd.Series(pd.NA, index=rows.index, dtype="string")


def _there_were(names: pd.Series[Any]) -> str:
    found = [printable(str(name), 60) for name in names.value_counts().index]
    if not found:
        return "there was none"
    more = f" and {len(found) - _MOST_NAMES:,} more" if len(found) > _MOST_NAMES else ""
    return f"there were {', '.join(found[:_MOST_NAMES])}{more}" if len(found) > 1 else f"there was {found[0]}"


def _values(threshold: Threshold, rows: pd.DataFrame) -> npt.NDArray[np.float64]:
    name = threshold.measure.name
    if name == FRACTION_LOST:
        return _fraction_lost(rows)
    if name != FAILED:
        return measured(rows[name])
    return np.asarray(_failures(threshold, rows).to_numpy(dtype=np.bool_, na_value=False), dtype=np.float64)


def _failures(threshold: Threshold, calls: pd.DataFrame) -> pd.Series[Any]:
    """Which of the calls failed, with the threshold's code when it has one."""
    failed = calls["outcome"] == Outcome.FAILED
    if threshold.code is not None:
        failed &= calls["error_code"].fillna("UNKNOWN") == threshold.code
    return failed


def counted_failures(threshold: Threshold, calls: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which of the calls a threshold of failed calls counts as such."""
    counted = _failures(threshold, calls).to_numpy(dtype=np.bool_, na_value=False)
    for column, value in threshold.where:
        counted = counted & (calls[column] == value).to_numpy(dtype=np.bool_, na_value=False)
    return counted


def broken_by(held: Check, calls: pd.DataFrame) -> bool:
    """Whether a threshold of failed calls that is broken would be so by the failures among these calls alone."""
    threshold = held.threshold
    if held.passed is not False or threshold.measure.name != FAILED:
        return False
    failed = int(counted_failures(threshold, calls).sum())
    return not threshold.holds(failed if threshold.aggregate == "count" else failed / held.count)


def _fraction_lost(calls: pd.DataFrame) -> npt.NDArray[np.float64]:
    """RFC 3550 lets duplicates make the loss negative: that is none."""
    received = calls["packets_received"].to_numpy(dtype=np.float64, na_value=np.nan)
    lost = calls["packets_lost"].to_numpy(dtype=np.float64, na_value=np.nan)
    known = (received + lost) > 0
    shares: npt.NDArray[np.float64] = np.clip(lost[known] / (received[known] + lost[known]), 0.0, 1.0)
    return shares


def _aggregated(threshold: Threshold, values: npt.NDArray[np.float64]) -> float:
    percentile = percentile_of(threshold.aggregate)
    if percentile is not None:
        return float(np.percentile(values, float(percentile)))
    match threshold.aggregate:
        case "count":
            return float(values.sum() if threshold.measure.boolean else values.size)
        case "max":
            return float(values.max())
        case "min":
            return float(values.min())
        case _:
            return float(values.mean())
