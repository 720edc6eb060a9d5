"""A view as a screen of a terminal, drawn by rich: lines that are cut where the terminal ends, and no boxes."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from loadkit.live import wording

_FAILURES = 4
_CODES = 6
_WORKERS = 8
_MARKS = 2


def screen(view: dict[str, Any]) -> RenderableType:
    """The run as it is now. No text in it is read as markup."""
    rows = Table.grid(padding=(0, 1), expand=True)
    rows.add_column(style="bold", no_wrap=True, width=9)
    rows.add_column(ratio=1, overflow="ellipsis")
    for label, text in [
        ("Calls", _calls(view["calls"])),
        ("Started", _arrivals(view["arrivals"])),
        ("Ended", _outcomes(view["outcomes"])),
        ("Set-up", _latency(view["latency"]["setup"])),
        ("Turn", _latency(view["latency"]["turn"])),
        ("Generator", _generator(view["generator"])),
    ]:
        rows.add_row(label, text)
    for worker in _workers(view["generator"]["workers"]):
        rows.add_row("", worker)
    if view["failures"]["total"]:
        rows.add_row(Text("Failures", style="red"), _codes(view["failures"]))
        for failure in view["failures"]["newest"][:_FAILURES]:
            rows.add_row("", _failure(failure))
    for mark in view["marks"][:_MARKS]:
        rows.add_row("Mark", _one_line(f"{wording.length(mark['second'])}  {mark['text']}"))
    return Group(Rule(_title(view), style="dim", align="left"), rows)


def _title(view: dict[str, Any]) -> Text:
    parts = [f"run {view['run_id']}", wording.length(view["seconds"]), wording.time_left(view)]
    return _one_line(" · ".join(part for part in parts if part), style="bold")


def _calls(calls: dict[str, Any]) -> Text:
    text = Text(f"{wording.count(calls['in_progress'])} in progress", style="bold")
    passed = [f"{wording.name(s['stage'])} {s['calls']:,}" for s in calls["stages"] if s["calls"]]
    if passed:
        text.append("   " + " · ".join(passed), style="not bold")
    return text


def _arrivals(arrivals: dict[str, Any]) -> Text:
    text = f"{wording.count(arrivals['started'])}   {wording.rate(arrivals['started_per_s'])}"
    if arrivals["intended"] is not None:
        text += f"   intended {wording.rate(arrivals['intended_per_s'])}"
    line = _one_line(text)
    if arrivals["dropped"]:
        line.append(f"   dropped {wording.count(arrivals['dropped'])}", style="yellow")
    return line


def _outcomes(outcomes: dict[str, int]) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    for outcome, calls in outcomes.items():
        style = "red" if outcome == "failed" and calls else ""
        text.append(" · " if text else "").append(f"{calls:,} {wording.name(outcome)}", style=style)
    return text


def _latency(latency: dict[str, Any]) -> Text:
    return _one_line(f"{wording.percentiles(latency)}   {wording.count(latency['count'])} in the last minute")


def _generator(generator: dict[str, Any]) -> Text:
    style = {"fit": "green", "over a limit": "yellow", "silent": "yellow"}.get(generator["status"], "")
    text = Text(wording.fitness(generator), style=style)
    text.append(f"   {_figures(generator)}", style="not bold default")
    return text


def _workers(workers: list[dict[str, Any]]) -> list[Text]:
    if len(workers) < 2:
        return []
    lines = []
    for worker in workers[:_WORKERS]:
        said = "silent" if worker["silent"] else _figures(worker)
        style = "yellow" if worker["over"] or worker["silent"] else ""
        lines.append(_one_line(f"{worker['worker']}  {worker['calls']:,} calls  {said}", style=style))
    if len(workers) > _WORKERS:
        lines.append(_one_line(f"and {len(workers) - _WORKERS} more"))
    return lines


def _figures(shown: dict[str, Any]) -> str:
    late, lag = wording.milliseconds(shown["late_ms_p99"]), wording.milliseconds(shown["loop_lag_ms"])
    return f"late p99 {late}  lag {lag}  CPU {wording.share(shown['cpu_share'])}"


def _codes(failures: dict[str, Any]) -> Text:
    codes = failures["codes"]
    told = [f"{c['code']} {c['calls']:,}" for c in codes[:_CODES]]
    others = failures["other_codes_calls"] + sum(c["calls"] for c in codes[_CODES:])
    if others:
        told.append(f"other codes {others:,}")
    return _one_line(" · ".join(told), style="red")


def _failure(failure: dict[str, Any]) -> Text:
    text = f"{wording.clock(failure['at'])} {failure['stage']} {failure['code']}: {failure['message']}"
    return _one_line(text, style="dim")


def _one_line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")
