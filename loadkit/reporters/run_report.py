"""From the raw files of a run to all the files that are made from them."""

from __future__ import annotations

from typing import Any

from loadkit.analysis import summarise
from loadkit.records import CallRecord, TurnRecord
from loadkit.reporters.html_page import html_page
from loadkit.reporters.json_document import json_document
from loadkit.reporters.tables import write_tables
from loadkit.runs import RunFolder, write_text
from loadkit.runs.reader import read_arrivals, read_figures, read_health, read_records, read_run


def write_reports(folder: RunFolder) -> dict[str, Any]:
    """Make every derived file of the folder anew, each whole or not at all, and return the summary.

    The summary comes first and the page last, so that a disk that fills up spares what is small.
    """
    records, figures, run = read_records(folder), read_figures(folder), read_run(folder)
    run.setdefault("run_id", folder.run_id)
    arrivals = read_arrivals(folder)
    summary = summarise(records.calls, records.turns, figures, run, arrivals, read_health(folder))
    write_text(folder.summary, json_document(summary))
    write_tables(records.calls, CallRecord, folder.calls_parquet, folder.calls_csv)
    if len(records.turns):
        write_tables(records.turns, TurnRecord, folder.turns_parquet, folder.turns_csv)
    write_text(folder.report, html_page(summary, records.calls, records.turns, figures, run, arrivals))
    return summary
