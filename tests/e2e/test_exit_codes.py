"""However a run ends, its exit code says which way, and the full set of files is there.

``python -m tests.e2e.test_exit_codes`` runs every command and writes the table of docs/exit_codes.md from what they
ended with.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from loadkit.errors import ExitCode
from tests.e2e.causes import CAUSES, Cause
from tests.e2e.processes import ROOT, assert_files_complete, assert_no_secret

PAGE = ROOT / "docs" / "exit_codes.md"
_BEGIN, _END = "<!-- table: causes -->\n", "<!-- end of table -->"


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.run.__name__.strip("_"))
def test_a_cause_ends_with_its_code_and_leaves_its_files(cause: Cause, tmp_path: Path) -> None:
    assert _ended(cause, tmp_path) == cause.code


def _ended(cause: Cause, folder: Path) -> int:
    code = cause.run(folder)
    if cause.files:
        assert_files_complete(folder)
        assert_no_secret(folder)
    else:
        assert not (folder / "run").exists()
    return code


def test_the_table_of_causes_says_what_the_commands_do() -> None:
    assert _page()[1] == _table([cause.code for cause in CAUSES]), (
        "docs/exit_codes.md is out of step; run python -m tests.e2e.test_exit_codes"
    )


def test_every_exit_code_has_a_cause() -> None:
    assert {cause.code for cause in CAUSES} == set(ExitCode)


def _page() -> tuple[str, str, str]:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    table, _, after = rest.partition(_END)
    return before, table.strip(), after


def _table(codes: Sequence[int]) -> str:
    rows = [
        f"| {code} | {cause.told} | {'all' if cause.files else 'none: no call was placed'} |"
        for code, cause in zip(codes, CAUSES, strict=True)
    ]
    return "\n".join(["| code | how the run ended | files |", "| --- | --- | --- |", *rows])


def _write_table() -> None:
    codes = []
    for cause in CAUSES:
        with tempfile.TemporaryDirectory() as folder:
            codes.append(_ended(cause, Path(folder)))
            print(f"{codes[-1]:>3}  {cause.told}", flush=True)
    before, _, after = _page()
    PAGE.write_text(f"{before}{_BEGIN}\n{_table(codes)}\n\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    _write_table()
