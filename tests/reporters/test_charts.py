from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadkit.analysis.summary import summarise
from loadkit.records import STAGES
from loadkit.reporters.chart_style import Picture
from loadkit.reporters.charts import pictures
from loadkit.reporters.charts_of_setup import STAGE_COLOURS, STAGE_LABELS
from loadkit.runs import RunFolder
from loadkit.runs.reader import read_figures, read_records
from tests.synthetic import call_row, clean_run, failed_row, troubled_run, turn_row, write_run_folder


def pictures_of(folder: RunFolder) -> dict[str, Picture]:
    records, figures = read_records(folder), read_figures(folder)
    summary = summarise(records.calls, records.turns, figures, {})
    return {picture.name: picture for picture in pictures(records.calls, records.turns, figures, summary)}


def test_a_full_run_has_all_pictures_each_with_words(tmp_path: Path) -> None:
    drawn = pictures_of(clean_run(tmp_path, 100))
    assert list(drawn) == [
        "setup-over-time",
        "setup-distribution",
        "stages-over-time",
        "typical-call",
        "slowest-calls",
        "in-progress",
        "outcomes",
        "failures",
        "error-codes",
        "ice-pairs",
        "mos",
        "turn-latency",
        "turn-distribution",
        "lateness",
        "loop-lag",
        "cpu",
        "packets",
    ]
    assert all(picture.title and picture.text.endswith(".") for picture in drawn.values())
    assert [name for name, picture in drawn.items() if picture.spec is None] == ["failures", "error-codes"]
    assert all(picture.finding.endswith(".") for picture in drawn.values() if picture.spec)


@pytest.mark.parametrize(("calls", "more"), [(100, 4_000)])
def test_ten_times_the_calls_make_no_larger_pictures(tmp_path: Path, calls: int, more: int) -> None:
    few, many = (
        sum(len(json.dumps(picture.spec)) for picture in pictures_of(clean_run(tmp_path, number)).values())
        for number in (calls, more)
    )
    assert many < 2.5 * few < 300_000


def test_a_run_in_which_no_call_connected_says_so_instead_of_an_empty_picture(tmp_path: Path) -> None:
    drawn = pictures_of(write_run_folder(tmp_path, [failed_row(number) for number in range(5)]))
    assert {name for name, picture in drawn.items() if picture.spec} == {
        "in-progress",
        "outcomes",
        "failures",
        "error-codes",
        "stages-over-time",
    }
    assert drawn["cpu"].empty.startswith("No data")


def test_a_call_of_which_only_the_whole_set_up_is_known_does_not_spoil_the_pictures(tmp_path: Path) -> None:
    nothing = dict.fromkeys([*STAGES, "start_delay_ms", "greeting_ms"])
    drawn = pictures_of(write_run_folder(tmp_path, [call_row(0, **{**nothing, "setup_ms": 50.0})]))
    assert drawn["typical-call"].spec is None
    assert drawn["slowest-calls"].finding == "The slowest took 50.0 ms; its longest part is not known."


def test_a_single_call_is_enough(tmp_path: Path) -> None:
    assert pictures_of(write_run_folder(tmp_path, [call_row(0)]))["setup-over-time"].spec is not None


def test_a_run_without_calls_has_no_pictures(tmp_path: Path) -> None:
    assert pictures_of(write_run_folder(tmp_path, [])) == {}


def test_every_colour_is_one_that_the_page_can_change(tmp_path: Path) -> None:
    text = json.dumps([picture.spec for picture in pictures_of(troubled_run(tmp_path)).values()])
    assert "#" not in text.replace("\\u", "")


def test_a_line_is_broken_where_nothing_was_measured(tmp_path: Path) -> None:
    rows = [call_row(number, turns=1) for number in (*range(0, 300, 10), *range(600, 900, 10))]
    turns = [turn_row(row["call_id"], 1) for row in rows]
    spec = pictures_of(write_run_folder(tmp_path, rows, turns))["turn-latency"].spec
    assert spec is not None
    (points,) = spec["datasets"].values()
    assert {point["stretch"] for point in points if point["offset_s"] < 40} == {0}
    assert {point["stretch"] for point in points if point["offset_s"] > 50} == {1}


def test_every_call_is_said_to_have_a_score_only_when_every_call_has_it(tmp_path: Path) -> None:
    def finding(*scores: float) -> str:
        rows = [call_row(number, mos=score) for number, score in enumerate(scores)]
        return pictures_of(write_run_folder(tmp_path, rows))["mos"].finding

    assert finding(4.4, 4.4) == "Every call had 4.40."
    assert finding(3.9, 3.9, 4.4) == "The worst call had 3.90, about 0.5 seconds after the start."


def test_every_stage_has_a_name_and_every_part_of_a_waterfall_a_colour() -> None:
    assert set(STAGES) <= set(STAGE_LABELS)
    assert set(STAGE_COLOURS) <= set(STAGE_LABELS)
