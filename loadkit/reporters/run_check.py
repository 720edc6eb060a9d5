"""``python -m loadkit check``: the verdict on a run, anew, out of its raw files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadkit.errors import ExitCode, exit_code_of
from loadkit.reporters.json_document import json_document
from loadkit.reporters.run_report import summary_of, write_reports
from loadkit.reporters.text_summary import text_summary
from loadkit.runs import RunFolder
from loadkit.thresholds.objectives import Objectives


def run_check(folder: RunFolder, objectives: Objectives | None, *, as_json: bool, write: bool) -> ExitCode:
    """Judge a run, print what came of it, and return what a run with this verdict ends with.

    :param objectives: thresholds in place of the run's own.
    :param write: make all derived files anew; without, nothing is written.
    :raises RunFolderError: the raw files are of a newer version, or the thresholds in them cannot be read.
    """
    summary = write_reports(folder, objectives) if write else summary_of(folder, objectives)
    code = exit_code_of_run(summary)
    if as_json:
        print(json_document(_document(summary, code)), end="")
    else:
        print(text_summary(summary, folder.report if write else None))
    return code


def exit_code_of_run(summary: Mapping[str, Any]) -> ExitCode:
    """As the run itself ends, but for signals: an interrupted run is judged by what it has recorded."""
    return (
        ExitCode.LOST_WORKERS
        if summary["run"]["workers_lost"]
        else exit_code_of(summary["verdict"]["status"])
    )


def _document(summary: Mapping[str, Any], code: ExitCode) -> dict[str, Any]:
    keys = ("run_id", "run", "calls", "errors", "slo", "thresholds", "verdict")
    return {"exit_code": int(code), **{key: summary[key] for key in keys}}
