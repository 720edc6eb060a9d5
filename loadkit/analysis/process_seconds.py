"""What each process of the generator wrote about itself, a row a second, as arrays to be judged."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.late_counts import due_and_late
from loadkit.lateness import EDGES_MS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: ``kind`` of a row of figures: an engine holds calls; Locust runs the scripts, and on a master keeps the records.
ENGINE, LOCUST = "engine", "locust"

_JUDGED = ["at", "worker", "engine", "kind", "late_histogram", "frames_skipped", "loop_lag_ms", "cpu_share"]


@dataclass(frozen=True)
class ProcessSeconds:
    """One process, its rows in the order of time."""

    worker: str
    name: str
    kind: str
    at: Floats
    """Seconds since the start of the run."""
    due: Ints
    """Packets that were due: sent, and left out because the engine had stalled."""
    late: Ints
    """Of those, the ones that left later than the limit or not at all."""
    loop_lag_ms: Floats
    """Not a number where it was not measured."""
    cpu_share: Floats

    @property
    def places_calls(self) -> bool:
        """Whether latencies can be its fault: a master that only collects records places none."""
        return self.worker != "master"

    @property
    def whole(self) -> Ints:
        """Its first row, and the one after the last."""
        return np.array([0, len(self.at)], dtype=np.int64)

    def pieces(self, seconds: float) -> tuple[int, Ints]:
        """The pieces of so many seconds, from its first row to its last: the number of the first, counted from the
        start of the run, then each one's first row, which ends the one before it; a piece may hold none."""
        numbers = np.floor(self.at / seconds).astype(np.int64)
        first, last = int(numbers[0]), int(numbers[-1])
        return first, np.searchsorted(numbers, np.arange(first, last + 2))


def engines_only(figures: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The rows of engines, with these columns, or all: those of a run of days are a hundred megabytes."""
    return figures.loc[figures["kind"] == ENGINE, [*columns] or figures.columns]


def by_process(
    figures: pd.DataFrame, late_limit_ms: float | None, started_at: float | None
) -> list[ProcessSeconds]:
    """All processes that wrote figures, by worker and name.

    :param late_limit_ms: lateness from which a packet counts as late; a bucket that lies across it counts.
    :param started_at: Unix seconds; the first row when not known.
    """
    if figures.empty:
        return []
    start = float(figures["at"].min()) if started_at is None else started_at
    ordered = figures[_JUDGED].sort_values("at", kind="stable")
    first_late = bisect_right(EDGES_MS, late_limit_ms) if late_limit_ms is not None else len(EDGES_MS) + 1
    found = []
    for (worker, name), rows in ordered.groupby(["worker", "engine"], dropna=False):
        due, late = due_and_late(rows["late_histogram"], first_late)
        skipped = rows["frames_skipped"].to_numpy(dtype=np.float64, na_value=0).astype(np.int64)
        found.append(
            ProcessSeconds(
                worker=str(worker),
                name=str(name),
                kind=str(rows["kind"].iloc[0]),
                at=rows["at"].to_numpy(dtype=np.float64) - start,
                due=due + skipped,
                late=late + skipped,
                loop_lag_ms=rows["loop_lag_ms"].to_numpy(dtype=np.float64, na_value=np.nan),
                cpu_share=rows["cpu_share"].to_numpy(dtype=np.float64, na_value=np.nan),
            )
        )
    return found
