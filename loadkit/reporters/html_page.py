"""``report.html``: one file that opens offline, asks nobody for anything, and runs nothing that a gateway sent.

It is for three readers: who wants the result in a sentence, who looks for the cause, and who wants the data. What is
between the result and the data is a list of sections (:mod:`~loadkit.reporters.page_sections`).

Everything that is shown passes through Jinja's autoescape. The page's own policy then forbids every request and
every script and style but the ones whose hashes it names; Vega runs on its interpreter, without ``eval``.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import pandas as pd

from loadkit.analysis.percentiles import STATISTICS
from loadkit.printable import printable
from loadkit.reporters import headline
from loadkit.reporters.data_files import data_files
from loadkit.reporters.definitions import words
from loadkit.reporters.executive import thresholds_told, told
from loadkit.reporters.page_sections import Section
from loadkit.reporters.page_shell import rendered
from loadkit.reporters.page_tables import flattened
from loadkit.reporters.run_sections import run_sections

_METHOD = (
    "Made by loadkit from the raw records beside this file. Percentiles interpolate between the two values next to "
    "the rank; what was not measured is left out and shown as –, never as 0. Set-up time counts from the intended "
    "start of a call, so that a call that had to wait is not counted as fast."
)


def html_page(
    summary: Mapping[str, Any],
    calls: pd.DataFrame,
    turns: pd.DataFrame,
    figures: pd.DataFrame,
    run: Mapping[str, Any],
    arrivals: pd.DataFrame,
    sizes: Mapping[str, int | None] | None = None,
) -> str:
    """The whole page.

    :param run: the content of ``run.json``; its settings hold no secrets.
    :param arrivals: what arrived second by second; empty for a run by users.
    :param sizes: files beside the page → bytes.
    """
    sections = run_sections(summary, calls, turns, figures, run, arrivals)
    drawn = [picture for section in sections for picture in section.pictures if picture.spec]
    word, css_class = headline.status_words(summary)
    tiles = headline.tiles(summary)
    return rendered(
        "page.html.j2",
        drawn,
        run_id=printable(str(summary["run_id"] or "without a name"), 100),
        status_word=word,
        status_class=css_class,
        sentence=summary["verdict"]["sentence"],
        started_at=summary["run"]["started_at"],
        about=headline.about(summary, run),
        told=told(summary),
        thresholds=thresholds_told(summary),
        notes=[*headline.notes(summary), *headline.baseline_notes(run)],
        tiles=tiles,
        tile_columns=next((number for number in (5, 4, 3) if len(tiles) % number == 0), 4),
        sections=sections,
        **_around_time(sections),
        drawn=bool(drawn),
        statistics=STATISTICS,
        command=_command(run),
        again=f"python -m loadkit report {shlex.quote(printable(_folder(summary, run), 300))}",
        files=data_files(sizes or {}),
        definitions=words(),
        run_tables=_run_tables(run),
        method=_METHOD,
    )


def _around_time(sections: Sequence[Section]) -> dict[str, Sequence[Section]]:
    """The sections from the first to the last with a picture over time, over which the bar for its zoom stands, and
    those around them."""
    timed = [place for place, section in enumerate(sections) if section.over_time]
    first, end = (timed[0], timed[-1] + 1) if timed else (len(sections), len(sections))
    return {"before": sections[:first], "timed": sections[first:end], "after": sections[end:]}


def _folder(summary: Mapping[str, Any], run: Mapping[str, Any]) -> str:
    """Where the run was written, as it was given."""
    settings = run.get("settings")
    reports = settings.get("reports_dir") if isinstance(settings, Mapping) else None
    return str(PurePath(str(reports or "reports"), str(summary["run_id"] or "<run folder>")))


def _command(run: Mapping[str, Any]) -> str:
    command = run.get("command")
    if isinstance(command, (list, tuple)):
        command = shlex.join(str(part) for part in command)
    return printable(str(command), 2_000) if command else ""


def _run_tables(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What ``run.json`` says, in tables of two columns; keys that loadkit does not know are shown, too."""
    apart = {"settings": "Settings", "versions": "Versions", "machine": "Machine", "workers": "Workers"}
    tables = [
        {"title": title, "rows": flattened(run[key])}
        for key, title in apart.items()
        if isinstance(run.get(key), Mapping) and run[key]
    ]
    known = {*apart, "version", "run_id", "started_at", "ended_at", "ended_by", "command", "marks"}
    rest = {str(key): value for key, value in run.items() if key not in known}
    return [*tables, {"title": "Other", "rows": flattened(rest)}] if rest else tables
