"""The tester's own punctuality: what the engines wrote about themselves once a second, as numbers of the run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd

from loadkit import lateness
from loadkit.analysis.fitness import judge_fitness
from loadkit.analysis.percentiles import rounded


def summarise_generator(calls: pd.DataFrame, figures: pd.DataFrame) -> dict[str, Any]:
    """The ``generator`` part of the summary; ``None`` where the engines wrote nothing."""
    late = merged(figures["late_histogram"])
    late_p99 = lateness.percentile(late, 99)
    engines = figures.dropna(subset=["cpu_share"]).groupby(["worker", "engine"], dropna=False)["cpu_share"]
    sustained = _most(engines.quantile(0.9))
    # An engine counts the packets of calls still in progress, too; records are what is left without figures.
    counted = figures if len(figures) else calls
    skipped = _count(counted["frames_skipped"])
    latest = _latest(calls["late_ms_max"], late)
    fitness = judge_fitness(late_p99, sustained, skipped)
    return {
        "fit": fitness.fit,
        "unfit_reasons": list(fitness.reasons),
        "engines": int(figures[["worker", "engine"]].drop_duplicates().shape[0]),
        "late_ms_p50": _finite(lateness.percentile(late, 50)),
        "late_ms_p99": _below(_finite(late_p99), latest),
        "late_ms_max": latest,
        "frames_late": _count(counted["frames_late"]),
        "frames_skipped": skipped,
        "cpu_share": _most(engines.mean()),
        "cpu_share_sustained": sustained,
        "cpu_share_max": _most(figures["cpu_share"]),
        "loop_lag_ms_max": _most(figures["loop_lag_ms"]),
        "rss_bytes_max": None if figures["rss_bytes"].isna().all() else int(figures["rss_bytes"].max()),
    }


def merged(histograms: Iterable[dict[int, int] | None]) -> Counter[int]:
    """Histograms of lateness added up."""
    total: Counter[int] = Counter()
    for histogram in histograms:
        if histogram:
            total.update(histogram)
    return total


def _latest(exact: pd.Series[Any], late: Counter[int]) -> float | None:
    """The worst lateness: as a finished call measured it, unless an engine counted a later packet."""
    measured, counted = _most(exact), _finite(lateness.percentile(late, 100))
    if measured is None or counted is None:
        return counted if measured is None else measured
    return measured if lateness.bucket_of(measured) >= max(late) else counted


def _below(bound: float | None, latest: float | None) -> float | None:
    """A percentile is the upper edge of its bucket: never show it above the worst value that was measured."""
    return bound if bound is None or latest is None else min(bound, latest)


def _finite(late_ms: float | None) -> float | None:
    """JSON has no infinity: what was later than any edge is told as the last edge."""
    return lateness.EDGES_MS[-1] if late_ms is not None and math.isinf(late_ms) else late_ms


def _most(values: pd.Series[Any]) -> float | None:
    return rounded(values.max()) if values.notna().any() else None


def _count(values: pd.Series[Any]) -> int | None:
    return int(values.sum()) if values.notna().any() else None
