"""Percentiles of what was measured.

The method is linear interpolation between the two values next to the rank (Hyndman and Fan's type 7, the
default of numpy, pandas, R and Excel's ``PERCENTILE.INC``). Unmeasured values are left out; ``count`` says how
many were measured, and with few of them a p95 or p99 is little more than the maximum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

#: What a distribution tells, in the order of a table.
STATISTICS: tuple[str, ...] = ("count", "min", "mean", "p50", "p90", "p95", "p99", "max")

_QUANTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99}


def measured(values: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """The values that were measured, as finite floats."""
    numbers: npt.NDArray[np.float64] = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers[np.isfinite(numbers)]


def quantile(values: npt.NDArray[np.float64], q: float) -> float | None:
    """The ``q``-th percentile; ``None`` without values."""
    return float(np.percentile(values, q)) if values.size else None


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


def largest(table: pd.DataFrame, column: str, rows: int) -> pd.DataFrame:
    """The rows with the largest measured values of a column, largest first."""
    # Of the column alone: a copy of all columns of a million calls would be a gigabyte.
    return table.loc[table[column].dropna().nlargest(rows).index]


def rounded(value: float) -> float:
    """To a thousandth: a microsecond, where the value is in milliseconds."""
    return round(float(value), 3)
