"""What the path left of speech: the scores of the calls over the run, and in a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from loadkit.analysis.timeline import Timeline
from loadkit.reporters.chart_findings import when
from loadkit.reporters.chart_lines import lines_over_time
from loadkit.reporters.chart_style import BLUE, ORANGE, Elapsed, Picture, finished
from loadkit.reporters.page_tables import CallTable, Column
from loadkit.reporters.wording import NOT_MEASURED, count

#: The scale of a mean opinion score that the model can give.
_DOMAIN = (1.0, 4.5)
_HALF, _WORST = "half of the calls", "worst call"
#: Key of the summary → head of the column and its meaning.
_COLUMNS = {
    "min": ("Worst", "the call with the lowest score"),
    "p1": ("p1", "1 % of the calls have no more"),
    "p5": ("p5", "5 % of the calls have no more"),
    "p50": ("p50", "the median: half of the calls have no more"),
    "mean": ("Mean", "the sum of the scores by their number"),
}


def quality_picture(calls: pd.DataFrame, times: Timeline) -> Picture:
    """The scores over the run, by the start of the call: at most one point per piece of time and line."""
    name, title = "mos", "MOS over the run"
    text = (
        "Mean opinion score of the calls, by their start: what the path left of speech, from 1 (bad) to 4.5; a clean "
        "path has 4.40. Calls that ended before the first RTCP report, after about five seconds, have none."
    )
    known = calls.loc[calls["mos"].notna(), ["mos", "intended_at", "started_at"]]
    if known.empty:
        return Picture(name, title, text, None, "No call was long enough to have a score.", zooms=True)
    axis = Elapsed(times.span_s)
    moments = known["intended_at"].fillna(known["started_at"])
    binned = known["mos"].astype("float64").groupby(times.bin_of(moments))
    table = pd.DataFrame({"count": binned.count(), _HALF: binned.median(), _WORST: binned.min()})
    table.insert(0, "offset_s", (table.index.to_numpy() + 0.5) * times.width_s)
    table = axis.scaled(table.reset_index(drop=True))
    lines = table.melt(["offset_s", "count"], [_HALF, _WORST], "percentile", "ms")
    colours = {_HALF: BLUE, _WORST: ORANGE}
    chart = lines_over_time(lines, axis, "MOS", colours, "mos_zoom", "calls", ".2f", domain=_DOMAIN)
    return Picture(
        name,
        title,
        text,
        finished(chart),
        zooms=True,
        finding=_finding(known["mos"], table, axis),
        measure="mos",
    )


def _finding(scores: pd.Series[Any], table: pd.DataFrame, axis: Elapsed) -> str:
    low, high = f"{scores.min():.2f}", f"{scores.max():.2f}"
    if low == high:
        return f"Every call had {low}."
    at = float(table["offset_s"].to_numpy()[table[_WORST].to_numpy(dtype="float64").argmin()])
    return f"The worst call had {low}, {when(at, axis)}."


def quality_tables(summary: Mapping[str, Any]) -> list[CallTable]:
    """The lower end of the scores, which is what matters of them; none when no call has a score."""
    quality = summary["quality"]
    mos = quality["mos"]
    if not mos["count"]:
        return []
    cells = [NOT_MEASURED if mos[key] is None else f"{mos[key]:.2f}" for key in _COLUMNS]
    heads = [
        Column("Measure", "head"),
        Column("Calls", "n", "calls with a score"),
        *(Column(title, "n", meaning) for title, meaning in _COLUMNS.values()),
    ]
    late = count(quality["playout_late_simulated"])
    caption = (
        f"A model's score, not a listener's: {quality['model']}. Too late for that playout: {late} packets."
    )
    row = ["MOS", count(mos["count"]), *cells]
    return [CallTable("quality", "Mean opinion score", caption, heads, [row], "")]
