from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from loadkit.analysis.histogram import BINS, histogram

latencies = st.floats(0.001, 1e6, allow_nan=False)


@given(st.lists(latencies, min_size=1, max_size=50))
def test_every_value_is_counted_once_in_rising_bins(values: list[float]) -> None:
    spread = histogram(np.array(values))
    assert spread is not None
    assert sum(spread.counts) == len(values)
    assert len(spread.edges) == len(spread.counts) + 1 <= BINS + 1
    assert list(spread.edges) == sorted(spread.edges)


def test_only_values_that_spread_far_need_a_logarithmic_axis() -> None:
    near, far, zero = (
        histogram(np.array(values)) for values in ([90.0, 110.0], [90.0, 9_000.0], [0.0, 9_000.0])
    )
    assert near is not None
    assert far is not None
    assert zero is not None
    assert (near.logarithmic, far.logarithmic, zero.logarithmic) == (False, True, False)


def test_without_values_there_is_no_histogram() -> None:
    assert histogram(np.array([])) is None
