"""``python -m loadkit compare`` on run folders: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadkit.cli import main
from loadkit.errors import ExitCode, SettingsError
from loadkit.reporters import write_reports
from loadkit.runs import RunFolder
from loadkit.settings import make_settings
from loadkit.swarm.baseline import check_baseline, held_against, worth
from tests.synthetic import call_row, figures_row, run_document, write_run_folder


def folder_of(reports: Path, name: str, slower_ms: float = 0.0, **settings: object) -> RunFolder:
    rows = [call_row(number) for number in range(300)]
    for row in rows:
        row["call_id"] = f"{name}-{row['call_id']}"
        row["answer_ms"] += slower_ms
        row["setup_ms"] += slower_ms
    # Figures of a punctual engine: a run without any is not known to pass, with a baseline or without.
    figures = [figures_row(second) for second in range(40)]
    run = run_document(run_id=name, settings=settings)
    return write_run_folder(reports, rows, figures=figures, run=run, run_id=name)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    reports = tmp_path_factory.mktemp("reports")
    folder_of(reports, "before")
    folder_of(reports, "again")
    folder_of(reports, "slower", 60.0, baseline=str(reports / "before"))
    folder_of(reports, "other", call_mode="echo")
    folder_of(reports, "another", call_mode="end-to-end")
    return reports


def compare(reports: Path, a: str, b: str, *options: str) -> int:
    return main(["compare", str(reports / a), str(reports / b), *options])


def test_the_same_again_passes(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(reports, "before", "again") == ExitCode.PASSED
    assert "result          CANNOT BE TOLD APART" in capsys.readouterr().out


def test_a_slower_run_fails_and_its_files_say_so(reports: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder.open(reports / "slower")
    assert write_reports(folder)["verdict"]["status"] == "pass"
    assert 'type="not compared"' in folder.junit.read_text(encoding="utf-8")
    assert "BASELINE: NOT COMPARED" in folder.note.read_text(encoding="utf-8")
    assert "Held against a baseline" in folder.report.read_text(encoding="utf-8")
    assert compare(reports, "before", "slower", "--json", "--write") == ExitCode.FAILED
    printed = capsys.readouterr().out
    assert json.loads(printed)["result"]["status"] == "worse"
    assert (reports / "slower" / "compare.json").read_text(encoding="utf-8") == printed
    assert "set\\-up p50" in (reports / "slower" / "compare.md").read_text(encoding="utf-8")
    # What a build server reads is never greener than the job.
    assert '<failure type="worse" message="5 measures of 27 are worse' in folder.junit.read_text(
        encoding="utf-8"
    )
    note = folder.note.read_text(encoding="utf-8").replace("\\", "")
    assert "BASELINE: WORSE" in note
    assert "set-up p50" in note
    assert "Two runs compared" in (reports / "slower" / "compare.html").read_text(encoding="utf-8")


def test_what_is_not_comparable_ends_as_bad_settings(reports: Path) -> None:
    assert compare(reports, "other", "another") == ExitCode.BAD_SETTINGS
    assert compare(reports, "other", "another", "--anyway") == ExitCode.PASSED


@pytest.mark.parametrize("named", [("before", "before"), ("before", "nowhere")])
def test_folders_that_cannot_be_compared_end_as_bad_settings(reports: Path, named: tuple[str, str]) -> None:
    assert compare(reports, *named) == ExitCode.BAD_SETTINGS


def test_a_run_is_compared_in_a_process_of_its_own(
    reports: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    # Not comparable: the cheapest of all.
    code = held_against(reports / "other", reports / "another", ExitCode.PASSED)
    assert code is ExitCode.BAD_SETTINGS
    assert "NOT COMPARABLE" in capfd.readouterr().out
    assert "nobody knows whether it is worse" in caplog.text


def test_only_a_run_that_passed_fails_by_its_baseline() -> None:
    for compared in (ExitCode.PASSED, ExitCode.FAILED, ExitCode.BAD_SETTINGS, ExitCode.NO_DATA):
        assert worth(compared, ExitCode.PASSED) is compared
        assert worth(compared, ExitCode.UNFIT) is ExitCode.UNFIT


def test_a_baseline_is_looked_at_before_the_first_call(reports: Path) -> None:
    check_baseline(make_settings({}))
    check_baseline(make_settings({"baseline": reports / "other"}))
    for values, said in (
        ({"baseline": reports / "nowhere"}, "there is no run folder"),
        (
            {"baseline": reports / "another"},
            "the mode differs: end-to-end in the baseline, echo in the new run",
        ),
        ({"baseline": reports / "other", "no_report": True}, "leave out --no-report"),
    ):
        with pytest.raises(SettingsError) as caught:
            check_baseline(make_settings(values))
        assert said in str(caught.value)
