"""Calls in progress over time, out of when each started and ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Concurrency:
    """A step function: from ``at[i]`` until ``at[i + 1]``, ``calls[i]`` calls were in progress."""

    at: Floats
    """Unix seconds, rising, each once."""
    calls: Ints

    @property
    def maximum(self) -> int:
        """Most calls in progress at once; 0 when no call ever started."""
        return int(self.calls.max()) if self.calls.size else 0

    def when(self, moments: Floats) -> Ints:
        """Calls in progress at each moment, those that start just then included."""
        steps = np.concatenate([[0], self.calls])
        return steps[np.searchsorted(self.at, moments, side="right")]

    def over(self, edges: Floats) -> Ints:
        """Most calls in progress at once within each bin ``[edges[i], edges[i + 1])``."""
        if not self.at.size:
            return np.zeros(len(edges) - 1, dtype=np.int64)
        steps = np.concatenate([[0], self.calls])
        first = np.searchsorted(self.at, edges[:-1], side="right")  # what is in force when the bin begins
        last = np.maximum(np.searchsorted(self.at, edges[1:], side="left"), first)
        bounds = np.column_stack([first, last + 1]).ravel()
        return np.maximum.reduceat(np.append(steps, 0), bounds)[::2]


def concurrency(calls: pd.DataFrame) -> Concurrency:
    """A call is in progress from ``started_at`` up to, not including, ``ended_at``.

    Calls that never started, or whose end is not after their start, are never in progress.
    """
    started = calls["started_at"].to_numpy(dtype=np.float64, na_value=np.nan)
    ended = calls["ended_at"].to_numpy(dtype=np.float64, na_value=np.nan)
    lasted = ended > started
    times = np.concatenate([started[lasted], ended[lasted]])
    changes = np.repeat(np.array([1, -1], dtype=np.int64), int(lasted.sum()))
    at, position = np.unique(times, return_inverse=True)
    total = np.zeros(at.size, dtype=np.int64)
    np.add.at(total, position, changes)
    return Concurrency(at, np.cumsum(total))
