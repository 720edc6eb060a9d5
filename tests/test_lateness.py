from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.lateness import EDGES_MS, OVERFLOW, bucket_of, percentile


def test_the_edges_are_fine_where_punctuality_is_decided() -> None:
    assert EDGES_MS[:10] == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    assert EDGES_MS[-1] == 5_000
    assert list(EDGES_MS) == sorted(set(EDGES_MS))
    assert 10.0 in EDGES_MS


@given(st.floats(-100, 10_000))
def test_a_lateness_lies_between_the_edges_of_its_bucket(late: float) -> None:
    bucket = bucket_of(late)
    assert bucket == OVERFLOW or late <= EDGES_MS[bucket]
    assert bucket == 0 or late > EDGES_MS[bucket - 1]


@given(st.lists(st.floats(0, 4_999), min_size=1, max_size=60), st.floats(0, 100))
def test_a_percentile_is_never_lower_than_the_true_one_and_at_most_its_bucket_s_edge(
    values: list[float], q: float
) -> None:
    true = sorted(values)[max(1, math.ceil(len(values) * q / 100)) - 1]
    told = percentile(Counter(map(bucket_of, values)), q)
    assert told == EDGES_MS[bucket_of(true)]
    assert told is not None
    assert told >= true


def test_no_packets_have_no_percentile_and_overflow_passes_no_limit() -> None:
    assert percentile({}, 99) is None
    assert percentile({0: 0}, 99) is None
    assert percentile({0: 1, OVERFLOW: 1}, 99) == math.inf
    with pytest.raises(ValueError, match="lies between 0 and 100"):
        percentile({0: 1}, 101)


def test_each_edge_belongs_to_its_own_bucket_and_early_packets_to_the_first() -> None:
    assert [bucket_of(edge) for edge in EDGES_MS] == list(range(len(EDGES_MS)))
    assert bucket_of(-5.0) == bucket_of(0.0) == 0
    assert bucket_of(5_000.1) == OVERFLOW == len(EDGES_MS)


@given(st.lists(st.floats(-1, 10_000), min_size=1), st.lists(st.floats(-1, 10_000), min_size=1))
def test_histograms_add_up(one: list[float], other: list[float]) -> None:
    added = Counter(map(bucket_of, one)) + Counter(map(bucket_of, other))
    assert percentile(added, 99) == percentile(Counter(map(bucket_of, one + other)), 99)
