"""Latencies as a histogram that stays small and can be added up, over seconds, engines and machines.

Buckets grow by 2 %: from 0.1 ms to 10 minutes there are fewer than 800, so that a percentile read off them is at
most 2 % above the true one, and never below it. Bucket ``i`` holds ``LOWEST_MS × 1.02^(i-1) < latency <=
LOWEST_MS × 1.02^i``; bucket 0 also holds what is less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from loadkit.nearest_rank import bucket_at

LOWEST_MS = 0.1
_GROWTH = 1.02
_LOG_GROWTH = math.log(_GROWTH)
#: What takes longer than ten minutes is counted here.
LAST_BUCKET = math.ceil(math.log(600_000 / LOWEST_MS) / _LOG_GROWTH)


def bucket_of(latency_ms: float) -> int:
    """The bucket that a latency is counted in."""
    if latency_ms <= LOWEST_MS:
        return 0
    # Rounded first: a latency that is an edge must not fall into the bucket above it by the last bit.
    return min(LAST_BUCKET, math.ceil(round(math.log(latency_ms / LOWEST_MS) / _LOG_GROWTH, 6)))


def edge_ms(bucket: int) -> float:
    """The upper edge of a bucket in milliseconds."""
    return LOWEST_MS * _GROWTH**bucket


def percentile(counts: Mapping[int, int], q: float) -> float | None:
    """The upper edge of the bucket that holds the ``q``-th percentile (nearest rank), in ms; None without values."""
    bucket = bucket_at(counts, q)
    return None if bucket is None else edge_ms(bucket)
