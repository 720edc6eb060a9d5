"""The thresholds of a run held against its records: rows for the summary, and what no threshold speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.analysis.fitness import DOUBTFUL_CODES
from loadkit.analysis.threshold_checks import Check, broken_by, check, columns_of, counted_failures
from loadkit.errors import RunFolderError
from loadkit.printable import printable
from loadkit.records import Outcome
from loadkit.thresholds.measures import FAILED
from loadkit.thresholds.objectives import Objective, Objectives, objectives_of_texts, split_texts

_STATUS = {True: "pass", False: "fail", None: "no data"}


def objectives_of_run(run: Mapping[str, Any]) -> Objectives:
    """What a run was to be held against; none for a run without thresholds.

    :param run: the content of ``run.json``.
    :raises RunFolderError: it holds what cannot be read as thresholds.
    """
    document, settings = run.get("slo"), run.get("settings")
    try:
        if isinstance(document, Mapping):
            return Objectives.of_document(document)
        texts = settings.get("slo") if isinstance(settings, Mapping) else None
        if not texts:
            return Objectives()
        found, faults = objectives_of_texts(split_texts(texts))
        if faults:
            raise ValueError("; ".join(faults))
        return Objectives(found)
    except (ValueError, TypeError) as exc:
        raise RunFolderError(
            f"the thresholds in run.json cannot be read ({printable(str(exc))}); judge the run by others: "
            "python -m loadkit check <run folder> --slo …"
        ) from exc


def judge_objectives(
    objectives: Objectives, calls: pd.DataFrame, turns: pd.DataFrame, started_at: float | None
) -> dict[str, Any]:
    """``thresholds`` and ``slo`` of the summary.

    :param started_at: when the run began, in Unix seconds: where the warm-up begins.
    """
    if not objectives:
        return {"thresholds": [], "slo": None}
    after = _after_warm_up(calls, objectives.warm_up_s, started_at)
    judged = calls.loc[after, columns_of((one.threshold for one in objectives.each), calls)]
    their_turns = turns
    if len(judged) < len(calls) and len(turns):
        their_turns = turns[turns["call_id"].isin(calls.loc[after, "call_id"])]
    checks = [check(one.threshold, judged, their_turns, one.min_count) for one in objectives.each]
    rows = [_row(one, held) for one, held in zip(objectives.each, checks, strict=True)]
    sure = judged[~judged["error_code"].fillna("UNKNOWN").isin(DOUBTFUL_CODES)]
    apart = _failures_apart(objectives, judged)
    codes = apart.fillna("UNKNOWN").value_counts()
    return {
        "thresholds": rows,
        "slo": {
            "warm_up_s": objectives.warm_up_s,
            "calls": len(judged),
            "calls_left_out": len(calls) - len(judged),
            "gateway_broke": any(broken_by(held, sure) for held in checks),
            "failed_apart": len(apart),
            "failed_apart_errors": {
                printable(str(code), 100): int(count) for code, count in codes.head(100).items()
            },
        },
    }


def _after_warm_up(
    calls: pd.DataFrame, warm_up_s: float, started_at: float | None
) -> npt.NDArray[np.bool_] | slice:
    """The calls that were meant to start after it; those of which nobody knows when stay."""
    if not warm_up_s or started_at is None:
        return slice(None)
    meant = calls["intended_at"].fillna(calls["started_at"]).to_numpy(dtype=np.float64, na_value=np.inf)
    later: npt.NDArray[np.bool_] = meant >= started_at + warm_up_s
    return later


def _row(asked: Objective, held: Check) -> dict[str, Any]:
    threshold = asked.threshold
    return {
        "name": asked.name,
        "text": str(threshold),
        "subject": threshold.subject,
        "operator": threshold.operator,
        "limit": threshold.shown(threshold.limit),
        "unit": threshold.unit,
        "value": None if held.value is None else threshold.shown(held.value),
        "count": held.count,
        "needs": held.needs,
        "status": _STATUS[held.passed],
        "sentence": held.sentence,
        "where": dict(threshold.where),
    }


def _failures_apart(objectives: Objectives, calls: pd.DataFrame) -> pd.Series[Any]:
    """Codes of the failed calls that no threshold of ``failed`` counts: they must not pass in silence."""
    failed = (calls["outcome"] == Outcome.FAILED).to_numpy(dtype=np.bool_, na_value=False)
    for one in objectives.each:
        if one.threshold.measure.name == FAILED:
            failed = failed & ~counted_failures(one.threshold, calls)
    return calls.loc[failed, "error_code"]
