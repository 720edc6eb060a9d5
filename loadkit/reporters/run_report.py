"""From the raw files of a run to all the files that are made from them."""

from __future__ import annotations

from typing import Any

from loadkit.analysis import summarise
from loadkit.records import CallRecord, TurnRecord
from loadkit.reporters.html_page import html_page
from loadkit.reporters.json_document import json_document
from loadkit.reporters.junit_xml import junit_xml
from loadkit.reporters.markdown_note import markdown_note
from loadkit.reporters.tables import write_tables
from loadkit.runs import RunFolder, write_text
from loadkit.runs.reader import read_arrivals, read_figures, read_records, read_run
from loadkit.thresholds.objectives import Objectives


def write_reports(folder: RunFolder, objectives: Objectives | None = None) -> dict[str, Any]:
    """Make every derived file of the folder anew, each whole or not at all, and return the summary.

    The summary comes first and the page last, so that a disk that fills up spares what is small.

    :param objectives: thresholds in place of those that the run was made with.
    :raises RunFolderError: the raw files are of a newer version, or the thresholds in them cannot be read.
    """
    records, figures, run = read_records(folder), read_figures(folder), read_run(folder)
    run.setdefault("run_id", folder.run_id)
    if objectives is not None:
        run["slo"] = objectives.document()
    arrivals = read_arrivals(folder)
    summary = summarise(records.calls, records.turns, figures, run, arrivals)
    write_text(folder.summary, json_document(summary))
    write_text(folder.junit, junit_xml(summary, run))
    write_text(folder.note, markdown_note(summary, run))
    write_tables(records.calls, CallRecord, folder.calls_parquet, folder.calls_csv)
    if len(records.turns):
        write_tables(records.turns, TurnRecord, folder.turns_parquet, folder.turns_csv)
    write_text(folder.report, html_page(summary, records.calls, records.turns, figures, run, arrivals))
    return summary


def summary_of(folder: RunFolder, objectives: Objectives | None = None) -> dict[str, Any]:
    """The summary out of the raw files alone; nothing is written.

    :param objectives: as of :func:`write_reports`.
    :raises RunFolderError: likewise.
    """
    records, run = read_records(folder), read_run(folder)
    run.setdefault("run_id", folder.run_id)
    if objectives is not None:
        run["slo"] = objectives.document()
    return summarise(records.calls, records.turns, read_figures(folder), run, read_arrivals(folder))
