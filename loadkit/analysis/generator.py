"""The tester's own punctuality: what its processes wrote about themselves once a second, as numbers of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from loadkit import lateness
from loadkit.analysis.engine_table import per_process
from loadkit.analysis.fitness import judge_fitness
from loadkit.analysis.limits import Limits
from loadkit.analysis.percentiles import rounded
from loadkit.analysis.process_seconds import LOCUST, by_process, engines_only

#: Few of the columns: all of a run of days would be a hundred megabytes once more.
_NEEDED = [
    "worker",
    "engine",
    "late_histogram",
    "frames_late",
    "frames_skipped",
    "cpu_share",
    "loop_lag_ms",
    "rss_bytes",
]


def summarise_generator(
    calls: pd.DataFrame,
    figures: pd.DataFrame,
    limits: Limits | None = None,
    *,
    errors: Mapping[str, int] | None = None,
    started_at: float | None = None,
    stalled: str | None = None,
) -> dict[str, Any]:
    """The ``generator`` part of the summary; ``None`` where its processes wrote nothing.

    :param limits: those of the settings' defaults when not given.
    :param errors: error code → failed calls.
    :param started_at: start of the run, Unix seconds.
    :param stalled: why the watchdog ended the run.
    """
    limits = limits or Limits.of(None)
    engines, locust = engines_only(figures, *_NEEDED), figures.loc[figures["kind"] == LOCUST, _NEEDED]
    late = lateness.added_up(engines["late_histogram"])
    shares = engines.dropna(subset=["cpu_share"]).groupby(["worker", "engine"], dropna=False)["cpu_share"]
    # An engine counts the packets of calls still in progress, too; records are what is left without figures.
    counted = engines if len(engines) else calls
    latest = _latest(calls["late_ms_max"], late)
    processes = by_process(figures, limits.late_ms, started_at)
    fitness = judge_fitness(processes, limits, errors or {}, stalled)
    return {
        "fit": fitness.fit,
        "unfit_reasons": list(fitness.reasons),
        "limits": asdict(limits),
        "engines": int(engines[["worker", "engine"]].drop_duplicates().shape[0]),
        "late_ms_p50": lateness.percentile_shown(late, 50),
        "late_ms_p99": _below(lateness.percentile_shown(late, 99), latest),
        "late_ms_max": latest,
        "frames_late": _count(counted["frames_late"]),
        "frames_skipped": _count(counted["frames_skipped"]),
        "cpu_share": _most(shares.mean()),
        "cpu_share_sustained": _most(shares.quantile(0.9)),
        "cpu_share_max": _most(engines["cpu_share"]),
        "loop_lag_ms_max": _most(engines["loop_lag_ms"]),
        "rss_bytes_max": None if engines["rss_bytes"].isna().all() else int(engines["rss_bytes"].max()),
        "locust_cpu_share": _most(locust.groupby("engine", dropna=False)["cpu_share"].mean()),
        "locust_loop_lag_ms_max": _most(locust["loop_lag_ms"]),
        "processes": per_process(figures),
    }


def _latest(exact: pd.Series[Any], late: Counter[int]) -> float | None:
    """The worst lateness: as a finished call measured it, unless an engine counted a later packet."""
    measured, counted = _most(exact), lateness.percentile_shown(late, 100)
    if measured is None or counted is None:
        return counted if measured is None else measured
    return measured if lateness.bucket_of(measured) >= max(late) else counted


def _below(bound: float | None, latest: float | None) -> float | None:
    """A percentile is the upper edge of its bucket: never show it above the worst value that was measured."""
    return bound if bound is None or latest is None else min(bound, latest)


def _most(values: pd.Series[Any]) -> float | None:
    return rounded(values.max()) if values.notna().any() else None


def _count(values: pd.Series[Any]) -> int | None:
    return int(values.sum()) if values.notna().any() else None
