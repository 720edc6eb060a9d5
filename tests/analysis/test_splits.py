from __future__ import annotations

import pandas as pd
import pytest

from loadkit.analysis.splits import (
    MOST_GROUPS,
    OTHERS,
    UNKNOWN,
    coarser,
    failed_over,
    group_figures,
    groups_of,
    p95_over,
)
from loadkit.analysis.timeline import Timeline
from loadkit.runs.reader import Records, read_records
from tests.synthetic import STARTED_AT, call_row, failed_row, turn_row, write_run_folder


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Records:
    rows = [call_row(number, scenario="a" if number % 3 else "b") for number in range(90)]
    rows += [{**failed_row(number), "scenario": None} for number in range(90, 100)]
    turns = [turn_row(rows[0]["call_id"], 1, turn_latency_ms=700.0)]
    return read_records(write_run_folder(tmp_path_factory.mktemp("reports"), rows, turns))


def test_groups_are_the_values_of_a_column_with_most_calls_first(records: Records) -> None:
    groups = groups_of(records.calls, "scenario")
    assert groups is not None
    assert list(groups.cat.categories) == ["a", "b", UNKNOWN]
    figures = group_figures(records.calls, records.turns, groups)
    assert {name: (one["calls"], one["failed"]) for name, one in figures.items()} == {
        "a": (60, 0),
        "b": (30, 0),
        UNKNOWN: (10, 10),
    }
    assert figures["b"]["turn_latency_ms"]["p50"] == 700.0
    assert figures[UNKNOWN]["setup_ms"]["count"] == 0
    assert figures[UNKNOWN]["fraction_lost"] is None


def test_calls_that_are_all_alike_are_not_split(records: Records) -> None:
    assert groups_of(records.calls, "mode") is None


def test_a_thousand_engines_are_few_groups_and_the_others(records: Records) -> None:
    engines = [f"w.{number % 50}" for number in range(len(records.calls))]
    groups = groups_of(records.calls.assign(engine=pd.array(engines, dtype="string")), "engine")
    assert groups is not None
    assert len(groups.cat.categories) == MOST_GROUPS + 1
    assert groups.cat.categories[-1] == OTHERS
    assert groups.notna().all()


def test_names_that_look_alike_when_printed_stay_apart(records: Records) -> None:
    names = ["x" * 60 + str(number % 2) for number in range(len(records.calls))]
    groups = groups_of(records.calls.assign(scenario=pd.array(names, dtype="string")), "scenario")
    assert groups is not None
    assert len(groups.cat.categories) == 2


def test_over_time_each_group_has_its_own_values(records: Records) -> None:
    times = Timeline(STARTED_AT, 5.0, 5)
    groups = groups_of(records.calls, "scenario")
    assert groups is not None
    table = p95_over(times, records.calls["intended_at"], records.calls["setup_ms"], groups)
    assert table.groupby("group")["count"].sum().to_dict() == {"a": 60, "b": 30}
    failed = records.calls[records.calls["outcome"] == "failed"]
    assert failed_over(times, failed, groups[failed.index])["calls"].sum() == 10


def test_fewer_pieces_cover_the_same_time() -> None:
    assert coarser(Timeline(0.0, 10.0, 119)) == Timeline(0.0, 20.0, 60)
    assert coarser(Timeline(0.0, 10.0, 60)) == Timeline(0.0, 10.0, 60)
