from __future__ import annotations

import re
from pathlib import Path

import pytest

from loadkit.errors import RunFolderError
from loadkit.runs import RunFolder


def test_a_run_without_a_name_is_named_after_the_local_time(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "reports")
    assert re.fullmatch(r"\d{8}-\d{6}", folder.path.name)
    assert folder.path.is_dir()
    assert folder.run_id == folder.path.name


def test_a_second_run_of_a_name_gets_a_number_and_not_the_first_one_s_folder(tmp_path: Path) -> None:
    names = [RunFolder.create(tmp_path, "nightly").path.name for _ in range(3)]
    assert names == ["nightly", "nightly-2", "nightly-3"]


@pytest.mark.parametrize(
    "run_id", ["", ".", "..", "a/b", "../up", "a\\b", "-rf", "a b", "a\n", "é", "x" * 101, "a\0b"]
)
def test_a_name_that_could_lead_elsewhere_is_refused(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(RunFolderError, match="cannot be the name of a folder: use up to 100 letters"):
        RunFolder.create(tmp_path, run_id)
    assert list(tmp_path.iterdir()) == []


def test_a_reports_folder_that_is_a_file_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("not a folder")
    with pytest.raises(
        RunFolderError, match=r"reports cannot be the reports folder: .* a file and not a folder"
    ):
        RunFolder.create(tmp_path / "reports", "x")
    with pytest.raises(RunFolderError, match="a file and not a folder"):
        RunFolder.create(tmp_path / "reports" / "below", "x")


def test_a_folder_that_cannot_be_made_is_told_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(RunFolderError, match="cannot be the reports folder: Permission denied"):
        RunFolder.create(tmp_path / "reports", "x")


def test_an_earlier_run_is_opened_by_its_path(tmp_path: Path) -> None:
    made = RunFolder.create(tmp_path, "x")
    made.run.write_text("{}")
    assert RunFolder.open(str(made.path)).path == made.path


def test_what_is_not_a_run_folder_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"there is no run folder .*gone"):
        RunFolder.open(tmp_path / "gone")
    with pytest.raises(RunFolderError, match=r"holds neither records\.jsonl nor run\.json"):
        RunFolder.open(tmp_path)
    (tmp_path / "report.html").write_text("")
    with pytest.raises(RunFolderError, match="is a file, not a run folder"):
        RunFolder.open(tmp_path / "report.html")
