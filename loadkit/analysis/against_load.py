"""Set-up time and failures against the load: by how many calls were in progress when a call began.

The load is what loadkit itself held; of other callers of the gateway it knows nothing. That calls are slow at a high
load does not say which came first: where calls arrive whatever becomes of them, a gateway that is slow for another
reason has more of them in progress.
"""

from __future__ import annotations

import math
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
MOST_RANGES = 24
#: A range with fewer values is left out: two unlucky calls are no curve.
ENOUGH = 10
#: With fewer values a p95 is little more than the largest. Neighbouring loads are put together until there are so many.
ENOUGH_FOR_P95 = 20
#: Part of all loads that may be put together for it.
_WIDEST = 1 / 3

_OWN_ENDS = [str(outcome) for outcome in OWN_ENDS]

Ints = npt.NDArray[np.int64]


def against_load(calls: pd.DataFrame, progress: Concurrency) -> dict[str, Any] | None:
    """``summary["against_load"]``: a row for each range of calls in progress with enough values, lowest first.

    :param progress: the calls in progress over time, out of the same calls.
    :returns: None unless at least two ranges have enough values: the load did not vary, or there were few calls.
    """
    held = _held(calls, progress)
    table = _by_range(held)
    rows = [_row(one) for one in table.to_dict("records") if max(one["setups"], one["finished"]) >= ENOUGH]
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


def _by_range(held: pd.DataFrame) -> pd.DataFrame:
    """The calls by range of loads, those of no range left out."""
    load = held["progress"].to_numpy()
    by_range = held.groupby(_range_of(load, (held["finished"] | held["setup_ms"].notna()).to_numpy()))
    loads, setups = by_range["progress"], by_range["setup_ms"]
    table = pd.DataFrame(
        {
            "first": loads.min(),
            "last": loads.max(),
            "mean": loads.mean(),
            "calls": by_range.size(),
            "finished": by_range["finished"].sum(),
            "failed": by_range["failed"].sum(),
            "setups": setups.count(),
            "p50": setups.quantile(0.5),
            "p95": setups.quantile(0.95),
        }
    )
    return table[table.index >= 0]


def _range_of(load: Ints, counts: npt.NDArray[np.bool_]) -> Ints:
    """The number of each call's range, -1 for none.

    :param counts: whether the call has a value at all.
    """
    if not load.size:
        return load
    width = _width(int(load.min()), int(load.max()))
    steps = (load - 1) // width
    lowest = int(steps.min())
    numbers = np.full(int(steps.max()) - lowest + 1, -1, dtype=np.int64)
    for number, (begin, end) in enumerate(_put_together(np.bincount(steps[counts] - lowest).tolist())):
        numbers[begin : end + 1] = number
    return numbers[steps - lowest]


def _width(low: int, high: int) -> int:
    """The smallest of 1, 2, 5, 10, 20 … that cuts the loads into few enough ranges."""
    widths = (step * int(10**power) for power in range(20) for step in (1, 2, 5))
    return next(width for width in widths if (high - 1) // width - (low - 1) // width < MOST_RANGES)


def _put_together(counts: list[int]) -> list[tuple[int, int]]:
    """First and last of neighbouring steps that are one range, so that it has enough calls.

    Steps without calls are put between others only where it needs them.

    :param counts: calls of each step.
    """
    most = math.ceil(len(counts) * _WIDEST)
    ranges: list[tuple[int, int]] = []
    begin = end = held = 0

    def close() -> None:
        if held >= ENOUGH:
            ranges.append((begin, end))
        elif held and ranges and ranges[-1][1] == begin - 1 and end - begin <= ranges[-1][1] - ranges[-1][0]:
            # The few calls beside a range that is as wide: at the highest load above all they are not to be lost.
            ranges[-1] = (ranges[-1][0], end)

    for place, here in enumerate(counts):
        if held and (place - begin >= most or (not here and held >= ENOUGH)):
            close()
            held = 0
        if here:
            begin, end = (begin if held else place), place
            held += here
        if held >= ENOUGH_FOR_P95:
            close()
            held = 0
    close()
    return ranges


def _row(one: Mapping[Any, Any]) -> dict[str, Any]:
    finished, failed, setups = (int(one[name]) for name in ("finished", "failed", "setups"))
    return {
        "from": int(one["first"]),
        "to": int(one["last"]),
        "mean": rounded(one["mean"]),
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
