"""The paths of a run side by side, as a table of the page and as lines of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadkit.analysis.paths import worth_comparing
from loadkit.printable import printable
from loadkit.reporters.page_tables import CallTable, Column
from loadkit.reporters.wording import NOT_MEASURED, count, milliseconds, plain, plural

_MOST = 3
_SPREADS = (
    ("Set-up", "setup_ms"),
    ("ICE", "ice_ms"),
    ("Relay", "relay_ms"),
    ("Round trip", "round_trip_time_ms"),
)


def path_tables(summary: Mapping[str, Any]) -> list[CallTable]:
    """One table, or none when there is nothing to compare."""
    paths = summary["paths"]
    if not worth_comparing(paths):
        return []
    heads = [Column("Path", "word"), Column("Calls", "n"), Column("Failed", "")]
    for name, _ in _SPREADS:
        heads += [Column(f"{name} p50", "n"), Column("p95", "n")]
    heads.append(Column("Pair used", "word"))
    rows = [
        [
            printable(path, 40),
            count(figures["calls"]),
            _most(figures["errors"]) or "0",
            *(plain(figures[key][rank]) for _, key in _SPREADS for rank in ("p50", "p95")),
            _most(figures["pairs"]) or NOT_MEASURED,
        ]
        for path, figures in paths.items()
    ]
    caption = (
        "Times in milliseconds, for each path that was asked for. Relay: until the TURN server gave one, while the "
        "offer is being answered. Pair used: our candidate, a relay with the transport to its TURN server, and the "
        "gateway\u2019s."
    )
    caption += _without_relay(paths)
    return [CallTable("paths", "Paths side by side", caption, heads, rows, "")]


def path_lines(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A name and a line for each path; none when there is nothing to compare."""
    paths = summary["paths"]
    return [(printable(path, 12), _line(paths[path])) for path in paths if worth_comparing(paths)]


def _line(figures: Mapping[str, Any]) -> str:
    failed = (
        f"{figures['failed']:,} failed ({_most(figures['errors'])})" if figures["failed"] else "none failed"
    )
    notes = [plural(figures["calls"], "call"), failed]
    for name, key in (("set-up", "setup_ms"), ("ICE", "ice_ms"), ("round trip", "round_trip_time_ms")):
        if figures[key]["count"]:
            notes.append(
                f"{name} p50 {milliseconds(figures[key]['p50'])}, p95 {milliseconds(figures[key]['p95'])}"
            )
    if figures["pairs"]:
        notes.append(_most(figures["pairs"]))
    return ", ".join(notes)


def _most(counts: Mapping[str, int]) -> str:
    """``host → host 12, relay/udp → host 3``: the most frequent ones."""
    told = [f"{printable(name, 60)} {number:,}" for name, number in list(counts.items())[:_MOST]]
    left = len(counts) - len(told)
    return ", ".join([*told, f"{left:,} more"] if left else told)


def _without_relay(paths: Mapping[str, Mapping[str, Any]]) -> str:
    went_on = paths.get("any", {}).get("without_relay", 0)
    return (
        f" {plural(went_on, 'call')} of the path any got no relay and went on without: turn_error in calls.csv."
        if went_on
        else ""
    )
