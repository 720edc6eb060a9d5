from __future__ import annotations

from pathlib import Path

import pytest

from loadkit.analysis.splits import coarser
from loadkit.analysis.timeline import (
    MOST_BINS,
    generator_over,
    in_progress_over,
    outcomes_over,
    percentiles_over,
    timeline,
)
from loadkit.runs.reader import read_figures, read_records
from tests.synthetic import STARTED_AT, call_row, failed_row, figures_row, write_run_folder


def test_a_run_of_minutes_is_cut_into_round_pieces(tmp_path: Path) -> None:
    calls = read_records(
        write_run_folder(tmp_path, [call_row(number) for number in range(0, 3_000, 100)])
    ).calls
    times = timeline(calls, read_figures(write_run_folder(tmp_path, [])), STARTED_AT)
    assert times is not None
    assert (times.width_s, times.start) == (5.0, STARTED_AT)
    assert times.bins <= MOST_BINS


def test_a_run_of_days_has_no_more_pieces(tmp_path: Path) -> None:
    rows = [call_row(0), call_row(1, ended_at=STARTED_AT + 300 * 86_400)]
    records = read_records(write_run_folder(tmp_path, rows))
    times = timeline(records.calls, read_figures(write_run_folder(tmp_path, [])), None)
    assert times is not None
    assert times.bins <= MOST_BINS


def test_what_happened_is_counted_in_its_piece(tmp_path: Path) -> None:
    rows = [
        call_row(0, setup_ms=100.0),
        call_row(1, setup_ms=200.0),
        failed_row(2),
        call_row(50, setup_ms=900.0),
    ]
    figures = [figures_row(0, cpu_share=0.4), figures_row(0, "local.1", cpu_share=0.2), figures_row(3)]
    folder = write_run_folder(tmp_path, rows, (), figures)
    calls, engines = read_records(folder).calls, read_figures(folder)
    times = timeline(calls, engines, STARTED_AT)
    assert times is not None
    over = percentiles_over(times, calls["intended_at"], calls["setup_ms"])
    assert over[["offset_s", "count", "p50"]].to_dict("list") == {
        "offset_s": [0.5, 5.5],
        "count": [2, 1],
        "p50": [150.0, 900.0],
    }
    assert in_progress_over(times, calls)["calls"].max() == 4
    ended = outcomes_over(times, calls)
    assert sorted(ended["outcome"].repeat(ended["calls"].to_list())) == ["completed"] * 3 + ["failed"]
    generator = generator_over(times, engines)
    assert generator["offset_s"].to_list() == [0.5, 3.5]
    assert (generator["busiest"][0], generator["mean"][0]) == pytest.approx((0.4, 0.3))


def test_a_steady_load_has_the_same_packets_a_second_in_every_piece_also_in_the_last(tmp_path: Path) -> None:
    # Rows come a little later each time: a second can hold none, and the last piece is seldom full.
    figures = [
        figures_row(0, engine, calls=10, at=STARTED_AT + 0.3 + 1.02 * number, seconds=1.02)
        for number in range(124)
        for engine in ("local.0", "local.1")
    ]
    engines = read_figures(write_run_folder(tmp_path, [], (), figures))
    times = timeline(read_records(write_run_folder(tmp_path, [])).calls, engines, STARTED_AT)
    assert times is not None
    for pieces in (times, coarser(times)):
        packets = generator_over(pieces, engines)["packets_sent"]
        assert packets.to_list() == pytest.approx([2 * 500 / 1.02] * pieces.bins)


def test_nothing_that_happened_is_no_timeline(tmp_path: Path) -> None:
    folder = write_run_folder(tmp_path, [])
    assert timeline(read_records(folder).calls, read_figures(folder), STARTED_AT) is None
