from __future__ import annotations

import pandas as pd

from loadkit.analysis.percentiles import STATISTICS, distribution, largest


def test_a_percentile_lies_between_the_values_next_to_its_rank() -> None:
    spread = distribution(pd.Series([float(value) for value in range(1, 101)]))
    assert spread == {
        "count": 100,
        "min": 1.0,
        "mean": 50.5,
        "p50": 50.5,
        "p90": 90.1,
        "p95": 95.05,
        "p99": 99.01,
        "max": 100.0,
    }
    assert tuple(spread) == STATISTICS


def test_one_value_is_all_of_its_percentiles_and_the_count_says_so() -> None:
    assert set(distribution(pd.Series([7.0])).values()) == {1, 7.0}


def test_without_values_there_are_no_percentiles() -> None:
    assert distribution(pd.Series([None, float("nan")], dtype="float64")) == {
        "count": 0,
        **dict.fromkeys(STATISTICS[1:]),
    }


def test_unmeasured_values_are_left_out_and_a_scale_applies() -> None:
    assert distribution(pd.Series([0.001, None, 0.003]), 1e3)["p50"] == 2.0
    assert distribution(pd.Series([1, None, 3], dtype="Int64"))["count"] == 2


def test_the_largest_values_are_measured_ones() -> None:
    table = pd.DataFrame({"ms": [None, 2.0, None, 9.0]}, dtype="float64")
    assert largest(table, "ms", 3)["ms"].to_list() == [9.0, 2.0]
