from __future__ import annotations

import json
from typing import Any

import altair as alt
import pytest

from loadkit.reporters.chart_marks import MOST_MARKS, marks_of, marks_tables, with_limits, with_marks
from loadkit.reporters.chart_style import Elapsed, Picture, data, finished

AXIS = Elapsed(100.0)


def picture(zooms: bool = True, measure: str = "setup_ms") -> Picture:
    values = data([{"offset_s": 1.0, "ms": 100.0}, {"offset_s": 50.0, "ms": 200.0}])
    y = alt.Y("ms:Q", scale=alt.Scale(domain=[0, 220]))
    spec = finished(alt.Chart(values).mark_line().encode(x=AXIS.x(), y=y))
    return Picture("some", "Some", "Text.", spec, zooms=zooms, measure=measure)


def threshold(limit: float, unit: str = "ms", subject: str = "setup_ms p95", **more: Any) -> dict[str, Any]:
    return {
        "subject": subject,
        "operator": "<",
        "limit": limit,
        "unit": unit,
        "text": "t",
        "where": {},
        **more,
    }


def datasets(changed: Picture) -> dict[str, Any]:
    assert changed.spec is not None
    found: dict[str, Any] = changed.spec["datasets"]
    return found


def test_marks_are_told_by_time_and_what_is_no_mark_is_left_out() -> None:
    run = {
        "marks": [
            {"at": 30, "text": "late"},
            {"at": 10.5, "text": "early"},
            "x",
            {"text": "never"},
            {"at": None},
        ]
    }
    marks = marks_of(run, 10.0)
    assert [(mark.number, mark.offset_s, mark.text) for mark in marks] == [
        (1, 0.5, "early"),
        (2, 20.0, "late"),
    ]
    assert marks_of({"marks": "no list"}, 10.0) == marks_of(run, None) == marks_of({}, 10.0) == []


def test_a_picture_over_time_has_a_labelled_rule_at_each_mark() -> None:
    marks = marks_of({"marks": [{"at": 30, "text": "failover"}]}, 10.0)
    rows = datasets(with_marks(picture(), marks, AXIS))["marks"]
    assert [(row["offset_s"], row["label"], row["mark"]) for row in rows] == [
        (20.0, "1 failover", "1: failover")
    ]
    assert with_marks(picture(zooms=False), marks, AXIS) == picture(zooms=False)


def test_a_mark_outside_the_picture_does_not_stretch_it() -> None:
    marks = marks_of({"marks": [{"at": 5, "text": "before"}, {"at": 500, "text": "after"}]}, 10.0)
    assert with_marks(picture(), marks, AXIS) == picture()


def test_many_marks_have_numbers_and_a_bound_and_the_table_says_what_is_left_out() -> None:
    marks = marks_of({"marks": [{"at": at / 10, "text": "x" * 500} for at in range(1_000)]}, 0.0)
    rows = datasets(with_marks(picture(), marks, AXIS))["marks"]
    assert len(rows) == MOST_MARKS
    assert rows[9]["label"] == "10"
    (table,) = marks_tables(marks)
    assert len(table.rows) == MOST_MARKS
    assert "The last 940 are left out" in table.caption


@pytest.mark.parametrize("text", ["</script><b>", "datum.x + 1", "\x1b[31m\u202e", "{{ 7 * 7 }}"])
def test_the_text_of_a_mark_is_data_and_never_a_part_of_the_specification(text: str) -> None:
    changed = with_marks(picture(), marks_of({"marks": [{"at": 5, "text": text}]}, 0.0), AXIS)
    assert changed.spec is not None
    without = {key: value for key, value in changed.spec.items() if key != "datasets"}
    assert text[:6] not in json.dumps(without)
    assert "\x1b" not in datasets(changed)["marks"][0]["mark"]


def test_the_limit_of_a_threshold_is_a_rule_in_the_unit_of_the_picture_with_room_for_it() -> None:
    changed = with_limits(picture(), [threshold(0.3, "s", where={"mode": "echo"})])
    row = datasets(changed)["limits"][0]
    assert (row["limit"], row["label"]) == (300.0, "p95 < 0.3 s, echo")
    assert changed.spec is not None
    assert changed.spec["layer"][0]["encoding"]["y"]["scale"]["domain"] == [0, 324.0]


def test_a_limit_at_the_edge_of_a_picture_that_ends_where_its_values_do_has_room_for_its_words() -> None:
    drawn = picture()
    assert drawn.spec is not None
    drawn.spec["encoding"]["y"]["scale"] = {"zero": True}
    low, high = with_limits(drawn, [threshold(100.0)]), with_limits(drawn, [threshold(210.0)])
    assert low.spec is not None
    assert high.spec is not None
    assert low.spec["layer"][0]["encoding"]["y"]["scale"] == {"zero": True}
    assert high.spec["layer"][0]["encoding"]["y"]["scale"] == {"zero": True, "domainMax": 226.8}


def test_the_limit_of_a_score_is_drawn_without_a_unit() -> None:
    row = datasets(with_limits(picture(measure="mos"), [threshold(4, "", "mos min", operator=">")]))[
        "limits"
    ][0]
    assert (row["limit"], row["label"]) == (4.0, "min > 4")


@pytest.mark.parametrize(
    "other",
    [
        threshold(1, "%", "failed"),
        threshold(9, subject="turn_latency_ms p50"),
        threshold(100, "", "setup_ms count", operator=">="),
    ],
)
def test_a_threshold_on_something_else_is_not_drawn(other: dict[str, Any]) -> None:
    assert with_limits(picture(), [other]) == picture()


def test_a_limit_far_above_the_values_is_told_and_does_not_squeeze_them() -> None:
    changed = with_limits(picture(), [threshold(9_000.0)])
    assert "limits" not in datasets(changed)
    assert "the limit p95 < 9,000 ms" in changed.text
