from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loadkit.analysis.drift_series import part_of
from loadkit.analysis.drift_verdict import with_drift
from loadkit.analysis.summary import summarise
from loadkit.analysis.verdict import Status, Verdict
from loadkit.reporters import write_reports
from loadkit.reporters.text_summary import text_summary
from loadkit.runs import RunFolder
from loadkit.runs.reader import read_arrivals, read_figures, read_health, read_records, read_run
from tests.soaking import soak_run
from tests.synthetic import STARTED_AT, call_row, clean_run, figures_row, write_run_folder


def _summary(folder: RunFolder) -> dict[str, Any]:
    records = read_records(folder)
    run = read_run(folder)
    return summarise(
        records.calls, records.turns, read_figures(folder), run, read_arrivals(folder), read_health(folder)
    )


def _measure(summary: dict[str, Any], name: str, process: str | None = None) -> dict[str, Any]:
    rows = summary["drift"]["measures"]
    return next(row for row in rows if row["measure"] == name and row["process"] in (process, None))


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return _summary(soak_run(tmp_path_factory.mktemp("steady"), others=5))


def test_a_steady_run_is_steady_in_all_that_was_measured(steady: dict[str, Any]) -> None:
    assert steady["drift"]["status"] == "steady", steady["drift"]["sentence"]
    assert {row["status"] for row in steady["drift"]["measures"]} == {"steady"}
    found = {(row["measure"], row["process"]) for row in steady["drift"]["measures"]}
    assert found >= {
        ("setup_ms", None),
        ("turn_latency_ms", None),
        ("failed", None),
        ("sessions_unaccounted", None),
        ("sessions_left", None),
        ("rss_bytes", "local.0"),
        ("rss_bytes", "local.locust"),
        ("tasks", "local.0"),
        ("late_ms_p99", "local.0"),
    }
    assert steady["verdict"]["status"] == "pass"


def test_a_load_has_not_settled_because_a_second_holds_two_rows_of_an_engine(tmp_path: Path) -> None:
    # One call more each second for 100 s; the row of the 59th came late.
    at = [*range(59), 60.001, 60.999, *range(61, 300)]
    figures = [
        figures_row(second, calls=min(100, second), at=STARTED_AT + at[second]) for second in range(300)
    ]
    folder = write_run_folder(tmp_path, [call_row(0), call_row(3_000)], (), figures)
    part = part_of(read_records(folder).calls, read_figures(folder), STARTED_AT)
    assert part is not None
    assert part.begin == pytest.approx(90, abs=1)


def test_sessions_of_others_are_neither_leaked_nor_ours(steady: dict[str, Any]) -> None:
    sessions = steady["sessions"]
    assert (sessions["before"], sessions["left"], sessions["left_state"]) == (5, 0, "gone")
    assert sessions["active_max"] == 9
    assert _measure(steady, "sessions_unaccounted")["first"] == 5


def test_a_slowdown_drifts_for_the_worse_and_fails_a_run_that_asked_for_it(tmp_path: Path) -> None:
    folder = soak_run(tmp_path, slower_ms_per_minute=8)
    summary = write_reports(folder)
    setup = _measure(summary, "setup_ms")
    assert (setup["status"], setup["direction"]) == ("drifts", "worse")
    assert setup["slope_low"] < 8 * 60 < setup["slope_high"]
    assert (summary["drift"]["status"], summary["drift"]["direction"]) == ("drifts", "worse")
    assert summary["drift"]["sentence"].startswith("Over the run set-up time rose from ")
    assert summary["verdict"]["status"] == "fail"
    assert "drift         drifts: Over the run set-up time rose" in text_summary(summary)
    page = folder.report.read_text(encoding="utf-8")
    assert "Drift over the run" in page
    assert '"drift-setup-ms"' in page
    assert "The gateway&#39;s sessions" in page or "The gateway's sessions" in page
    json.dumps(summary, allow_nan=False)


def test_what_gets_faster_drifts_for_the_better_and_fails_nothing(tmp_path: Path) -> None:
    summary = _summary(soak_run(tmp_path, slower_ms_per_minute=-8))
    assert (summary["drift"]["status"], summary["drift"]["direction"]) == ("drifts", "better")
    assert summary["verdict"]["status"] == "pass"


def test_sessions_that_leak_grow_beyond_our_calls_and_are_left_at_the_end(tmp_path: Path) -> None:
    summary = _summary(soak_run(tmp_path, leaks=0.02, others=5))
    assert _measure(summary, "sessions_unaccounted")["direction"] == "worse"
    assert _measure(summary, "sessions_left")["change"] == 24
    assert (summary["sessions"]["left"], summary["sessions"]["left_state"]) == (24, "stay")
    assert summary["drift"]["direction"] == "worse"


def test_a_leak_is_found_in_a_run_that_is_too_short_for_all_else(tmp_path: Path) -> None:
    summary = _summary(soak_run(tmp_path, minutes=1, leaks=0.1))
    assert [row["measure"] for row in summary["drift"]["measures"]] == ["sessions_left"]
    assert (summary["drift"]["status"], summary["drift"]["direction"]) == ("drifts", "worse")


def test_a_brief_run_is_not_steady_because_no_session_was_left(tmp_path: Path) -> None:
    summary = _summary(soak_run(tmp_path, minutes=1))
    assert [row["status"] for row in summary["drift"]["measures"]] == ["steady"]
    assert summary["drift"]["status"] == "too short to say"
    assert summary["verdict"]["status"] == "no data"  # --fail-on-drift


def test_our_own_leak_is_told_of_its_process(tmp_path: Path) -> None:
    summary = _summary(soak_run(tmp_path, engine_mb_per_minute=3))
    assert _measure(summary, "rss_bytes", "local.0")["direction"] == "worse"
    assert _measure(summary, "rss_bytes", "local.locust")["status"] == "steady"
    assert "memory of local.0" in summary["drift"]["sentence"]


def test_a_run_of_seconds_is_too_short_and_its_text_does_not_speak_of_drift(tmp_path: Path) -> None:
    summary = _summary(clean_run(tmp_path, 50))
    assert summary["drift"]["status"] == "too short to say"
    assert summary["sessions"] is None
    assert "drift" not in text_summary(summary)


@pytest.mark.parametrize(
    ("drift", "status"),
    [
        ({"status": "drifts", "direction": "worse", "sentence": "S."}, Status.FAIL),
        ({"status": "drifts", "direction": "better", "sentence": "S."}, Status.PASS),
        ({"status": "steady", "direction": None, "sentence": "S."}, Status.PASS),
        ({"status": "too short to say", "direction": None, "sentence": "S."}, Status.NO_DATA),
        (None, Status.NO_DATA),
    ],
)
def test_drift_changes_a_pass_only_when_asked(drift: dict[str, Any] | None, status: Status) -> None:
    passed, failed = Verdict(Status.PASS, "Fine."), Verdict(Status.FAIL, "Bad.")
    asked = {"settings": {"fail_on_drift": True}}
    assert with_drift(passed, drift, asked).status is status
    assert with_drift(failed, drift, asked) is failed
    assert with_drift(passed, drift, {}) is passed
    assert with_drift(passed, drift, {"settings": {"fail_on_drift": False}}) is passed
