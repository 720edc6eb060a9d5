"""A disk that takes nothing, for real: /dev/full says ENOSPC, and a limit on the length of files says EFBIG."""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from loadkit.analysis.summary import summarise
from loadkit.errors import ExitCode
from loadkit.runs import RunFolder, RunWriter
from loadkit.runs.reader import read_arrivals, read_calls, read_figures, read_records, read_run
from tests.e2e.processes import ROOT
from tests.swarm.inside_locust import inside_locust
from tests.synthetic import call_row


def test_what_a_full_disk_never_took_is_rescued_to_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = RunFolder.create(tmp_path / "reports", "run")
    folder.records.symlink_to("/dev/full")
    writer = RunWriter(folder)
    with caplog.at_level(logging.WARNING):
        writer.write_call(call_row(1))
        writer.flush()
        writer.write_call(call_row(2))
        writer.flush()
        assert writer.lines_missing == 2
        writer.close()
    told = [record.message for record in caplog.records]
    assert told[0] == (
        "records.jsonl could not be written: No space left on device; what it is to hold is kept in memory,"
        " and tried again"
    )
    (rescued,) = writer.rescued
    assert told[1] == (
        f"2 lines of records.jsonl found no room and are in {rescued}: make room, then:"
        f" cat {rescued} >> {folder.records}"
    )
    # As the sentence says.
    folder.records.unlink()
    subprocess.run(f"cat {rescued} >> {folder.records}", shell=True, check=True)
    assert list(read_calls(folder)["call_id"]) == ["call-000001", "call-000002"]


_FILLS_UP = """
import resource, sys
from loadkit.runs import RunFolder, RunWriter
from tests.synthetic import call_row
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
writer = RunWriter(RunFolder({path!r}))
for number in range(20):
    if number == 5:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    if number == 15:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    writer.write_call(call_row(number))
    writer.flush()
writer.close()
print(writer.lines_missing, writer.faults)
"""


def test_nothing_is_lost_when_there_is_room_again(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "run")
    program = _FILLS_UP.format(path=str(folder.path))
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=150, check=True
    )
    assert done.stdout.strip() == "0 ['records.jsonl could not be written: File too large']"
    assert "records.jsonl is written again" in done.stderr
    calls = read_calls(folder)
    assert len(calls) == 20
    assert calls.attrs["unreadable_lines"] == 0


_RUN = """
import logging, resource, tempfile
from loadkit.settings import Settings
from loadkit.swarm.run import Run
from tests.synthetic import call_row, figures_row
tempfile.tempdir = {folder!r}
run = Run(Settings(reports_dir={folder!r}, run_id="run", no_report=True), "ws://gateway.test", 0)
resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
run.figures(figures_row(0))
run._writer.flush()
for number in range(10):
    run.record({{"call": call_row(number), "turns": []}})
result = int(run.finish("run_time"))
"""


def test_a_run_whose_records_are_not_all_kept_fails_and_says_so(tmp_path: Path) -> None:
    assert inside_locust(_RUN.format(folder=str(tmp_path))) == ExitCode.FAILED
    folder = RunFolder.open(tmp_path / "run")
    run, records = read_run(folder), read_records(folder)
    missing = run["lines_missing"]
    assert 0 < missing < 10
    told = summarise(records.calls, records.turns, read_figures(folder), run, read_arrivals(folder))
    assert told["verdict"]["status"] == "fail"
    sentence = f"{missing} lines found no room on the disk, so not every call was judged."
    assert sentence in told["verdict"]["sentence"]


def test_a_report_that_finds_no_room_is_told_in_a_sentence(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "run")
    writer = RunWriter(folder)
    writer.write_call(call_row(1))
    writer.close()
    limit = "import resource; hard = resource.getrlimit(1)[1]; resource.setrlimit(1, (4_000, hard))"
    program = (
        f"{limit}; from loadkit.cli import main; raise SystemExit(main(['report', {str(folder.path)!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == ExitCode.BAD_SETTINGS
    assert done.stderr.splitlines()[-1] == (
        f"loadkit: the report of {folder.path} cannot be written: File too large"
    )
    assert "Traceback" not in done.stderr
