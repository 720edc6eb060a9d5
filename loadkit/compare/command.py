"""``python -m loadkit compare A B``."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadkit.compare.document import Result, compare
from loadkit.compare.floors import Floors
from loadkit.compare.markdown import compare_markdown
from loadkit.compare.page import compare_page
from loadkit.compare.run_data import RunData, read_run_data
from loadkit.compare.text import compare_text
from loadkit.errors import ExitCode, RunFolderError
from loadkit.reporters.json_document import json_document
from loadkit.reporters.run_report import write_notes
from loadkit.runs import RunFolder, write_text

logger = logging.getLogger(__name__)

_CODES = {
    Result.WORSE: ExitCode.FAILED,
    Result.BETTER: ExitCode.PASSED,
    Result.SAME: ExitCode.PASSED,
    Result.NOT_COMPARABLE: ExitCode.BAD_SETTINGS,
    Result.NO_DATA: ExitCode.NO_DATA,
}


def run(options: argparse.Namespace) -> int:
    """Compare, tell, and return the exit code."""
    floors = Floors(options.floor)
    first, second = RunFolder.open(options.baseline), RunFolder.open(options.folder)
    if first.path.resolve() == second.path.resolve():
        raise RunFolderError(f"{first.path} would be compared with itself: name two run folders")
    a, b = read_run_data(first), read_run_data(second)
    document = compare(a, b, floors, anyway=options.anyway)
    _print(document, options)
    code = _CODES[Result(document["result"]["status"])]
    try:
        _write(document, a, b, options, second)
    except RunFolderError:
        raise
    except Exception:
        logger.exception(
            "the runs were compared, as told above, but not all files of the comparison could be written"
        )
        # What is worse stays worse; a job that looks for the files is not told that all is well.
        return int(ExitCode.FAILED if code is ExitCode.FAILED else ExitCode.NO_DATA)
    return int(code)


def _print(document: Mapping[str, Any], options: argparse.Namespace) -> None:
    """At once: what was found is told also when a page cannot be drawn or the disk is full."""
    if options.json:
        print(json_document(document), end="", flush=True)
    elif options.markdown:
        print(compare_markdown(document), end="", flush=True)
    else:
        print(compare_text(document), flush=True)


def _write(
    document: Mapping[str, Any], a: RunData, b: RunData, options: argparse.Namespace, folder: RunFolder
) -> None:
    if options.html is not None:
        write_page(options.html, compare_page(document, a, b))
    if options.write:
        write_text(folder.path / "compare.json", json_document(document))
        if folder.summary.exists():
            # They are never greener than a run that is worse than its baseline.
            write_notes(folder)
        write_text(folder.path / "compare.md", compare_markdown(document))
        write_text(folder.path / "compare.html", compare_page(document, a, b))


def write_page(path: Path, page: str) -> None:
    """The page where the user wants it.

    :raises RunFolderError: it cannot be written there.
    """
    try:
        write_text(path, page)
    except OSError as exc:
        raise RunFolderError(f"{path} cannot be written: {exc.strerror or exc}") from exc
