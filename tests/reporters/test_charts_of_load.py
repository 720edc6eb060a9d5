from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loadkit.reporters.chart_marks import with_limits
from loadkit.reporters.chart_style import Picture
from loadkit.reporters.charts_of_load import load_pictures


def row_of(low: int, high: int, p50: float | None, p95: float | None, failed: int = 0) -> dict[str, Any]:
    return {
        "from": low,
        "to": high,
        "mean": (low + high) / 2,
        "calls": 50,
        "finished": 40,
        "failed": failed,
        "failed_share": failed / 40,
        "setup_ms": {"count": 45, "p50": p50, "p95": p95},
    }


def pictures_of(bins: Sequence[dict[str, Any]], left_out: int = 0) -> list[Picture]:
    return load_pictures({"against_load": {"calls": 1, "calls_left_out": left_out, "bins": bins}})


def points_of(picture: Picture) -> list[dict[str, Any]]:
    assert picture.spec is not None
    (points,) = picture.spec["datasets"].values()
    return list(points)


SLOWER = [row_of(1, 10, 100.0, None), row_of(11, 20, 110.0, 250.0), row_of(31, 40, 900.0, 1_900.0, failed=4)]


def test_the_pictures_tell_both_ends_in_words_and_have_the_calls_behind_each_point() -> None:
    setup, failed = pictures_of(SLOWER, 7)
    assert setup.finding == (
        "Set-up p50 was 100 ms at 1 to 10 calls in progress and 900 ms at 31 to 40. "
        "Set-up p95 was 250 ms at 11 to 20 calls in progress and 1,900 ms at 31 to 40."
    )
    assert failed.finding == (
        "The share of failed calls was 0 % at 1 to 10 calls in progress and 10 % at 31 to 40."
    )
    assert setup.text.endswith(" Not shown: 7 calls that began at rarer loads.")
    assert [
        (point["percentile"], point["mean"], point["ms"], point["count"]) for point in points_of(setup)
    ] == [
        ("p50", 5.5, 100.0, 45),
        ("p50", 15.5, 110.0, 45),
        ("p50", 35.5, 900.0, 45),
        ("p95", 15.5, 250.0, 45),
        ("p95", 35.5, 1_900.0, 45),
    ]
    assert [(point["failed"], point["finished"]) for point in points_of(failed)] == [
        (0, 40),
        (0, 40),
        (4, 40),
    ]


def test_a_line_is_broken_where_loads_have_no_calls_over_more_than_a_range() -> None:
    far = [*SLOWER, row_of(61, 70, 1_000.0, None)]
    assert [point["stretch"] for point in points_of(pictures_of(far)[0])] == [0, 0, 0, 1, 0, 0]


def test_what_was_highest_in_the_middle_is_told() -> None:
    (setup,) = pictures_of([row_of(1, 1, 10.0, 10.0), row_of(2, 2, 90.0, 95.0), row_of(3, 3, 20.0, 20.0)])
    assert "and 20.0 ms at 3; highest, 90.0 ms, at 2." in setup.finding


def test_a_threshold_s_limit_lies_across_the_set_up_time_and_not_along_the_load() -> None:
    threshold = {
        "subject": "setup_ms p95",
        "operator": "<",
        "limit": 2.0,
        "unit": "s",
        "text": "t",
        "where": {},
    }
    setup, failed = (with_limits(picture, [threshold]) for picture in pictures_of(SLOWER))
    assert setup.spec is not None
    fields = [layer["encoding"].get("y", {}).get("field") for layer in setup.spec["layer"]]
    assert fields == ["ms", "ms", "limit", "limit", "limit"]  # the rule, its words, and the paper behind them
    assert "Dashed red" in setup.text
    assert failed == pictures_of(SLOWER)[1]


def test_where_nothing_failed_or_nothing_was_set_up_it_is_said() -> None:
    (setup,) = pictures_of([row_of(1, 1, 10.0, 10.0), row_of(2, 2, 20.0, 20.0)])
    assert setup.finding.endswith(" No call failed at any of these loads.")
    setup, failed = pictures_of([row_of(1, 1, None, None, 40), row_of(2, 2, None, None, 40)])
    assert (setup.spec, setup.empty) == (None, "At no load were enough calls set up.")
    assert failed.finding == "The share of failed calls was 100 % at 1 call in progress and 100 % at 2."


def test_a_run_whose_load_never_varied_has_no_such_pictures() -> None:
    assert load_pictures({"against_load": None}) == []
