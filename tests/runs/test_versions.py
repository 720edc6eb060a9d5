"""Runs that another version of loadkit recorded, and runs of which not everything is left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from loadkit.errors import RunFolderError
from loadkit.runs import RunFolder
from loadkit.runs.reader import read_records, read_run
from tests.synthetic import call_row, write_run_folder

#: Written with the columns of two earlier records: the first of all, and the one that brought paths.
OLD = Path(__file__).resolve().parents[1] / "data" / "old_records"


@pytest.mark.parametrize("name", ["first", "paths"])
def test_a_record_of_an_older_version_is_read_and_what_it_lacks_is_not_measured(name: str) -> None:
    line = json.loads((OLD / name / "records.jsonl").read_text().splitlines()[0])
    records = read_records(RunFolder(OLD / name))
    assert (len(records.calls), len(records.turns), records.unreadable_lines) == (24, 1, 0)
    lacking = set(records.calls.columns) - set(line["call"])
    assert {"media_path", "arrival"} <= lacking
    assert records.calls[sorted(lacking)].isna().all(axis=None)
    assert records.calls["setup_ms"].max() == 122.0
    assert records.turns["barge_in_missed"].isna().all()


def test_columns_that_nobody_knows_are_left_out(tmp_path: Path) -> None:
    row = {**call_row(), "colour": "green", "setup_ms": 7.0}
    records = read_records(write_run_folder(tmp_path, [row]))
    assert "colour" not in records.calls
    assert list(records.calls["setup_ms"]) == [7.0]


def test_a_record_of_a_newer_version_is_refused_in_a_sentence(tmp_path: Path) -> None:
    folder = write_run_folder(tmp_path, [call_row(1), call_row(2, record_version=7)])
    with pytest.raises(RunFolderError) as caught:
        read_records(folder)
    assert str(caught.value) == (
        "records.jsonl is of version 7, and this loadkit reads versions up to 1: what its columns mean may have "
        "changed; use the loadkit that made it, or a newer one"
    )


@pytest.mark.parametrize(("version", "refused"), [(2, True), (1, False), (None, False), ("new", False)])
def test_a_run_json_of_a_newer_version_is_refused(tmp_path: Path, version: Any, refused: bool) -> None:
    folder = RunFolder(shutil.copytree(OLD / "first", tmp_path / "run"))
    folder.run.write_text(json.dumps({"version": version}))
    if refused:
        with pytest.raises(RunFolderError, match=r"run\.json is of version 2, and this loadkit"):
            read_run(folder)
    else:
        assert read_run(folder) == {"version": version}
