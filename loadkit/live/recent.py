"""What has happened lately: a latency over the last minute, a count over the last seconds.

Both forget what is older in steps of a second, and hold no more than a fixed number of small things.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from loadkit.latency_buckets import percentile

LATENCY_S = 60
RATE_S = 10

#: Values below which a percentile is little more than the maximum, and is not told.
LEAST = {"p50": 1, "p95": 20, "p99": 100}


class RecentLatency:
    """Of the last minute."""

    def __init__(self) -> None:
        self._seconds: deque[tuple[int, Counter[int]]] = deque()
        self._total: Counter[int] = Counter()

    def add(self, counts: Mapping[int, int], now: float) -> None:
        """Latencies that were measured in the last second, by bucket."""
        self._forget(now)
        if not counts:
            return
        if not self._seconds or self._seconds[-1][0] != int(now):
            self._seconds.append((int(now), Counter()))
        self._seconds[-1][1].update(counts)
        self._total.update(counts)

    def view(self, now: float) -> dict[str, Any]:
        """``count`` and percentiles in milliseconds; None where there are too few values for one."""
        self._forget(now)
        count = self._total.total()
        shown: dict[str, Any] = {"count": count}
        for name, least in LEAST.items():
            value = percentile(self._total, float(name[1:])) if count >= least else None
            shown[name] = None if value is None else round(value, 1)
        return shown

    def _forget(self, now: float) -> None:
        while self._seconds and self._seconds[0][0] <= now - LATENCY_S:
            self._total -= self._seconds.popleft()[1]


class RecentCount:
    """A count of the last seconds, and the whole."""

    def __init__(self) -> None:
        self.total = 0
        self._seconds: deque[tuple[int, int]] = deque()
        self._began: float | None = None

    def add(self, count: int, now: float) -> None:
        """So many in the second that is just over."""
        if self._began is None:
            self._began = now - 1
        self.total += count
        if self._seconds and self._seconds[-1][0] == int(now):
            count += self._seconds.pop()[1]
        self._seconds.append((int(now), count))

    def per_second(self, now: float) -> float | None:
        """Over the last ten seconds, or since the first count; None before."""
        while self._seconds and self._seconds[0][0] <= now - RATE_S:
            self._seconds.popleft()
        if self._began is None:
            return None
        span = min(RATE_S, max(1.0, now - self._began))
        return round(sum(count for _, count in self._seconds) / span, 2)
