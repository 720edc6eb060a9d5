"""Offered and carried traffic of a run by arrivals, and what became of the arrivals.

Traffic is counted in erlang, the mean number of calls in progress: offered, arrival rate × mean duration; carried, what
the records say, each call counted from when it was connected, as ``--call-duration`` is.

How many calls a rate that changes offers at a moment follows from Little's law for a system without limits (M/G/∞):
the rate at each earlier moment times the share of calls that are longer than the time since then. It builds up over
the length of a call. Where it is within 5 % of rate × mean duration, the run is *steady*, and when it is so for a mean
duration or longer, carried may be held against it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.analysis.percentiles import rounded
from loadkit.arrival_rates import Schedule, parse_arrival_rate, parse_stages
from loadkit.distributions.families import Distribution
from loadkit.distributions.grammar import parse_distribution

Floats = npt.NDArray[np.float64]

#: A call that starts later than this after its intended moment is a late arrival (milliseconds).
LATE_MS = 100.0
#: How near the calls that are in progress must be to rate × mean duration for the run to be steady.
STEADY_SHARE = 0.05
_GRID = 1_000


@dataclass(frozen=True)
class Load:
    """What a run by arrivals was asked to offer, out of its ``run.json``."""

    schedule: Schedule
    duration: Distribution
    began_at: float
    """Unix seconds."""
    facts: Mapping[str, Any]

    def offered(self, edges: Floats) -> Floats:
        """Calls in progress that are to be expected at the end of each of these equal pieces of time, which begin with
        the arrivals, when none is dropped and none fails."""
        expected = np.array([self.schedule.expected(edge) for edge in edges])
        # Arrivals of a piece are spread over it, and it may be longer than a call: of those so many pieces ago, the
        # share that is still there is the mean over the piece.
        ages = edges - edges[0]
        still_there = np.diff([self.duration.limited_mean(age) for age in ages]) / (ages[1] - ages[0])
        in_progress: Floats = np.convolve(np.diff(expected), still_there)[: len(edges) - 1]
        return in_progress

    def target(self, moments: Floats) -> Floats:
        """Rate × mean duration at these moments."""
        return self.duration.mean * np.array([self.schedule.rate(moment) for moment in moments])


def load_of(run: Mapping[str, Any]) -> Load | None:
    """What ``run.json`` says of arrivals; None for a run by users, or when it cannot be read."""
    facts = run.get("arrivals")
    if not isinstance(facts, Mapping) or not isinstance(facts.get("began_at"), (int, float)):
        return None
    try:
        parse = parse_stages if facts["stages"] else parse_arrival_rate
        schedule = parse(str(facts["rate"]))
        duration = parse_distribution(str(facts["call_duration"]))
    except (KeyError, ValueError):
        return None
    return Load(schedule, duration, float(facts["began_at"]), facts)


def summarise_traffic(
    calls: pd.DataFrame, arrivals: pd.DataFrame, run: Mapping[str, Any], ended_at: float | None
) -> dict[str, Any] | None:
    """The section ``traffic`` of the summary; None for a run by users."""
    load = load_of(run)
    if load is None:
        return None
    facts = {
        key: load.facts.get(key)
        for key in ("rate", "kind", "seed", "call_duration", "mean_call_duration_s", "max_concurrent")
    }
    facts |= {key: load.facts.get(key) for key in ("offered_erlang", "offered_erlang_peak")}
    return {**facts, **_carried(load, calls, ended_at), "arrivals": _arrivals(calls, arrivals)}


def _carried(load: Load, calls: pd.DataFrame, ended_at: float | None) -> dict[str, Any]:
    length = min(load.schedule.end_s, (ended_at or load.began_at) - load.began_at)
    nothing = {"expected_erlang": None, "carried_erlang": None, "steady": None}
    if not math.isfinite(length) or length <= 0:
        return nothing
    edges = np.linspace(0.0, length, _GRID + 1)
    expected, carried = load.offered(edges), connected_over(calls, load.began_at + edges)
    target = load.target((edges[:-1] + edges[1:]) / 2)
    steady = (target > 0) & (np.abs(expected - target) <= STEADY_SHARE * target)
    told = None
    seconds = float(steady.sum()) * length / _GRID
    if steady.any() and seconds >= load.duration.mean:
        told = {
            "seconds": rounded(seconds),
            "offered_erlang": rounded(float(target[steady].mean())),
            "carried_erlang": rounded(float(carried[steady].mean())),
        }
    return {
        "expected_erlang": rounded(float(expected.mean())),
        "carried_erlang": rounded(float(carried.mean())),
        "steady": told,
    }


def connected_over(calls: pd.DataFrame, edges: Floats) -> Floats:
    """Mean number of connected calls in each piece of time.

    :param edges: Unix seconds, one more than there are pieces.
    """
    known = calls.loc[calls["connected_ms"].notna() & calls["ended_at"].notna(), ["connected_ms", "ended_at"]]
    ends = known["ended_at"].to_numpy(dtype=np.float64)
    starts = ends - known["connected_ms"].to_numpy(dtype=np.float64) / 1e3
    seconds = _since(np.sort(starts), edges) - _since(np.sort(ends), edges)
    means: Floats = np.diff(seconds) / np.diff(edges)
    return means


def _since(moments: Floats, edges: Floats) -> Floats:
    """For each edge, the seconds since all moments before it, added up."""
    before = np.searchsorted(moments, edges)
    total = np.concatenate([[0.0], np.cumsum(moments - edges[0])])
    seconds: Floats = before * (edges - edges[0]) - total[before]
    return seconds


def _arrivals(calls: pd.DataFrame, arrivals: pd.DataFrame) -> dict[str, Any]:
    delays = first_delays(calls)
    late = int((delays["start_delay_ms"] > LATE_MS).sum())
    full, none = (_sum(arrivals[name]) for name in ("dropped_max_concurrent", "dropped_no_engine"))
    # A run that was killed may lack the count of its last second.
    intended = max(_sum(arrivals["intended"]), len(delays) + full + none)
    return {
        "intended": intended,
        "on_time": len(delays) - late,
        "late": late,
        "late_limit_ms": LATE_MS,
        "dropped": full + none,
        "dropped_max_concurrent": full,
        "dropped_no_engine": none,
        "not_started": intended - len(delays) - full - none,
    }


def first_delays(calls: pd.DataFrame) -> pd.DataFrame:
    """``intended_at`` and ``start_delay_ms`` of the first call of each arrival that has one which started."""
    needed = ["arrival", "intended_at", "start_delay_ms"]
    started = calls.loc[calls["arrival"].notna() & calls["started_at"].notna(), needed]
    first = started.sort_values("intended_at").drop_duplicates("arrival")
    return first[["intended_at", "start_delay_ms"]]


def _sum(values: pd.Series[Any]) -> int:
    return int(values.sum()) if len(values) else 0
