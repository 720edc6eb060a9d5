from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loadkit.analysis.summary import summarise
from loadkit.runs import RunFolder
from loadkit.runs.reader import read_figures, read_records, read_run
from tests.synthetic import (
    STARTED_AT,
    call_row,
    clean_run,
    failed_row,
    figures_row,
    run_document,
    troubled_run,
    turn_row,
    write_run_folder,
)


def summary_of(folder: RunFolder) -> dict[str, Any]:
    records = read_records(folder)
    summary = summarise(records.calls, records.turns, read_figures(folder), read_run(folder))
    json.dumps(summary, allow_nan=False)
    return summary


def test_an_empty_run_has_every_key_and_measures_nothing(tmp_path: Path) -> None:
    empty = summary_of(write_run_folder(tmp_path, [], run={}))
    full = summary_of(clean_run(tmp_path, 20))
    assert empty.keys() == full.keys()
    for part in ("run", "calls", "stages", "turns", "media", "ice", "generator", "verdict"):
        assert empty[part].keys() == full[part].keys()
    assert empty["media"]["packets_lost"] is None
    assert empty["media"]["no_audio"] is None
    assert empty["turns"]["no_response"] is None
    assert empty["generator"]["fit"] is None
    assert empty["worst_stage"] is None
    assert empty["run"]["started_at"] is None
    assert empty["verdict"]["status"] == "no data"


def test_the_numbers_of_a_clean_run(tmp_path: Path) -> None:
    summary = summary_of(clean_run(tmp_path, 100))
    assert summary["version"] == 1
    assert summary["calls"] == {
        "total": 100,
        "completed": 100,
        "failed": 0,
        "hung_up": 0,
        "cancelled": 0,
        "connected": 100,
        "connected_minutes": 16.667,
        "callers": 50,
        "concurrent_max": 100,
    }
    assert summary["errors"] == summary["failed_stages"] == {}
    assert summary["worst_stage"]["stage"] == "answer_ms"
    assert summary["turns"]["count"] == 30
    assert summary["media"]["packets_lost"] == 6
    assert summary["media"]["fraction_lost"] == pytest.approx(6 / (100 * 499), abs=1e-6)
    assert sum(summary["ice"]["pairs"].values()) == 100
    assert summary["generator"]["engines"] == 2
    assert summary["generator"]["fit"] is True
    assert summary["verdict"]["status"] == "pass"


def test_the_numbers_of_a_run_with_troubles(tmp_path: Path) -> None:
    summary = summary_of(troubled_run(tmp_path))
    assert summary["errors"]["ANSWER_TIMEOUT"] == summary["calls"]["failed"] - sum(
        count for code, count in summary["errors"].items() if code != "ANSWER_TIMEOUT"
    )
    assert next(iter(summary["errors"])) == "ANSWER_TIMEOUT"
    assert summary["run"]["workers_lost"] == 1
    assert len(summary["generator"]["unfit_reasons"]) == 2
    assert summary["generator"]["late_ms_max"] == 5_000
    assert summary["verdict"]["status"] == "fail"


def test_any_number_of_codes_leaves_a_summary_of_bounded_size(tmp_path: Path) -> None:
    rows = [failed_row(number, f"CODE_{number}") for number in range(500)]
    errors = summary_of(write_run_folder(tmp_path, rows))["errors"]
    assert len(errors) == 101
    assert errors["(other codes)"] == 400


def test_a_killed_run_ends_with_its_last_sign_of_life(tmp_path: Path) -> None:
    run = run_document(ended_at=None, ended_by=None)
    summary = summary_of(write_run_folder(tmp_path, [call_row(0)], (), [figures_row(60)], run))
    assert summary["run"]["ended_at"] == STARTED_AT + 60
    assert summary["run"]["ended_by"] is None
    without = summary_of(write_run_folder(tmp_path, [call_row(0)], (), [figures_row(60)], {}))
    assert without["run"]["duration_s"] == 60
    assert without["run_id"] == "synthetic"


def test_times_of_a_run_may_be_iso_8601(tmp_path: Path) -> None:
    run = run_document(started_at="2026-03-16T09:00:00+00:00", ended_at="2026-03-16T10:01:00+01:00")
    assert summary_of(write_run_folder(tmp_path, [], run=run))["run"]["duration_s"] == 60


def test_nonsense_in_run_json_does_not_stop_the_summary(tmp_path: Path) -> None:
    run = run_document(started_at="soon", ended_at=True, workers="many", ended_by=7, settings=None)
    assert summary_of(write_run_folder(tmp_path, [call_row(0)], run=run))["run"]["workers_lost"] == 0


def test_without_figures_the_calls_tell_what_the_generator_skipped(tmp_path: Path) -> None:
    generator = summary_of(write_run_folder(tmp_path, [call_row(0, frames_skipped=4)]))["generator"]
    assert generator["frames_skipped"] == 4
    assert generator["fit"] is None


def test_a_run_that_the_watchdog_ended_is_unfit_and_says_why(tmp_path: Path) -> None:
    run = run_document(
        ended_by="stalled", stalled="Engine local.0 told nothing for 15 s: look at its machine."
    )
    rows = [call_row(0), failed_row(1, "ENGINE_STALLED")]
    summary = summary_of(write_run_folder(tmp_path, rows, (), [figures_row(0), figures_row(1)], run))
    assert summary["generator"]["unfit_reasons"][0] == run["stalled"]
    assert summary["verdict"]["status"] == "unfit generator"
    assert run["stalled"] in summary["verdict"]["sentence"]


def test_each_process_has_its_own_figures(tmp_path: Path) -> None:
    generator = summary_of(clean_run(tmp_path, 100))["generator"]
    assert list(generator["processes"]) == ["local.0", "local.1", "local.locust"]
    engine, locust = generator["processes"]["local.0"], generator["processes"]["local.locust"]
    assert engine["calls_max"] == 50
    assert engine["packets_sent_per_s"] > 1_000
    assert 0 < engine["late_ms_p50"] < engine["late_ms_p99"] < engine["late_ms_max"]
    assert engine["threads_max"] == 3
    assert (locust["calls_max"], locust["packets_sent_per_s"], locust["late_ms_p99"]) == (None, None, None)
    assert generator["locust_cpu_share"] == locust["cpu_share"] == 0.12
    assert generator["engines"] == 2


def test_any_number_of_engines_leaves_a_summary_of_bounded_size(tmp_path: Path) -> None:
    rows = [figures_row(0, f"worker-{number}.0", calls=number) for number in range(150)]
    processes = summary_of(write_run_folder(tmp_path, [], (), rows))["generator"]["processes"]
    assert list(processes) == [f"worker-{number}.0" for number in range(50, 150)]


def test_turns_without_a_reply_are_counted_and_have_no_latency(tmp_path: Path) -> None:
    turns = [turn_row("call-000000", 1), turn_row("call-000000", 2, turn_latency_ms=None, no_response=True)]
    found = summary_of(write_run_folder(tmp_path, [call_row(0)], turns))["turns"]
    assert (found["count"], found["no_response"], found["turn_latency_ms"]["count"]) == (2, 1, 1)
