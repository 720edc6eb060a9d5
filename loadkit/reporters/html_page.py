"""``report.html``: one file that opens offline, asks nobody for anything, and runs nothing that a gateway sent.

Everything that is shown passes through Jinja's autoescape. The page's own policy then forbids every request and
every script and style but the ones whose hashes it names; Vega runs on its interpreter, without ``eval``.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup

from loadkit.analysis.percentiles import STATISTICS
from loadkit.printable import printable
from loadkit.reporters import headline, page_tables
from loadkit.reporters.charts import pictures
from loadkit.reporters.charts_of_traffic import traffic_pictures
from loadkit.reporters.engine_table import engine_tables
from loadkit.reporters.page_shell import asset, json_in_html, policy, template
from loadkit.reporters.path_table import path_tables
from loadkit.reporters.threshold_table import threshold_rows
from loadkit.reporters.vega_bundle import vega_bundle
from loadkit.reporters.wording import plural

_HINT = (
    "Values show under the mouse. What runs over time can be dragged sideways, zoomed with Shift and the wheel, and "
    "reset with a double-click."
)

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
) -> str:
    """The whole page.

    :param run: the content of ``run.json``; its settings hold no secrets.
    :param arrivals: what arrived second by second; empty for a run by users.
    """
    drawn = pictures(calls, turns, figures, summary)
    drawn[:0] = traffic_pictures(calls, figures, arrivals, summary, run)
    css, script = asset("page.css"), asset("page.js")
    bundle = vega_bundle() if drawn else ""
    started_at = summary["run"]["started_at"]
    word, css_class = headline.status_words(summary)
    errors, tiles = headline.error_rows(summary), headline.tiles(summary)
    return template("page.html.j2").render(
        policy=policy([bundle, script] if drawn else [script], css),
        css=Markup(css),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        bundle=Markup(bundle),  # noqa: S704 - vl-convert's file
        specs=json_in_html({picture.name: picture.spec for picture in drawn if picture.spec}),
        run_id=printable(str(summary["run_id"] or "without a name"), 100),
        status_word=word,
        status_class=css_class,
        sentence=summary["verdict"]["sentence"],
        about=headline.about(summary, run),
        notes=headline.notes(summary),
        tiles=tiles,
        tile_columns=next((number for number in (5, 4, 3) if len(tiles) % number == 0), 4),
        thresholds=threshold_rows(summary),
        errors=errors,
        errors_caption=f"{plural(summary['calls']['failed'], 'failed call')} by error code, most frequent first.",
        failed_stages=headline.failed_stages(summary),
        pictures=drawn,
        hint=_HINT,
        statistics=STATISTICS,
        distributions=page_tables.distributions(summary),
        totals=page_tables.totals(summary),
        path_tables=path_tables(summary),
        call_tables=[
            *engine_tables(summary),
            page_tables.slowest_calls(calls, started_at),
            page_tables.failed_calls(calls, started_at),
        ],
        command=_command(run),
        files=_files(bool(len(turns)), bool(len(arrivals))),
        run_tables=_run_tables(run),
        method=_METHOD,
    )


def _command(run: Mapping[str, Any]) -> str:
    command = run.get("command")
    if isinstance(command, (list, tuple)):
        command = shlex.join(str(part) for part in command)
    return printable(str(command), 2_000) if command else ""


def _files(with_turns: bool, with_arrivals: bool) -> list[dict[str, str]]:
    files = {
        "calls.csv": "one row per call",
        "calls.parquet": "the same, typed",
        **(
            {"turns.csv": "one row per turn of talk", "turns.parquet": "the same, typed"}
            if with_turns
            else {}
        ),
        "summary.json": "the numbers of this page",
        "run.json": "settings, versions, machine",
        "records.jsonl": "raw: calls",
        "figures.jsonl": "raw: the generator's processes, once a second",
        **({"arrivals.jsonl": "raw: arrivals, second by second"} if with_arrivals else {}),
    }
    return [{"name": name, "what": what} for name, what in files.items()]


def _run_tables(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What ``run.json`` says, in tables of two columns; keys that loadkit does not know are shown, too."""
    apart = {"settings": "Settings", "versions": "Versions", "machine": "Machine", "workers": "Workers"}
    tables = [
        {"title": title, "rows": page_tables.flattened(run[key])}
        for key, title in apart.items()
        if isinstance(run.get(key), Mapping) and run[key]
    ]
    known = {*apart, "version", "run_id", "started_at", "ended_at", "ended_by", "command"}
    rest = {str(key): value for key, value in run.items() if key not in known}
    return [*tables, {"title": "Other", "rows": page_tables.flattened(rest)}] if rest else tables
