"""Latencies in buckets of 2 %: never told too low, never more than 2 % too high."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.latency_buckets import LAST_BUCKET, bucket_of, edge_ms, percentile


@given(st.floats(0.1, 600_000))
def test_the_edge_of_a_latency_s_bucket_is_at_most_2_percent_above_it(latency_ms: float) -> None:
    edge = edge_ms(bucket_of(latency_ms))
    assert latency_ms * (1 - 1e-6) <= edge <= latency_ms * 1.0201


def test_every_latency_has_a_bucket() -> None:
    assert bucket_of(0.0) == bucket_of(-1.0) == 0
    assert bucket_of(1e12) == LAST_BUCKET < 800


def test_percentiles_are_those_of_the_nearest_rank() -> None:
    counts = Counter(bucket_of(float(value)) for value in range(1, 101))
    assert percentile(counts, 50) == pytest.approx(50, rel=0.021)
    assert percentile(counts, 99) == pytest.approx(99, rel=0.021)
    assert percentile({}, 50) is None
