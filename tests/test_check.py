"""``python -m loadkit check``: the verdict on a run out of its raw files, whatever state they are in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from loadkit.cli import main
from loadkit.runs import RunFolder
from tests.runs.test_versions import OLD
from tests.synthetic import call_row, clean_run, run_document, run_with_thresholds, write_run_folder

NOT_JUDGED = ["--limit-late-ms", "0", "--limit-loop-lag-ms", "0", "--limit-cpu-share", "0"]


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLO", "SLO_FILE", "SLO_PRESET", "SLO_WARM_UP"):
        monkeypatch.delenv(f"LOADKIT_{name}", raising=False)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """It was held against thresholds, one of which was broken."""
    return run_with_thresholds(tmp_path_factory.mktemp("runs"), calls=60)


def checked(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and what is printed as JSON."""
    code = main(["check", str(folder), "--json", *arguments])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == code
    return code, document


def test_a_run_is_judged_by_its_own_thresholds_or_by_others_and_nothing_is_written(
    run: RunFolder, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = {path.name for path in run.path.iterdir()}
    code, told = checked(capsys, run.path)
    assert (code, told["verdict"]["status"]) == (1, "fail")
    code, told = checked(capsys, run.path, "--slo", "setup_ms p95 < 5s", "--slo", "failed < 1%")
    assert (code, told["verdict"]["status"], len(told["thresholds"])) == (0, "pass", 2)
    code, told = checked(capsys, run.path, "--slo", "setup_ms p99 < 5s")
    assert (code, told["verdict"]["status"]) == (3, "no data")
    file = tmp_path / "slo.toml"
    file.write_text('warm_up = "2s"\n[thresholds]\nsetup = { slo = "setup_ms p50 < 1ms", min_count = 9 }\n')
    code, told = checked(capsys, run.path, "--slo-file", str(file))
    assert (code, told["thresholds"][0]["name"], told["slo"]["calls_left_out"]) == (1, "setup", 20)
    assert {path.name for path in run.path.iterdir()} == before


def test_thresholds_and_their_marks_are_told_in_plain_text(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(run.path)]) == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("threshold ")]
    assert [line.split()[1] for line in lines] == ["ok", "FAIL", "no"]
    assert lines[0] == "threshold     ok      failed < 1%: holds, it is 0% over 60"


def test_a_folder_with_nothing_but_records_is_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(OLD / "paths" / "records.jsonl", tmp_path)
    thresholds = ["--slo", "failed < 10%", "--slo", "setup_ms p95 < 200"]
    code, told = checked(capsys, tmp_path, *thresholds)
    # Nobody measured the generator, and that is told rather than passed over…
    assert (code, told["verdict"]["status"]) == (4, "unfit generator")
    assert [row["status"] for row in told["thresholds"]] == ["pass", "pass"]
    # … unless it is not to be judged.
    assert checked(capsys, tmp_path, *thresholds, *NOT_JUDGED)[0] == 0
    assert checked(capsys, tmp_path, *NOT_JUDGED)[0] == 1


def test_a_run_that_was_cut_off_is_judged_by_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = clean_run(tmp_path, 40)
    run = json.loads(folder.run.read_text())
    folder.run.write_text(json.dumps({**run, "ended_at": None, "ended_by": None}))
    whole = folder.records.read_bytes()
    folder.records.write_bytes(whole[:-200])
    code, told = checked(capsys, folder.path, "--slo", "setup_ms p95 < 5s", "--slo-warm-up", "1s")
    assert code == 0
    assert (told["calls"]["total"], told["run"]["unreadable_lines"], told["run"]["ended_by"]) == (39, 1, None)
    assert told["thresholds"][0]["count"] == 29
    # Torn in a run that came to its end, it was spoilt later, and nobody knows what it said.
    folder.run.write_text(json.dumps(run))
    code, told = checked(capsys, folder.path, "--slo", "setup_ms p95 < 5s", "--slo-warm-up", "1s")
    assert (code, told["verdict"]["status"]) == (3, "no data")
    assert "1 line of the raw files cannot be read" in told["verdict"]["sentence"]


def test_a_run_that_lost_a_worker_has_the_exit_code_of_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workers = {"expected": 1, "seen": ["1"], "lost": [{"worker": "1", "at": 1.0, "calls_in_progress": 0}]}
    folder = write_run_folder(tmp_path, [call_row()], run=run_document(workers=workers))
    assert checked(capsys, folder.path, "--slo", "failed < 1%")[0] == 6


def test_with_write_the_report_is_made_by_these_thresholds_and_the_raw_files_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(shutil.copytree(OLD / "first", tmp_path / "run"))
    raw = folder.run.read_bytes(), folder.records.read_bytes()
    assert main(["check", str(folder.path), "--slo", "setup_ms p95 < 1ms", "--write", *NOT_JUDGED]) == 1
    assert str(folder.report) in capsys.readouterr().out
    assert json.loads(folder.summary.read_text())["verdict"]["status"] == "fail"
    page = folder.report.read_text()
    assert '<h2 id="thresholds">Thresholds</h2>' in page and "✗ broken" in page
    assert (folder.run.read_bytes(), folder.records.read_bytes()) == raw


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--slo", "setup_ms p95"], "--slo 'setup_ms p95': at character 13: an operator is missing"),
        (["--slo-file", "none.toml"], "--slo-file none.toml: it cannot be read: No such file or directory"),
        (["--slo-preset", "lax"], "there is no preset 'lax'; there are smoke, typical, strict"),
        (["--slo-warm-up", "5s"], "--slo-warm-up leaves calls out of thresholds, and there are none"),
    ],
)
def test_what_cannot_be_a_threshold_is_refused(
    run: RunFolder, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main(["check", str(run.path), *arguments]) == 2
    assert told in capsys.readouterr().err
