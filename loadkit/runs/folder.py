"""The names in a run folder, and how one is made or found.

Raw, written while the run goes: ``records.jsonl``, ``figures.jsonl``, ``run.json`` and, in a run by arrivals,
``arrivals.jsonl``. All other files are made from these and can be made again.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from loadkit.errors import RunFolderError

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class RunFolder:
    """One run's folder, ``reports/<run-id>/``. The paths are names only: a file may not be there yet."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    @classmethod
    def create(cls, reports_dir: Path | str, run_id: str | None = None) -> RunFolder:
        """Make a new folder below ``reports_dir``, which is made as well when it is not there.

        :param run_id: the folder's name; ``None`` means the local time, ``YYYYMMDD-HHMMSS``. When a run of
            that name exists, ``-2``, ``-3`` … is appended: no run is ever written into another.
        :raises RunFolderError: the name cannot be used, or the folder cannot be made or written.
        """
        wanted = time.strftime("%Y%m%d-%H%M%S") if run_id is None else run_id
        if _RUN_ID.fullmatch(wanted) is None:
            raise RunFolderError(
                f"the run id {wanted!r} cannot be the name of a folder: use up to 100 letters, digits, '.', '_' "
                "and '-', beginning with a letter or a digit"
            )
        reports = Path(reports_dir)
        try:
            reports.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(_cannot(reports, "be the reports folder", error)) from error
        number = 1
        while True:
            path = reports / (wanted if number == 1 else f"{wanted}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                number += 1
            except OSError as error:
                raise RunFolderError(_cannot(path, "be made", error)) from error
            else:
                return cls(path)

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """The folder of an earlier run.

        :raises RunFolderError: it is not there, not a folder, or not readable.
        """
        folder = cls(path)
        if not folder.path.exists():
            raise RunFolderError(f"there is no run folder {folder.path}")
        if not folder.path.is_dir():
            raise RunFolderError(
                f"{folder.path} is a file, not a run folder: name the folder that holds records.jsonl"
            )
        if not os.access(folder.path, os.R_OK | os.X_OK):
            raise RunFolderError(f"the run folder {folder.path} cannot be read: permission denied")
        if not (folder.records.exists() or folder.run.exists()):
            raise RunFolderError(
                f"{folder.path} holds neither records.jsonl nor run.json: it is not the folder of a run"
            )
        return folder

    @property
    def run_id(self) -> str:
        """The run's name: that of its folder."""
        return self.path.resolve().name

    @property
    def records(self) -> Path:
        """Raw: one line per call, ``{"call": {…}, "turns": [{…}, …]}``."""
        return self.path / "records.jsonl"

    @property
    def figures(self) -> Path:
        """Raw: one line per engine and second."""
        return self.path / "figures.jsonl"

    @property
    def arrivals(self) -> Path:
        """Raw: one line per second of a run by arrivals; not there in a run by users."""
        return self.path / "arrivals.jsonl"

    @property
    def run(self) -> Path:
        """Raw: settings, versions, machine, start and end."""
        return self.path / "run.json"

    @property
    def calls_parquet(self) -> Path:
        """Derived: one row per call, typed."""
        return self.path / "calls.parquet"

    @property
    def calls_csv(self) -> Path:
        """Derived: one row per call, as text."""
        return self.path / "calls.csv"

    @property
    def turns_parquet(self) -> Path:
        """Derived: one row per turn of talk, typed; only when there were turns."""
        return self.path / "turns.parquet"

    @property
    def turns_csv(self) -> Path:
        """Derived: one row per turn of talk, as text; only when there were turns."""
        return self.path / "turns.csv"

    @property
    def summary(self) -> Path:
        """Derived: ``summary.json``, see ``docs/summary.md``."""
        return self.path / "summary.json"

    @property
    def junit(self) -> Path:
        """Derived: ``junit.xml``, thresholds and verdict as test cases."""
        return self.path / "junit.xml"

    @property
    def note(self) -> Path:
        """Derived: ``summary.md``, for a job summary or a comment."""
        return self.path / "summary.md"

    @property
    def report(self) -> Path:
        """Derived: ``report.html``, one self-contained page."""
        return self.path / "report.html"


def _cannot(path: Path, what: str, error: OSError) -> str:
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        return f"{path} cannot {what}: it is, or lies below, a file and not a folder"
    return f"{path} cannot {what}: {error.strerror or error}"
