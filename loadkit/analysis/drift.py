"""Whether anything got worse, or better, in the course of a run; see ``docs/soak.md``.

A measure *drifts* when its slope's interval leaves out zero, and its last quarter differs from its first, in the same
direction, by more than its floor and its allowance together. A latency is allowed the lateness of the engines, since
most latencies are off by less than that (``docs/fitness.md``); memory, what the most calls at once took, which an
allocator keeps. It is *steady* when the whole interval of the change lies within the floor, or every piece of the run
lies within one floor of every other. Else the run was *too short to say*, whatever its length: too short for this
noise.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from loadkit.analysis.drift_measures import MEASURES, Measure
from loadkit.analysis.drift_series import gateway_series, part_of, process_series
from loadkit.analysis.drift_words import sentence_of
from loadkit.analysis.sessions import no_health, summarise_sessions
from loadkit.analysis.trend import CONFIDENCE, Series, Trend, trend

#: A part that is shorter has no quarters worth their name (seconds).
LEAST_S = 60.0


class Drift(enum.StrEnum):
    """Of a measure, or of a whole run."""

    DRIFTS = "drifts"
    STEADY = "steady"
    TOO_SHORT = "too short to say"


def add_drift(
    summary: dict[str, Any],
    calls: pd.DataFrame,
    turns: pd.DataFrame,
    figures: pd.DataFrame,
    health: pd.DataFrame | None,
    run: Mapping[str, Any],
) -> None:
    """Add ``sessions`` and ``drift`` to a summary that knows its ``run``.

    :param run: the content of ``run.json``.
    """
    health = no_health() if health is None else health
    started_at = summary["run"]["started_at"]
    ended = run.get("ended_by") is not None
    summary["sessions"] = summarise_sessions(health, figures, calls, started_at, ended=ended)
    summary["drift"] = summarise_drift(
        calls, turns, figures, health, sessions=summary["sessions"], started_at=started_at
    )


def summarise_drift(
    calls: pd.DataFrame,
    turns: pd.DataFrame,
    figures: pd.DataFrame,
    health: pd.DataFrame,
    *,
    sessions: Mapping[str, Any] | None,
    started_at: float | None,
) -> dict[str, Any] | None:
    """The ``drift`` part of the summary; ``None`` for a run without calls.

    :param sessions: that part of the summary.
    :param started_at: start of the run, Unix seconds.
    """
    part = part_of(calls, figures, started_at)
    if part is None:
        return None
    measures = []
    if part.length >= LEAST_S:
        ours = [
            _judged(MEASURES[name], process, own, kept)
            for name, process, own, kept in process_series(part, figures)
        ]
        late = _lateness(ours)
        for name, found in gateway_series(part, calls, turns, figures, health):
            measures.append(_judged(MEASURES[name], None, found, late if MEASURES[name].latency else None))
        measures += ours
    measures += _left(sessions)
    status, direction = _whole(measures)
    if part.length < LEAST_S and status != Drift.DRIFTS:
        # Whether sessions are left can be told at once, and says nothing of all the rest.
        status = Drift.TOO_SHORT.value
    return {
        "status": status,
        "direction": direction,
        "sentence": sentence_of(status, measures, part.length, LEAST_S),
        "from_s": round(part.begin, 1),
        "to_s": round(max(part.begin, part.end), 1),
        "confidence": CONFIDENCE,
        "measures": measures,
    }


def judge_trend(measure: Measure, found: Trend, allowance: float = 0.0) -> tuple[Drift, float]:
    """Its status, and the floor that it was held against.

    :param allowance: by how much something known may have changed it, in its unit.
    """
    floor = max(measure.floor, measure.relative_floor * abs(found.first))
    change = found.last - found.first
    certain = found.low > 0 if change > 0 else found.high < 0
    if abs(change) > floor + allowance and certain:
        return Drift.DRIFTS, floor
    if (-floor <= found.low and found.high <= floor) or found.spread <= floor:
        return Drift.STEADY, floor
    return Drift.TOO_SHORT, floor


def _judged(
    measure: Measure, process: str | None, found: Series | None, allowance: float | None = None
) -> dict[str, Any]:
    """One row of ``drift.measures``."""
    became = None if found is None else trend(found)
    row: dict[str, Any] = {
        "measure": measure.name,
        "process": process,
        "unit": measure.unit,
        "judged": measure.judged,
        "status": Drift.TOO_SHORT.value,
        "direction": None,
        **dict.fromkeys(("first", "last", "change", "floor", "slope_per_h", "slope_low", "slope_high")),
        "allowance": allowance,
        "correlation": None,
        "pieces": 0 if found is None else len(found.at),
        "series": None,
    }
    if found is None or became is None:
        return row
    status, floor = judge_trend(measure, became, allowance or 0.0)
    hours = (found.end - found.begin) / 3_600
    row |= {
        "status": status.value,
        "direction": _direction(measure, became.last - became.first) if status is Drift.DRIFTS else None,
        "first": _short(became.first),
        "last": _short(became.last),
        "change": _short(became.last - became.first),
        "floor": _short(floor),
        "slope_per_h": _short(became.slope / hours),
        "slope_low": _short(became.low / hours),
        "slope_high": _short(became.high / hours),
        "correlation": round(became.correlation, 2),
        "series": {
            "offset_s": [round(float(at), 1) for at in found.at],
            "value": [_short(float(value)) for value in found.values],
        },
    }
    return row


def _lateness(ours: Iterable[Mapping[str, Any]]) -> float | None:
    """How late the engines were in their worse quarter, in ms; ``None`` when nobody measured it."""
    known = [
        row[end]
        for row in ours
        if row["measure"] == "late_ms_p99"
        for end in ("first", "last")
        if row[end] is not None
    ]
    return max(known, default=None)


def _left(sessions: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Sessions that stay after the last call are leaked ones, however short the run was."""
    measure = MEASURES["sessions_left"]
    if sessions is None or sessions["left"] is None:
        return []
    row = _judged(measure, None, None)
    stay = sessions["left_state"] == "stay"
    status = Drift.DRIFTS if stay else Drift.TOO_SHORT if sessions["left"] else Drift.STEADY
    row |= {
        "status": status.value,
        "direction": "worse" if stay else None,
        "first": float(sessions["before"]),
        "last": float(sessions["before"] + sessions["left"]),
        "change": float(sessions["left"]),
        "floor": measure.floor,
    }
    return [row]


def _direction(measure: Measure, change: float) -> str:
    if not measure.worse:
        return "up" if change > 0 else "down"
    return "worse" if change * measure.worse > 0 else "better"


def _whole(measures: Iterable[Mapping[str, Any]]) -> tuple[str, str | None]:
    """What got worse decides, then what nobody can say, then what got better."""
    judged = [row for row in measures if row["judged"]]
    drifting = {row["direction"] for row in judged if row["status"] == Drift.DRIFTS}
    if "worse" in drifting:
        return Drift.DRIFTS.value, "worse"
    if not judged or any(row["status"] == Drift.TOO_SHORT for row in judged):
        return Drift.TOO_SHORT.value, None
    return (Drift.DRIFTS.value, "better") if drifting else (Drift.STEADY.value, None)


def _short(value: float) -> float | None:
    """Six digits: a picture needs no more, and a summary with fewer bytes opens faster."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
