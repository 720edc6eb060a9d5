"""Percentiles of what was measured.

The method is linear interpolation between the two values next to the rank (Hyndman and Fan's type 7, the
default of numpy, pandas, R and Excel's ``PERCENTILE.INC``). Unmeasured values are left out; ``count`` says how
many were measured, and with few of them a p95 or p99 is little more than the maximum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

#: What a distribution tells, in the order of a table.
STATISTICS: tuple[str, ...] = ("count", "min", "mean", "p50", "p90", "p95", "p99", "max")

_OF_A_TAIL = 20
_QUANTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99}


def measured(values: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """The values that were measured, as finite floats."""
    numbers: npt.NDArray[np.float64] = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers[np.isfinite(numbers)]


def distribution(values: pd.Series[Any], scale: float = 1.0) -> dict[str, Any]:
    """:data:`STATISTICS` of a column times ``scale``; all but the count are ``None`` without values."""
    numbers = measured(values) * scale
    if not numbers.size:
        return {"count": 0, **dict.fromkeys(STATISTICS[1:])}
    ranks = np.percentile(numbers, list(_QUANTILES.values()))
    return {
        "count": int(numbers.size),
        "min": rounded(numbers.min()),
        "mean": rounded(numbers.mean()),
        **{name: rounded(value) for name, value in zip(_QUANTILES, ranks, strict=True)},
        "max": rounded(numbers.max()),
    }


def has_tail(spread: Mapping[str, Any]) -> bool:
    """Whether a p95, or a p5, is more than the worst value: there are 20 values, so that one lies beyond it.

    :param spread: anything with a ``count``.
    """
    return bool(spread["count"] >= _OF_A_TAIL)


def largest(table: pd.DataFrame, column: str, rows: int) -> pd.DataFrame:
    """The rows with the largest measured values of a column, largest first."""
    # Of the column alone: a copy of all columns of a million calls would be a gigabyte.
    return table.loc[table[column].dropna().nlargest(rows).index]


def rounded(value: float) -> float:
    """To a thousandth: a microsecond, where the value is in milliseconds."""
    return round(float(value), 3)
