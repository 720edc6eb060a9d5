"""The thresholds of a run in its summary and its verdict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadkit.analysis import summarise
from loadkit.errors import RunFolderError
from loadkit.runs import RunFolder
from loadkit.runs.reader import read_figures, read_records, read_run
from tests.synthetic import (
    call_row,
    clean_run,
    failed_row,
    figures_row,
    run_document,
    run_with_thresholds,
    write_run_folder,
)

KEYS = {
    "name", "text", "subject", "operator", "limit", "unit", "value", "count", "needs", "status", "sentence", "where",
}  # fmt: skip


def summary_of(folder: RunFolder, **changes: Any) -> dict[str, Any]:
    records = read_records(folder)
    return summarise(records.calls, records.turns, read_figures(folder), {**read_run(folder), **changes})


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return summary_of(run_with_thresholds(tmp_path_factory.mktemp("runs")))


def test_each_threshold_of_a_run_is_a_row_of_its_summary(judged: dict[str, Any]) -> None:
    assert all(set(row) == KEYS for row in judged["thresholds"])
    assert [row["status"] for row in judged["thresholds"]] == ["pass", "fail", "no data"]
    failed, setup, turns = judged["thresholds"]
    assert (failed["value"], failed["limit"], failed["unit"], failed["count"]) == (0.0, 1.0, "%", 200)
    assert (setup["subject"], setup["operator"], setup["limit"], setup["unit"]) == (
        "setup_ms p95",
        "<",
        20.0,
        "ms",
    )
    assert setup["value"] > 20 and setup["where"] == {"scenario": "talk"}
    assert (turns["value"], turns["count"], turns["needs"]) == (None, 0, 20)
    assert turns["sentence"] == (
        "turn_latency_ms p95 < 2500 ms where mode = traditional: no data, no turn has mode 'traditional'; "
        "there was end-to-end"
    )


def test_the_verdict_names_the_threshold_that_is_broken_and_the_one_without_data(
    judged: dict[str, Any],
) -> None:
    assert judged["verdict"]["status"] == "fail"
    assert judged["verdict"]["sentence"].startswith(
        "1 of 3 thresholds is broken: setup_ms p95 < 20 ms where scenario = talk is "
    )
    assert "1 of 3 thresholds is not decided: turn_latency_ms p95 < 2500 ms" in judged["verdict"]["sentence"]


def test_a_run_without_thresholds_has_no_rows(tmp_path: Path) -> None:
    summary = summary_of(clean_run(tmp_path, 30))
    assert summary["thresholds"] == [] and summary["slo"] is None
    assert summary["verdict"]["status"] == "pass"


@pytest.mark.parametrize(
    ("slo", "status", "sentence"),
    [
        (["failed < 20%", "setup_ms p95 < 5s"], "pass", "All 2 thresholds hold. 4 of 40 calls failed (10 %)"),
        (["failed < 20%"], "pass", "The only threshold holds."),
        (["failed < 5%"], "fail", "The only threshold is broken: failed < 5% is 10% over 40. 4 of 40"),
        # Nothing passes in silence: failures that no threshold counts fail the run.
        (["setup_ms p95 < 5s"], "fail", "4 calls failed in a way that no threshold speaks of, which fails the run."),
        (["failed(ANSWER_TIMEOUT) < 20%"], "pass", "The only threshold holds."),
        (["failed(ICE_TIMEOUT) < 20%"], "fail", "4 calls failed in a way that no threshold speaks of"),
        (["failed < 20% where scenario = other", "failed < 20%"], "no data", "1 of 2 thresholds is not decided"),
        (["setup_ms p99 < 5s", "failed < 20%"], "no data", "too few, 36 of the 100 values that p99 needs"),
        (["setup_ms p99 < 5s", "failed < 5%"], "fail", "1 of 2 thresholds is broken"),
    ],
)  # fmt: skip
def test_thresholds_judge_and_what_none_speaks_of_still_fails(
    tmp_path: Path, slo: list[str], status: str, sentence: str
) -> None:
    rows = [failed_row(number) if number % 10 == 0 else call_row(number) for number in range(40)]
    settings = {"limit_late_ms": 0.0, "limit_loop_lag_ms": 0.0, "limit_cpu_share": 0.0, "slo": "; ".join(slo)}
    verdict = summary_of(write_run_folder(tmp_path, rows, run=run_document(settings=settings)))["verdict"]
    assert verdict["status"] == status, verdict
    assert sentence in verdict["sentence"]


@pytest.mark.parametrize(
    ("slo", "code", "status"),
    [
        ("setup_ms p95 < 20 ms; failed < 50%", "ANSWER_TIMEOUT", "unfit generator"),
        ("failed < 1%", "ANSWER_TIMEOUT", "unfit generator"),
        ("failed < 1%", "UNAUTHORIZED", "fail"),
        ("failed < 50%", "UNAUTHORIZED", "unfit generator"),
        ("setup_ms p95 < 20 ms", "UNAUTHORIZED", "fail"),
    ],
)
def test_a_broken_threshold_is_not_held_against_the_gateway_beside_an_unfit_generator(
    tmp_path: Path, slo: str, code: str, status: str
) -> None:
    rows = [failed_row(number, code) if number % 10 == 0 else call_row(number) for number in range(40)]
    figures = [figures_row(second, cpu_share=1.5) for second in range(60)]
    run = run_document(settings={"slo": slo, "limit_cpu_share": 0.9})
    verdict = summary_of(write_run_folder(tmp_path, rows, figures=figures, run=run))["verdict"]
    assert verdict["status"] == status, verdict


def test_calls_of_the_warm_up_are_left_out_by_their_intended_start(tmp_path: Path) -> None:
    rows = [failed_row(number) if number < 10 else call_row(number) for number in range(100)]
    folder = write_run_folder(tmp_path, rows)
    document = {"warm_up_s": 1.0, "thresholds": [{"name": "none fails", "text": "failed count < 1"}]}
    summary = summary_of(folder, slo=document)
    assert summary["thresholds"][0]["status"] == "pass"
    assert summary["thresholds"][0]["name"] == "none fails"
    assert (summary["slo"]["calls"], summary["slo"]["calls_left_out"]) == (90, 10)
    assert "The first 1 s were left out, with 10 calls." in summary["verdict"]["sentence"]


def test_thresholds_that_cannot_be_read_again_are_told(tmp_path: Path) -> None:
    with pytest.raises(
        RunFolderError, match=r"the thresholds in run.json cannot be read .*check <run folder> --slo"
    ):
        summary_of(clean_run(tmp_path, 20), settings={"slo": "setup_ms p95 <"})
