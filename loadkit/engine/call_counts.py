"""What an engine tells of its calls once a second, beside what it costs: for those who watch a run while it goes.

The record of a call tells more, but only when the call is over, and a call of a soak is talked for minutes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from loadkit.latency_buckets import bucket_of
from loadkit.progress import Progress


class CallCounts:
    """Counts what happens to calls; each row covers the time since the one before."""

    def __init__(self) -> None:
        self._placed = 0
        self._setups: Counter[int] = Counter()
        self._turns: Counter[int] = Counter()

    def placed(self) -> None:
        """A call was placed."""
        self._placed += 1

    def connected(self, setup_ms: float | None) -> None:
        """Media of a call can flow."""
        if setup_ms is not None:
            self._setups[bucket_of(setup_ms)] += 1

    def replied(self, turn_latency_ms: float | None) -> None:
        """A script has heard the reply that it waited for; None when that has no latency."""
        if turn_latency_ms is not None:
            self._turns[bucket_of(turn_latency_ms)] += 1

    def take(self, progress: Iterable[Progress]) -> dict[str, Any]:
        """The columns of one row.

        :param progress: of each call in progress.
        """
        row = {
            "placed": self._placed,
            "stages": {str(stage): count for stage, count in Counter(progress).items()},
            "setup_histogram": {str(bucket): count for bucket, count in self._setups.items()},
            "turn_histogram": {str(bucket): count for bucket, count in self._turns.items()},
        }
        self._placed, self._setups, self._turns = 0, Counter(), Counter()
        return row
