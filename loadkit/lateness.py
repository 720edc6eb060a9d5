"""How late packets were sent against the 20 ms clock: a histogram that engines fill and reports add up.

A run of an hour sends millions of packets; what is kept of them is a count per bucket. The buckets are
narrow where punctuality is decided (0.1 ms below 1 ms, 0.5 ms below 10 ms) and wide where only the size of
a stall matters. Counts of seconds, engines and machines can be added up, which percentiles cannot.

Bucket ``i`` holds ``EDGES_MS[i - 1] < lateness <= EDGES_MS[i]``; bucket 0 also holds what was early, and the
bucket after the last edge, ``OVERFLOW``, what was later than any edge.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping

from loadkit.late_counts import added_up as added_up
from loadkit.nearest_rank import bucket_at

_STEPS = ((1.0, 0.1), (10.0, 0.5), (100.0, 5.0), (1_000.0, 50.0), (5_000.0, 500.0))
"""(upper end, width of a bucket) of each range, in milliseconds."""


def _edges() -> tuple[float, ...]:
    edges: list[float] = []
    low = 0.0
    for high, width in _STEPS:
        buckets = round((high - low) / width)
        edges += [round(low + number * width, 1) for number in range(1, buckets + 1)]
        low = high
    return tuple(edges)


#: Upper edges of the buckets in milliseconds, rising.
EDGES_MS: tuple[float, ...] = _edges()

#: Index of the bucket for what was later than the last edge.
OVERFLOW = len(EDGES_MS)


def bucket_of(late_ms: float) -> int:
    """The index of the bucket that a packet sent ``late_ms`` after its time is counted in."""
    return bisect_left(EDGES_MS, late_ms)


def percentile(counts: Mapping[int, int], q: float) -> float | None:
    """The upper edge of the bucket that holds the ``q``-th percentile (nearest rank), in milliseconds.

    Never lower than the true value, and less than one bucket above it. ``None`` without packets;
    ``inf`` when it lies in the overflow bucket, so that no limit can be passed by it.
    """
    if not 0 <= q <= 100:
        raise ValueError(f"a percentile lies between 0 and 100, not at {q}")
    bucket = bucket_at(counts, q)
    if bucket is None:
        return None
    return EDGES_MS[bucket] if bucket < OVERFLOW else math.inf


def percentile_shown(counts: Mapping[int, int], q: float) -> float | None:
    """As :func:`percentile`, but finite, as JSON wants it: what was later than any edge is told as the last edge."""
    late_ms = percentile(counts, q)
    return None if late_ms is None else min(late_ms, EDGES_MS[-1])
