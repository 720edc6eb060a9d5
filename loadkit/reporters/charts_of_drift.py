"""Pictures of drift: each measure with the line of its slope, our processes, and the gateway's sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from loadkit.analysis.drift_words import change_text, name_of
from loadkit.printable import printable
from loadkit.reporters.chart_lines import lines_over_time
from loadkit.reporters.chart_style import BLUE, GROUP_COLOURS, ORANGE, RED, Elapsed, Picture, finished
from loadkit.reporters.drift_tables import sessions_text
from loadkit.reporters.wording import capital

#: Measure → title, the axis, what its values are multiplied by, number format.
_GATEWAY = {
    "setup_ms": ("Drift: set-up time", "set-up time, ms", 1.0, ",.1f"),
    "turn_latency_ms": ("Drift: turn latency", "turn latency, ms", 1.0, ",.1f"),
    "failed": ("Drift: failures", "share of calls that failed", 1.0, ".2%"),
    "mos": ("Drift: MOS", "MOS", 1.0, ".2f"),
}
_OWN = {
    "rss_bytes": ("Drift: memory of our processes", "memory, MB", 1e-6, ",.1f"),
    "late_ms_p99": ("Drift: lateness of our engines", "lateness p99, ms", 1.0, ",.1f"),
}
#: A picture with more lines cannot be read.
_MOST_LINES = 6


def drift_pictures(summary: Mapping[str, Any]) -> list[Picture]:
    """Of what was measured often enough; none for a run that was too short for any."""
    drift = summary["drift"]
    drawn = []
    rows = [] if drift is None else [row for row in drift["measures"] if row["series"] is not None]
    span = float(summary["run"]["duration_s"] or (drift["to_s"] if drift else 0) or 1.0)
    for name, kind in _GATEWAY.items():
        drawn += [_of_measure(row, kind, span) for row in rows if row["measure"] == name]
    for name, kind in _OWN.items():
        own = [row for row in rows if row["measure"] == name]
        if own:
            drawn.append(_of_processes(name, own, kind, span))
    sessions = summary["sessions"]
    if sessions is not None and sessions["active_max"] is not None:
        drawn.append(_of_sessions(sessions, span))
    return drawn


def _of_measure(row: Mapping[str, Any], kind: tuple[str, str, float, str], span: float) -> Picture:
    title, what, scale, number = kind
    axis = Elapsed(span)
    name = f"drift-{row['measure'].replace('_', '-')}"
    table = _lines({"measured": row["series"], "slope": _slope(row)}, scale)
    chart = lines_over_time(
        axis.scaled(table), axis, what, {"measured": BLUE, "slope": RED}, f"{_id(name)}_zoom", None, number
    )
    point = "the share of failed calls" if row["unit"] == "share" else "the median"
    text = f"A point is {point} in a piece of time; the dashed line is the slope of the run."
    rim = "ms" if row["unit"] == "ms" else ""
    return Picture(name, title, text, finished(chart), zooms=True, finding=_finding(row), rim=rim)


def _of_processes(
    measure: str, rows: Sequence[Mapping[str, Any]], kind: tuple[str, str, float, str], span: float
) -> Picture:
    """Of the processes that changed most."""
    title, what, scale, number = kind
    axis = Elapsed(span)
    shown = sorted(rows, key=lambda row: -abs(row["change"] or 0.0))[:_MOST_LINES]
    name = f"drift-{measure.replace('_', '-')}"
    table = _lines({printable(row["process"], 40): row["series"] for row in shown}, scale)
    colours = dict(zip(dict.fromkeys(table["percentile"]), GROUP_COLOURS, strict=False))
    chart = lines_over_time(axis.scaled(table), axis, what, colours, f"{_id(name)}_zoom", None, number)
    middle = "p99" if measure == "late_ms_p99" else "median"
    text = f"What each process told of itself, the {middle} of a piece of time."
    if len(shown) < len(rows):
        text += f" The {len(shown)} of {len(rows)} that changed most."
    return Picture(name, title, text, finished(chart), zooms=True, finding=_finding(shown[0]))


def _finding(row: Mapping[str, Any]) -> str:
    word = change_text(row) if row["status"] == "drifts" else f"{name_of(row)}: {row['status']}"
    return f"{capital(word)}."


def _of_sessions(sessions: Mapping[str, Any], span: float) -> Picture:
    series = sessions["series"]
    last = series["offset_s"][-1] if series["offset_s"] else 0.0
    axis = Elapsed(max(span, last))
    lines = {
        name: {"offset_s": series["offset_s"], "value": series[key]}
        for name, key in (("at the gateway", "active"), ("calls we held", "held"))
    }
    chart = lines_over_time(
        axis.scaled(_lines(lines, 1.0)),
        axis,
        "sessions",
        {"at the gateway": ORANGE, "calls we held": BLUE},
        "gateway_sessions_zoom",
        None,
    )
    text = (
        "activeSessions of the gateway's /health, and the calls that we held at the same moment, also after the last "
        "call. Sessions that a gateway leaks show as a gap that grows and does not close."
    )
    finding = f"{capital(sessions_text(sessions))}."
    return Picture(
        "gateway-sessions", "The gateway's sessions", text, finished(chart), zooms=True, finding=finding
    )


def _slope(row: Mapping[str, Any]) -> dict[str, list[float]]:
    """The line of the slope through the middle of what was measured."""
    at = pd.Series(row["series"]["offset_s"])
    values = pd.Series(row["series"]["value"], dtype="float64")
    per_s = row["slope_per_h"] / 3_600
    middle = float((values - per_s * at).median())
    ends = [float(at.iloc[0]), float(at.iloc[-1])]
    return {"offset_s": ends, "value": [middle + per_s * end for end in ends]}


def _lines(lines: Mapping[str, Mapping[str, Any]], scale: float) -> pd.DataFrame:
    tables = [
        pd.DataFrame({"offset_s": line["offset_s"], "ms": line["value"]}, dtype="float64").assign(
            percentile=name
        )
        for name, line in lines.items()
    ]
    table = pd.concat(tables, ignore_index=True).dropna()
    return table.assign(ms=table["ms"] * scale, count=None)


def _id(name: str) -> str:
    return name.replace("-", "_")
