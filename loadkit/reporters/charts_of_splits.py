"""The run cut by scenario, mode, path, worker and engine: a table and pictures for each, of which one is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from loadkit.analysis.percentiles import has_tail
from loadkit.analysis.splits import DIMENSIONS, coarser, failed_over, group_figures, groups_of, p95_over
from loadkit.analysis.timeline import Timeline
from loadkit.records import Outcome
from loadkit.reporters.chart_bars import stacked_over_time
from loadkit.reporters.chart_lines import lines_over_time
from loadkit.reporters.chart_style import GROUP_COLOURS, Elapsed, Picture, finished
from loadkit.reporters.page_sections import Panel, Panels
from loadkit.reporters.page_tables import MEANINGS, CallTable, Column
from loadkit.reporters.wording import capital, count, milliseconds, plain, share


@dataclass(frozen=True)
class _Split:
    """The calls cut by one column."""

    column: str
    label: str
    groups: pd.Series[Any]
    """Of each call."""
    times: Timeline
    figures: Mapping[str, Any]
    """By group, most calls first."""
    colours: Mapping[str, str]


def split_panels(
    calls: pd.DataFrame, turns: pd.DataFrame, times: Timeline, overall: list[Picture]
) -> Sequence[Panels | Picture]:
    """The choice of splits; the pictures alone when there are none, or all calls are alike.

    :param overall: pictures of all calls, which is the first choice.
    """
    if not overall:
        return []
    panels = [Panel("all", "all calls together", overall)]
    for column, label in DIMENSIONS.items():
        groups = groups_of(calls, column)
        if groups is not None:
            figures = group_figures(calls, turns, groups)
            colours = dict(zip(figures, GROUP_COLOURS, strict=False))
            split = _Split(column, label, groups, coarser(times), figures, colours)
            panels.append(_panel(split, calls, turns))
    return [Panels("Split by", panels)] if len(panels) > 1 else overall


def _panel(split: _Split, calls: pd.DataFrame, turns: pd.DataFrame) -> Panel:
    pictures = [_setup(split, calls)]
    if len(turns):
        pictures.append(_turns(split, calls, turns))
    return Panel(split.column, split.label, [_table(split), *pictures, _failures(split, calls)])


def _table(split: _Split) -> CallTable:
    heads = [
        Column(capital(split.label), "head", MEANINGS[split.column]),
        Column("Calls", "n"),
        Column("Failed", "n"),
        *(Column(f"Set-up {name}, ms", "n", MEANINGS["setup_ms"]) for name in ("p50", "p95", "p99")),
        *(Column(f"Turn {name}, ms", "n", MEANINGS["turn_latency_ms"]) for name in ("p50", "p95")),
        Column("Packets lost", "n", "packets lost, of packets expected: those received and those lost"),
    ]
    rows = [
        [
            name,
            count(one["calls"]),
            count(one["failed"]),
            *(plain(one["setup_ms"][rank]) for rank in ("p50", "p95", "p99")),
            *(plain(one["turn_latency_ms"][rank]) for rank in ("p50", "p95")),
            share(one["fraction_lost"], 2),
        ]
        for name, one in split.figures.items()
    ]
    title = f"Calls by {split.label}"
    return CallTable(f"split-{split.column}", title, "Most calls first.", heads, rows, "", sortable=True)


def _setup(split: _Split, calls: pd.DataFrame) -> Picture:
    table = p95_over(split.times, calls["intended_at"], calls["setup_ms"], split.groups)
    name, title = f"setup-by-{split.column}", f"Set-up p95 by {split.label}"
    text = "95 % of the calls of each group were set up within this time, by their intended start."
    return _lines(split, Picture(name, title, text, None, measure="setup_ms"), table, "set-up, ms", "calls")


def _turns(split: _Split, calls: pd.DataFrame, turns: pd.DataFrame) -> Picture:
    of_call = pd.DataFrame(
        {"at": calls["started_at"].to_numpy(), "group": split.groups.to_numpy()}, calls["call_id"]
    )
    theirs = of_call.reindex(turns["call_id"])
    of_turn = theirs["group"].astype(split.groups.dtype).reset_index(drop=True)
    latency = turns["turn_latency_ms"].reset_index(drop=True)
    table = p95_over(split.times, theirs["at"].reset_index(drop=True), latency, of_turn)
    name, title = f"turns-by-{split.column}", f"Turn latency p95 by {split.label}"
    text = (
        "In 95 % of the turns of each group the agent was heard within this time, by the start of the call."
    )
    picture = Picture(name, title, text, None, measure="turn_latency_ms")
    return _lines(split, picture, table, "turn latency, ms", "turns")


def _lines(split: _Split, picture: Picture, table: pd.DataFrame, what: str, of: str) -> Picture:
    """The picture with a line for each group."""
    if table.empty:
        return replace(picture, zooms=True)
    axis = Elapsed(split.times.span_s)
    named = axis.scaled(table).rename(columns={"group": "percentile", "p95": "ms"})
    there = set(named["percentile"])
    colours = {group: colour for group, colour in split.colours.items() if group in there}
    chart = lines_over_time(named, axis, what, colours, _zoom(picture), of)
    finding = _slowest(split.figures, picture.measure)
    return replace(picture, spec=finished(chart), zooms=True, finding=finding, rim="ms")


def _slowest(figures: Mapping[str, Any], measure: str) -> str:
    """Which group it is, of those with enough values to have a p95."""
    known = {name: one[measure]["p95"] for name, one in figures.items() if has_tail(one[measure])}
    if len(known) < 2:
        return ""
    slow, fast = max(known, key=lambda name: known[name]), min(known, key=lambda name: known[name])
    return (
        f"Slowest is {slow}, with a p95 of {milliseconds(known[slow])}; fastest {fast}, with "
        f"{milliseconds(known[fast])}."
    )


def _failures(split: _Split, calls: pd.DataFrame) -> Picture:
    name, title = f"failures-by-{split.column}", f"Failed calls by {split.label}"
    picture = Picture(name, title, "Failed calls by when they ended.", None, "No call failed.", zooms=True)
    failed = calls["outcome"] == Outcome.FAILED
    table = failed_over(split.times, calls.loc[failed, ["ended_at"]], split.groups[failed])
    if table.empty:
        return picture
    figures = split.figures
    shares = {group: one["failed"] / one["calls"] for group, one in figures.items() if one["calls"]}
    worst = max(shares, key=lambda group: shares[group])
    finding = f"Most often failed {worst}: {share(shares[worst])} of its {figures[worst]['calls']:,} calls."
    axis = Elapsed(split.times.span_s)
    named = axis.scaled(table).rename(columns={"group": split.label})
    chart = stacked_over_time(
        named, axis, split.label, "calls", split.colours, split.times.width_s, _zoom(picture)
    )
    return replace(picture, spec=finished(chart), finding=finding)


def _zoom(picture: Picture) -> str:
    return f"{picture.name.replace('-', '_')}_zoom"
