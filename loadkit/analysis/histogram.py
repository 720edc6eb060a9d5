"""How often which value occurred, in bins that fit latencies: even on a logarithmic axis when they spread far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 40

#: From this ratio of the largest to the smallest value on, a linear axis would squeeze most into its first bins.
LOGARITHMIC_FROM = 8.0


@dataclass(frozen=True)
class Histogram:
    """Counts of values in ``edges[i] <= value < edges[i + 1]``; the last bin holds its upper edge, too."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    logarithmic: bool


def histogram(values: npt.NDArray[np.float64]) -> Histogram | None:
    """Bins over all values; ``None`` without any. Values at or below 0 force a linear axis."""
    if not values.size:
        return None
    low, high = float(values.min()), float(values.max())
    logarithmic = low > 0 and high / low >= LOGARITHMIC_FROM
    if logarithmic:
        edges = np.geomspace(low, high, BINS + 1)
    elif high > low:
        edges = np.linspace(low, high, min(BINS, max(5, values.size)) + 1)
    else:
        margin = max(abs(low) * 0.05, 0.5)
        edges = np.array([low - margin, high + margin])
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    counts, _ = np.histogram(values, bins=edges)
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)), logarithmic)
