"""Set-up time and failures against the load: by how many calls were in progress when a call began.

The load is what loadkit itself held; of other callers of the gateway it knows nothing. That calls are slow at a high
load does not say which came first: where calls arrive whatever becomes of them, a gateway that is slow for another
reason has more of them in progress.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.analysis.concurrency import Concurrency
from loadkit.analysis.percentiles import rounded
from loadkit.analysis.threshold_checks import OWN_ENDS
from loadkit.records import Outcome

#: Ranges of calls in progress that are told apart.
MOST_BINS = 24
#: A range with fewer values is left out: two unlucky calls are no curve.
ENOUGH = 10
#: With fewer values a p95 is little more than the largest.
ENOUGH_FOR_P95 = 20

_OWN_ENDS = [str(outcome) for outcome in OWN_ENDS]

Ints = npt.NDArray[np.int64]


def against_load(calls: pd.DataFrame, progress: Concurrency) -> dict[str, Any] | None:
    """``summary["against_load"]``: a row for each range of calls in progress with enough values, lowest first.

    :param progress: the calls in progress over time, out of the same calls.
    :returns: None unless at least two ranges have enough values: the load did not vary, or there were few calls.
    """
    held = _held(calls, progress)
    bins = _bins(held)
    if bins is None:
        return None
    rows = [_row(one) for one in bins.to_dict("records") if max(one["setups"], one["finished"]) >= ENOUGH]
    if len(rows) < 2:
        return None
    return {"calls": len(held), "calls_left_out": len(held) - sum(row["calls"] for row in rows), "bins": rows}


def _held(calls: pd.DataFrame, progress: Concurrency) -> pd.DataFrame:
    """Of each call that began: calls in ``progress`` then, itself counted; ``setup_ms``, ``finished``, ``failed``."""
    started, ended, setup = (
        calls[column].to_numpy(dtype=np.float64, na_value=np.nan)
        for column in ("started_at", "ended_at", "setup_ms")
    )
    began = np.isfinite(started)
    # One that took no time is never in progress, and was there nevertheless when it began.
    itself = ~(ended > started)
    return pd.DataFrame(
        {
            "progress": progress.when(started[began]) + itself[began],
            "setup_ms": setup[began],
            "finished": calls["outcome"].isin(_OWN_ENDS).to_numpy(dtype=bool)[began],
            "failed": (calls["outcome"] == Outcome.FAILED).to_numpy(dtype=bool, na_value=False)[began],
        }
    )


def _bins(held: pd.DataFrame) -> pd.DataFrame | None:
    """The calls by range of calls in progress; None when no width leaves two ranges with enough of them."""
    progress = held["progress"].to_numpy()
    width = _width(progress[(held["finished"] | held["setup_ms"].notna()).to_numpy()])
    if width is None:
        return None
    by_bin = held.groupby((progress - 1) // width)
    setups = by_bin["setup_ms"]
    return pd.DataFrame(
        {
            "calls": by_bin.size(),
            "finished": by_bin["finished"].sum(),
            "failed": by_bin["failed"].sum(),
            "setups": setups.count(),
            "p50": setups.quantile(0.5),
            "p95": setups.quantile(0.95),
        }
    ).assign(
        # No range speaks of a load that never was.
        first=lambda table: np.maximum(table.index * width + 1, progress.min()),
        last=lambda table: np.minimum((table.index + 1) * width, progress.max()),
    )


def _width(progress: Ints) -> int | None:
    """The width that leaves most ranges with enough calls, the finest of several; None when that is less than two."""
    if not progress.size:
        return None
    counts = np.bincount(progress - 1)
    first = int(progress.min()) - 1
    most, best = 1, None
    for width in (step * 10**power for power in range(len(str(counts.size))) for step in (1, 2, 5)):
        if (counts.size - 1) // width - first // width >= MOST_BINS:
            continue
        enough = int((np.add.reduceat(counts, np.arange(0, counts.size, width)) >= ENOUGH).sum())
        if enough > most:
            most, best = enough, width
    return best


def _row(one: Mapping[Any, Any]) -> dict[str, Any]:
    finished, failed, setups = (int(one[name]) for name in ("finished", "failed", "setups"))
    return {
        "from": int(one["first"]),
        "to": int(one["last"]),
        "calls": int(one["calls"]),
        "finished": finished,
        "failed": failed,
        "failed_share": round(failed / finished, 6) if finished >= ENOUGH else None,
        "setup_ms": {
            "count": setups,
            "p50": rounded(one["p50"]) if setups >= ENOUGH else None,
            "p95": rounded(one["p95"]) if setups >= ENOUGH_FOR_P95 else None,
        },
    }
