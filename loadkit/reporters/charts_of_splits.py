"""The run cut by scenario, mode, path, worker and engine: a table and pictures for each, of which one is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from loadkit.analysis.splits import DIMENSIONS, coarser, failed_over, group_figures, groups_of, p95_over
from loadkit.analysis.timeline import Timeline
from loadkit.records import Outcome
from loadkit.reporters.chart_bars import stacked_over_time
from loadkit.reporters.chart_lines import lines_over_time
from loadkit.reporters.chart_style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    Elapsed,
    Picture,
    finished,
)
from loadkit.reporters.page_sections import Panel, Panels
from loadkit.reporters.page_tables import MEANINGS, CallTable, Column
from loadkit.reporters.wording import count, milliseconds, plain, share

#: Of the groups, those with most calls first; lines have a dash of their own besides.
GROUP_COLOURS = (BLUE, ORANGE, GREEN, PURPLE, INK, SKY, GREY, RED)


def split_panels(
    calls: pd.DataFrame, turns: pd.DataFrame, times: Timeline, overall: list[Picture]
) -> list[Panels]:
    """The choice of splits; none when there are no pictures, and no choice when all calls are alike.

    :param overall: pictures of all calls, which is the first choice.
    """
    if not overall:
        return []
    panels = [Panel("all", "all calls together", overall)]
    for column, label in DIMENSIONS.items():
        groups = groups_of(calls, column)
        if groups is not None:
            panels.append(_panel(column, label, groups, calls, turns, coarser(times)))
    return [Panels("Split by", panels)]


def _panel(
    column: str, label: str, groups: pd.Series[Any], calls: pd.DataFrame, turns: pd.DataFrame, times: Timeline
) -> Panel:
    figures = group_figures(calls, turns, groups)
    colours = dict(zip(figures, GROUP_COLOURS, strict=False))
    pictures = [_setup(column, label, groups, calls, times, colours, figures)]
    if len(turns):
        pictures.append(_turns(column, label, groups, calls, turns, times, colours))
    pictures.append(_failures(column, label, groups, calls, times, colours, figures))
    return Panel(column, label, [_table(column, label, figures), *pictures])


def _table(column: str, label: str, figures: Mapping[str, Any]) -> CallTable:
    heads = [
        Column(label.capitalize(), "head", MEANINGS[column]),
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
        for name, one in figures.items()
    ]
    title = f"Calls by {label}"
    return CallTable(f"split-{column}", title, "Most calls first.", heads, rows, "", sortable=True)


def _setup(
    column: str,
    label: str,
    groups: pd.Series[Any],
    calls: pd.DataFrame,
    times: Timeline,
    colours: Mapping[str, str],
    figures: Mapping[str, Any],
) -> Picture:
    table = p95_over(times, calls["intended_at"], calls["setup_ms"], groups)
    known = {name: one["setup_ms"]["p95"] for name, one in figures.items() if one["setup_ms"]["count"]}
    finding = ""
    if len(known) > 1:
        slow, fast = max(known, key=lambda name: known[name]), min(known, key=lambda name: known[name])
        finding = (
            f"Slowest is {slow}, with a p95 of {milliseconds(known[slow])}; fastest {fast}, with "
            f"{milliseconds(known[fast])}."
        )
    name, title = f"setup-by-{column}", f"Set-up p95 by {label}"
    text = "95 % of the calls of each group were set up within this time, by their intended start."
    return _lines(name, title, text, finding, table, times, colours, "set-up, ms", "calls", "setup_ms")


def _turns(
    column: str,
    label: str,
    groups: pd.Series[Any],
    calls: pd.DataFrame,
    turns: pd.DataFrame,
    times: Timeline,
    colours: Mapping[str, str],
) -> Picture:
    of_call = pd.DataFrame(
        {"at": calls["started_at"].to_numpy(), "group": groups.to_numpy()}, calls["call_id"]
    )
    theirs = of_call.reindex(turns["call_id"])
    of_turn = theirs["group"].astype(groups.dtype).reset_index(drop=True)
    latency = turns["turn_latency_ms"].reset_index(drop=True)
    table = p95_over(times, theirs["at"].reset_index(drop=True), latency, of_turn)
    name, title = f"turns-by-{column}", f"Turn latency p95 by {label}"
    text = (
        "In 95 % of the turns of each group the agent was heard within this time, by the start of the call."
    )
    return _lines(
        name, title, text, "", table, times, colours, "turn latency, ms", "turns", "turn_latency_ms"
    )


def _lines(
    name: str,
    title: str,
    text: str,
    finding: str,
    table: pd.DataFrame,
    times: Timeline,
    colours: Mapping[str, str],
    what: str,
    of: str,
    measure: str,
) -> Picture:
    if table.empty:
        return Picture(name, title, text, None, zooms=True)
    axis = Elapsed(times.span_s)
    named = axis.scaled(table).rename(columns={"group": "percentile", "p95": "ms"})
    present = {group: colour for group, colour in colours.items() if group in set(named["percentile"])}
    chart = lines_over_time(named, axis, what, present, f"{name.replace('-', '_')}_zoom", of)
    return Picture(name, title, text, finished(chart), zooms=True, finding=finding, measure=measure)


def _failures(
    column: str,
    label: str,
    groups: pd.Series[Any],
    calls: pd.DataFrame,
    times: Timeline,
    colours: Mapping[str, str],
    figures: Mapping[str, Any],
) -> Picture:
    name, title = f"failures-by-{column}", f"Failed calls by {label}"
    text = "Failed calls by when they ended."
    failed = calls["outcome"] == Outcome.FAILED
    table = failed_over(times, calls.loc[failed, ["ended_at"]], groups[failed])
    if table.empty:
        return Picture(name, title, text, None, "No call failed.", zooms=True)
    shares = {group: one["failed"] / one["calls"] for group, one in figures.items() if one["calls"]}
    worst = max(shares, key=lambda group: shares[group])
    finding = f"Most often failed {worst}: {share(shares[worst])} of its {figures[worst]['calls']:,} calls."
    axis = Elapsed(times.span_s)
    named = axis.scaled(table).rename(columns={"group": label})
    chart = stacked_over_time(
        named, axis, label, "calls", colours, times.width_s, f"{name.replace('-', '_')}_zoom"
    )
    return Picture(name, title, text, finished(chart), zooms=True, finding=finding)
