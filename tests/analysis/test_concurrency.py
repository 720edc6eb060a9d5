from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from loadkit.analysis.concurrency import concurrency

moments = st.none() | st.integers(0, 20).map(float)


def table(calls: list[tuple[float | None, float | None]]) -> pd.DataFrame:
    return pd.DataFrame(calls, columns=["started_at", "ended_at"], dtype="float64")


def in_progress(calls: list[tuple[float | None, float | None]], at: float) -> int:
    return sum(1 for start, end in calls if start is not None and end is not None and start <= at < end)


def test_a_call_that_starts_as_another_ends_is_not_beside_it() -> None:
    assert concurrency(table([(0, 5), (5, 10)])).maximum == 1
    assert concurrency(table([(0, 5.001), (5, 10)])).maximum == 2


def test_calls_that_never_started_never_ended_or_took_no_time_are_not_counted() -> None:
    assert concurrency(table([(None, 5), (1, None), (3, 3), (9, 2)])).maximum == 0
    assert concurrency(table([])).maximum == 0


@given(st.lists(st.tuples(moments, moments), max_size=30))
def test_it_counts_what_counting_at_every_moment_counts(
    calls: list[tuple[float | None, float | None]],
) -> None:
    found = concurrency(table(calls))
    halves = np.arange(0, 21, 0.5)
    assert found.maximum == max(in_progress(calls, at) for at in halves)
    for at, count in zip(found.at, found.calls, strict=True):
        assert in_progress(calls, at) == count
    assert list(found.when(halves)) == [in_progress(calls, at) for at in halves]


@given(st.lists(st.tuples(moments, moments), max_size=30), st.integers(1, 7))
def test_a_bin_holds_the_most_calls_at_any_moment_within_it(
    calls: list[tuple[float | None, float | None]], width: int
) -> None:
    edges = np.arange(0, 30, width, dtype=np.float64)
    expected = [
        max(in_progress(calls, at) for at in np.arange(low, high, 0.5)) for low, high in pairwise(edges)
    ]
    assert list(concurrency(table(calls)).over(edges)) == expected
