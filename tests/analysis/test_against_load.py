from __future__ import annotations

from typing import Any

import pandas as pd

from loadkit.analysis.against_load import MOST_RANGES, against_load
from loadkit.analysis.concurrency import concurrency

Row = tuple[float | None, float | None, float | None, str]


def calls_of(rows: list[Row]) -> pd.DataFrame:
    """Calls by when they started and ended, set-up time and outcome."""
    table = pd.DataFrame(rows, columns=["started_at", "ended_at", "setup_ms", "outcome"])
    numbers = ["started_at", "ended_at", "setup_ms"]
    return table.astype({**dict.fromkeys(numbers, "float64"), "outcome": "string"})


def waves(heights: list[int], setup_ms: float = 100.0, failing: int = 10**9) -> pd.DataFrame:
    """One wave after the other: calls that begin a second apart, all in progress until its last one has begun.

    :param setup_ms: of a call that began alone; with more in progress it takes as many times as long.
    :param failing: calls that begin when so many are in progress fail.
    """
    rows: list[Row] = []
    for wave, height in enumerate(heights):
        for place in range(height):
            began, load = wave * 1_000.0 + place, place + 1
            end = wave * 1_000.0 + height
            failed = load >= failing
            rows.append(
                (began, end, None if failed else setup_ms * load, "failed" if failed else "completed")
            )
    return calls_of(rows)


def found(calls: pd.DataFrame) -> dict[str, Any] | None:
    return against_load(calls, concurrency(calls))


def test_a_call_is_held_against_how_many_were_in_progress_when_it_began_itself_counted() -> None:
    told = found(waves([3] * 20 + [1] * 5, failing=3))
    assert told == {
        "calls": 65,
        "calls_left_out": 0,
        "bins": [
            {"from": 1, "to": 1, "mean": 1.0, "calls": 25, "finished": 25, "failed": 0, "failed_share": 0.0}
            | {"setup_ms": {"count": 25, "p50": 100.0, "p95": 100.0}},
            {"from": 2, "to": 2, "mean": 2.0, "calls": 20, "finished": 20, "failed": 0, "failed_share": 0.0}
            | {"setup_ms": {"count": 20, "p50": 200.0, "p95": 200.0}},
            {"from": 3, "to": 3, "mean": 3.0, "calls": 20, "finished": 20, "failed": 20, "failed_share": 1.0}
            | {"setup_ms": {"count": 0, "p50": None, "p95": None}},
        ],
    }


def ranges(calls: pd.DataFrame) -> list[tuple[int, int, int]]:
    """From, to, and how many calls."""
    told = found(calls)
    return [] if told is None else [(row["from"], row["to"], row["calls"]) for row in told["bins"]]


def test_neighbouring_loads_are_put_together_until_they_have_enough_calls_for_a_p95() -> None:
    assert ranges(waves([100])) == [(1, 20, 20), (21, 40, 20), (41, 60, 20), (61, 80, 20), (81, 100, 20)]
    assert ranges(waves([9] * 7)) == [(1, 3, 21), (4, 6, 21), (7, 9, 21)]
    assert len(ranges(waves([500] * 3))) == 10 <= MOST_RANGES
    assert ranges(waves([47] * 20))[-2:] == [(45, 46, 40), (47, 47, 20)]


def test_the_few_calls_at_the_highest_load_are_put_to_those_below() -> None:
    assert ranges(waves([7] * 2 + [6] * 18))[-2:] == [(5, 5, 20), (6, 7, 22)]
    assert ranges(waves([10] * 5 + [6] * 5)) == [(1, 2, 20), (3, 4, 20), (5, 6, 20), (7, 10, 20)]


def test_a_range_with_few_calls_has_no_p95_and_one_with_fewer_is_left_out_and_counted() -> None:
    # Nothing between 2 and 19 calls, and few at 20.
    late = waves([2] * 15 + [1] * 20)
    crowd = calls_of([(1e6, 1e6 + 100.0 + at, 5.0, "completed") for at in range(9)])
    told = found(pd.concat([late, crowd], ignore_index=True))
    assert told is not None
    assert [(row["to"], row["setup_ms"]["p50"], row["setup_ms"]["p95"]) for row in told["bins"]] == [
        (1, 100.0, 100.0),
        (2, 200.0, None),
    ]
    assert (told["calls"], told["calls_left_out"]) == (59, 9)


def test_nothing_is_told_when_the_load_never_varied_or_hardly_any_call_was_placed() -> None:
    assert found(waves([1] * 100)) is None
    assert found(waves([4, 3])) is None
    assert found(calls_of([])) is None


def test_a_call_that_was_cancelled_counts_with_its_set_up_and_in_no_share_of_failures() -> None:
    calls = waves([2] * 20)
    told = found(calls.assign(outcome=pd.Series(["cancelled"] * len(calls), dtype="string")))
    assert told is not None
    assert [(row["finished"], row["failed_share"], row["setup_ms"]["p95"]) for row in told["bins"]] == [
        (0, None, 100.0),
        (0, None, 200.0),
    ]


def test_a_call_that_never_started_is_left_out_and_one_that_took_no_time_was_there_when_it_began() -> None:
    rows: list[Row] = [(float(at), float(at) + 10.0, 5.0, "completed") for at in range(0, 400, 20)]
    rows += [(float(at) + 1, float(at) + 1, None, "failed") for at in range(0, 400, 20)]
    told = found(calls_of([*rows, (None, None, None, "failed")]))
    assert told is not None
    assert [(row["from"], row["calls"], row["failed_share"]) for row in told["bins"]] == [
        (1, 20, 0.0),
        (2, 20, 1.0),
    ]
