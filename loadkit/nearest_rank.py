"""The bucket of a histogram that holds a percentile."""

from __future__ import annotations

import math
from collections.abc import Mapping


def bucket_at(counts: Mapping[int, int], q: float) -> int | None:
    """The bucket with the ``q``-th percentile (nearest rank); None when nothing was counted.

    :param counts: bucket → count; a higher bucket holds larger values.
    :param q: from 0 to 100.
    """
    total = sum(counts.values())
    if not total:
        return None
    rank = max(1, math.ceil(total * q / 100))
    for bucket in sorted(counts):
        rank -= counts[bucket]
        if rank <= 0:
            return bucket
    raise AssertionError("the ranks of a histogram end at its total")
