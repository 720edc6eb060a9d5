"""Drift and the gateway's sessions: tables of the page, and lines of the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loadkit.analysis.drift_words import name_of, value_text
from loadkit.printable import printable
from loadkit.reporters.page_tables import CallTable, Column
from loadkit.reporters.wording import NOT_MEASURED, capital, count, length, milliseconds, plural

_DRIFTS = (
    "a measure drifts when the interval of its slope leaves out zero and its quarters differ by more than the floor "
    "(latency: and the engines' lateness; memory: and what the most calls at once took); it is steady when the "
    "interval, or all that was measured, lies within the floor; else the run was too short to say"
)
_ORDER = ("drifts", "too short to say", "steady")


#: What a value of a unit is multiplied by, and what stands behind it.
_SMALL = {"share": (100.0, " %"), "B": (1e-6, " MB"), "ms": (1.0, " ms"), "1/s": (1.0, "/s")}
#: Less than this in the unit that is shown is nothing.
_NOTHING = 1e-4


def drift_tables(summary: Mapping[str, Any]) -> list[CallTable]:
    """Tables of the page: what drifted, and what the gateway held; none for a run without either."""
    tables = []
    drift, sessions = summary["drift"], summary["sessions"]
    if drift is not None and drift["measures"]:
        tables.append(_measures(drift))
    if sessions is not None:
        tables.append(_sessions(sessions))
    return tables


def drift_lines(summary: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """Name and text of each line of the text summary; a run of a minute says nothing of drift."""
    drift, sessions = summary["drift"], summary["sessions"]
    measures = drift["measures"] if drift else []
    spoken = any(row["measure"] != "sessions_left" or row["status"] == "drifts" for row in measures)
    return [
        ("sessions", None if sessions is None else sessions_text(sessions)),
        ("drift", f"{drift['status']}: {drift['sentence']}" if spoken else None),
    ]


def sessions_text(sessions: Mapping[str, Any]) -> str:
    """What the gateway held, before, at most, and after the last call."""
    if sessions["active_max"] is None:
        reasons = ", ".join(printable(reason, 40) for reason in sessions["errors"])
        return f"not told by the gateway in {plural(sessions['looks'], 'look')}: {reasons}"
    parts = [f"{count(sessions['active_max'])} at the gateway at most"]
    if sessions["before"]:
        parts.append(f"{count(sessions['before'])} of others before the first call")
    if sessions["looks_failed"]:
        parts.append(f"{count(sessions['looks_failed'])} of {plural(sessions['looks'], 'look')} failed")
    return ", ".join([*parts, _left(sessions)])


def _left(sessions: Mapping[str, Any]) -> str:
    after = length(sessions["looked_on_s"])
    match sessions["left_state"]:
        case "gone":
            return "none left after the last call"
        case "stay":
            return f"{count(sessions['left'])} left {after} after the last call: leaked, or others'"
        case "change":
            return f"{count(sessions['left'])} left {after} after the last call, and still changing"
    return "what was left after the last call is not known"


def _measures(drift: Mapping[str, Any]) -> CallTable:
    heads = [
        Column("Measure", "word"),
        Column("Drift", "", _DRIFTS),
        Column("First quarter", "n", "median of the first quarter of the time that was looked at"),
        Column("Last quarter", "n", "median of the last quarter"),
        Column("Change", "n", "from the first to the last quarter"),
        Column("Floor", "n", "a change up to so much is of no interest"),
        Column("Slope per hour", "n", "median of the slopes between all pieces of time (Theil and Sen)"),
        Column(
            "99 % interval", "n", "of the slope, made wider by what neighbouring pieces know of each other"
        ),
        Column("Pieces", "n", "pieces of time with values"),
    ]
    ordered = sorted(drift["measures"], key=lambda row: (not row["judged"], _ORDER.index(row["status"])))
    caption = drift["sentence"]
    if drift["to_s"] > drift["from_s"]:
        caption += f" Looked at: {length(drift['from_s'])} to {length(drift['to_s'])} after the start."
    return CallTable("drift", "Drift over the run", caption, heads, [_row(row) for row in ordered], "")


def _row(row: Mapping[str, Any]) -> Sequence[str]:
    unit = row["unit"]
    word = row["status"] if row["direction"] is None else f"{row['status']} ({row['direction']})"
    interval = NOT_MEASURED
    if row["slope_per_h"] is not None:
        low, high = row["slope_low"], row["slope_high"]
        ends = [
            _signed(low, unit) if low is not None else "−∞",
            _signed(high, unit) if high is not None else "∞",
        ]
        interval = " to ".join(ends)
    return [
        name_of(row),
        word if row["judged"] else f"{word}, not judged",
        value_text(row["first"], unit),
        value_text(row["last"], unit),
        _signed(row["change"], unit),
        value_text(row["floor"], unit) if row["floor"] is not None else NOT_MEASURED,
        _signed(row["slope_per_h"], unit),
        interval,
        count(row["pieces"]),
    ]


def _signed(value: float | None, unit: str) -> str:
    """With its sign; a small one with two digits that say something, since no slope is −0.0."""
    text = value_text(value, unit)
    if value is None or not value:
        return text
    if not any(digit in text for digit in "123456789"):
        scale, suffix = _SMALL.get(unit, (1.0, ""))
        shown = abs(value) * scale
        text = f"{shown:.2g}{suffix}" if shown >= _NOTHING else f"0{suffix}"
        return text if shown < _NOTHING else f"{'+' if value > 0 else '−'}{text}"
    return f"+{text}" if value > 0 else text.replace("-", "−")


def _sessions(sessions: Mapping[str, Any]) -> CallTable:
    spread = sessions["round_trip_ms"]
    rows = [
        ["Looks at /health", count(sessions["looks"])],
        ["of these without a count", count(sessions["looks_failed"])],
        *([f"because: {printable(reason, 60)}", count(n)] for reason, n in sessions["errors"].items()),
        ["Round trip, p50 / p95", f"{milliseconds(spread['p50'])} / {milliseconds(spread['p95'])}"],
        ["Sessions before the first call", count(sessions["before"])],
        ["Sessions at most", count(sessions["active_max"])],
        ["Sessions left after the last call", count(sessions["left"])],
        ["looked on for", length(sessions["looked_on_s"])],
    ]
    caption = (
        f"{capital(sessions_text(sessions))}. activeSessions as the gateway tells it; the picture shows it "
        "beside the calls that we held. Other users of the gateway have sessions, too."
    )
    heads = [Column("What", "word"), Column("Value", "n")]
    return CallTable("sessions", "The gateway's sessions", caption, heads, rows, "")
