"""From the raw files of a run to all the files that are made from them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from loadkit.analysis.summary import summarise
from loadkit.records import CallRecord, TurnRecord
from loadkit.reporters.baseline_words import Held, held_of
from loadkit.reporters.html_page import html_page
from loadkit.reporters.json_document import json_document
from loadkit.reporters.junit_xml import junit_xml
from loadkit.reporters.markdown_note import markdown_note
from loadkit.reporters.tables import write_tables
from loadkit.runs import RunFolder, write_text
from loadkit.runs.json_lines import give_back
from loadkit.runs.reader import read_arrivals, read_figures, read_health, read_records, read_run
from loadkit.thresholds.objectives import Objectives


@dataclass(frozen=True)
class Otherwise:
    """What a run is judged by in place of what its ``run.json`` says."""

    objectives: Objectives | None = None
    """Thresholds; ``None``: the run's own."""
    limits: Mapping[str, float] = field(default_factory=dict)
    """Settings that say what a fit generator is."""

    def applied(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """The content of ``run.json`` with this in it."""
        changed = dict(run)
        if self.objectives is not None:
            changed["slo"] = self.objectives.document()
        if self.limits:
            settings = run.get("settings")
            changed["settings"] = {**(settings if isinstance(settings, Mapping) else {}), **self.limits}
        return changed


AS_IT_WAS = Otherwise()


def write_reports(folder: RunFolder, otherwise: Otherwise = AS_IT_WAS) -> dict[str, Any]:
    """Make every derived file of the folder anew, each whole or not at all, and return the summary.

    The summary comes first and the page last, so that a disk that fills up spares what is small.

    :param otherwise: what it is judged by.
    :raises RunFolderError: the raw files are of a newer version, or the thresholds in them cannot be read.
    """
    records, figures, run = read_records(folder), read_figures(folder), otherwise.applied(read_run(folder))
    run.setdefault("run_id", folder.run_id)
    arrivals = read_arrivals(folder)
    give_back()
    summary = summarise(records.calls, records.turns, figures, run, arrivals, read_health(folder))
    give_back()
    write_text(folder.summary, json_document(summary))
    _write_notes(folder, summary, run)
    write_tables(records.calls, CallRecord, folder.calls_parquet, folder.calls_csv)
    if len(records.turns):
        write_tables(records.turns, TurnRecord, folder.turns_parquet, folder.turns_csv)
    page = html_page(summary, records.calls, records.turns, figures, run, arrivals, _sizes(folder))
    write_text(folder.report, page)
    return summary


def write_notes(folder: RunFolder) -> None:
    """``junit.xml`` and ``summary.md`` anew, with a comparison that was made after the report.

    :raises OSError: there is no summary, or no room.
    """
    _write_notes(folder, json.loads(folder.summary.read_text(encoding="utf-8")), read_run(folder))


def _write_notes(folder: RunFolder, summary: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    held = _held(folder, run)
    write_text(folder.junit, junit_xml(summary, run, held))
    write_text(folder.note, markdown_note(summary, run, held))


def _held(folder: RunFolder, run: Mapping[str, Any]) -> Held | None:
    try:
        return held_of(run, json.loads((folder.path / "compare.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return held_of(run, None)


def _sizes(folder: RunFolder) -> dict[str, int | None]:
    """The files of the folder, with their bytes."""
    with os.scandir(folder.path) as entries:
        return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}


def summary_of(folder: RunFolder, otherwise: Otherwise = AS_IT_WAS) -> dict[str, Any]:
    """The summary out of the raw files alone; nothing is written.

    :param otherwise: as of :func:`write_reports`.
    :raises RunFolderError: likewise.
    """
    records, run = read_records(folder), otherwise.applied(read_run(folder))
    run.setdefault("run_id", folder.run_id)
    return summarise(
        records.calls, records.turns, read_figures(folder), run, read_arrivals(folder), read_health(folder)
    )
