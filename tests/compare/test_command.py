"""``python -m loadkit compare`` on run folders: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from loadkit.cli import main
from loadkit.compare import command
from loadkit.errors import ExitCode, SettingsError
from loadkit.reporters import write_reports
from loadkit.reporters.json_document import json_document
from loadkit.reporters.run_report import Otherwise, summary_of
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


def broken(*_: object) -> None:
    raise ZeroDivisionError("nobody foresaw it")


def test_a_comparison_that_breaks_off_is_not_worse_but_unknown(
    reports: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(command, "read_run_data", broken)
    assert compare(reports, "before", "again") == ExitCode.NO_DATA
    assert "nobody knows whether it is worse" in caplog.text


@pytest.mark.parametrize(("named", "code"), [("again", ExitCode.NO_DATA), ("slower", ExitCode.FAILED)])
def test_what_was_found_is_told_and_kept_when_the_page_cannot_be_drawn(
    reports: Path,
    named: str,
    code: ExitCode,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "compare_page", broken)
    assert compare(reports, "before", named, "--write") == code
    assert "result " in capsys.readouterr().out
    assert (reports / named / "compare.json").exists()


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
    check_baseline(make_settings({"baseline": reports / "other"}), "ws://127.0.0.1:9")
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


def baseline_of(
    reports: Path, calls: int, figures: Sequence[Mapping[str, Any]], run_id: str = "baseline"
) -> RunFolder:
    rows = [call_row(number) for number in range(calls)]
    return write_run_folder(reports, rows, figures=figures, run=run_document(settings={}), run_id=run_id)


BUSY = [figures_row(second, cpu_share=0.97) for second in range(20)]


def refused(folder: RunFolder, host: str | None = None) -> str:
    """Why a run is not begun with this baseline."""
    with pytest.raises(SettingsError) as caught:
        check_baseline(make_settings({"baseline": folder.path}), host)
    assert caught.value.exit_code is ExitCode.BAD_SETTINGS
    return str(caught.value)


def test_a_baseline_that_no_run_can_be_compared_with_is_refused_before_the_first_call(tmp_path: Path) -> None:
    fit = [figures_row(second) for second in range(20)]
    unfit = baseline_of(tmp_path, 30, BUSY, "unfit")
    told = refused(unfit)
    assert f"--baseline {unfit.path} is not comparable: the generator of the baseline was the limit: " in told
    assert "Engine local.0 used over 90 % of a core in 20 of 20 seconds: place fewer calls" in told
    assert "name a run whose generator was fit" in told

    few = baseline_of(tmp_path, 19, fit, "few")
    assert (
        "too few calls: 19 of the baseline came to an end of their own, 20 are needed; name a longer run"
        in (refused(few))
    )
    assert "no data: no call of the baseline" in refused(baseline_of(tmp_path, 0, fit, "empty"))


def test_a_baseline_against_a_gateway_of_another_kind_is_refused_where_the_gateway_is_known(
    reports: Path,
) -> None:
    other = RunFolder.open(reports / "other")
    assert "the gateway was on the generator's own machine in the baseline and in a network" in refused(
        other, "wss://gateway.example"
    )
    check_baseline(make_settings({"baseline": other.path}), "")
    check_baseline(make_settings({"baseline": other.path}), None)


def test_the_summary_of_a_long_baseline_is_enough_unless_it_was_judged_by_other_limits(
    tmp_path: Path,
) -> None:
    folder = baseline_of(tmp_path, 30, BUSY)
    otherwise = Otherwise(limits={"limit_cpu_share": 0.99})
    folder.summary.write_text(json_document(summary_of(folder, otherwise)))
    assert "was the limit" in refused(folder)
    folder.summary.write_text(json_document(summary_of(folder)))
    folder.records.write_text("")
    folder.figures.write_text("")
    assert "was the limit" in refused(folder)


@pytest.mark.parametrize("summarised", [False, True])
def test_a_run_that_asks_for_fewer_callers_than_its_baseline_had_is_refused_before_the_first_call(
    tmp_path: Path, summarised: bool
) -> None:
    rows = [call_row(number) for number in range(40)]
    for number, row in enumerate(rows):
        row["user"] = f"Caller#{number % 20}"
    figures = [figures_row(second) for second in range(20)]
    folder = write_run_folder(tmp_path, rows, figures=figures, run=run_document(settings={}), run_id="many")
    if summarised:
        folder.summary.write_text(json_document(summary_of(folder)))
    settings = make_settings({"baseline": folder.path})
    with pytest.raises(SettingsError) as caught:
        check_baseline(settings, None, 17)
    assert "20 callers in the baseline, at most 17 in the new run; ask for 20 with -u" in str(caught.value)
    for users in (18, 40, None):
        check_baseline(settings, None, users)
    arrivals = make_settings({"baseline": folder.path, "arrival_rate": "5/s"})
    check_baseline(arrivals, None, 1)
