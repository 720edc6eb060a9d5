"""The figures as plain text, for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.results import rows_of

Document = dict[str, Any]

_COLUMNS: tuple[tuple[str, int, Callable[[Document], str]], ...] = (
    ("calls", 6, lambda row: str(row["calls"])),
    ("ms CPU/call-s", 14, lambda row: _number(row["ms_per_call_second"], 3)),
    ("calls/core*", 12, lambda row: _number(row["calls_per_core"], 0)),
    ("caller", 8, lambda row: _percent(row["cpu_share"])),
    ("gateway", 8, lambda row: _percent(row["gateway_share"])),
    ("kB/call", 8, lambda row: _number(row["rss_kb_per_call"], 0)),
    ("threads", 8, lambda row: str(row["threads"])),
    ("late p50", 9, lambda row: _number(row["late_ms_p50"], 1)),
    ("p99", 6, lambda row: _number(row["late_ms_p99"], 1)),
    ("max ms", 7, lambda row: _number(row["late_ms_max"], 1)),
)
FOOTNOTE = "* an extrapolation: calls over the caller's share of a core"


def rows_table(rows: Iterable[Document]) -> str:
    """A line per row, and below them why some mean nothing."""
    rows = list(rows)
    if not rows:
        return "nothing was measured"
    width = max(len(row["name"]) for row in rows) + 1
    lines = ["".join([" " * width, *(f"{title:>{size}}" for title, size, _ in _COLUMNS)])]
    lines += [
        "".join([f"{row['name']:{width}}", *(f"{show(row):>{size}}" for _, size, show in _COLUMNS)])
        for row in rows
    ]
    return "\n".join([*lines, FOOTNOTE, *_disturbed(rows), *_faults(rows)])


def run_table(document: Document) -> str:
    """A whole run."""
    parts, top = document["parts"], document
    told = [rows_table(rows_of(document)), ""]
    for name in ("python", "native"):
        shown = parts.get(name, {}).get("shown")
        if shown:
            told.append(f"shown, {name} path on one core: {_shown(shown)}")
    setup = parts.get("setup", {})
    if "setup_cpu_ms" in setup:
        told.append(
            f"set-up with its end: {setup['setup_cpu_ms']:.2f} ms CPU of the engine,"
            f" {setup['setups_per_core_second']:.0f} a core-second"
        )
    told.append(
        f"{top['fast_path']} path at {top['calls']} calls: {_number(top['calls_per_core'], 0)} calls per core*,"
        f" {_number(top['ratio_to_stock_aiortc'], 1)} times stock aiortc,"
        f" {_number(top['ratio_to_c_floor'], 2)} times the CPU of the C loop"
    )
    return "\n".join([*told, *(f"LEFT OUT: {name}: {why}" for name, why in document["left_out"].items())])


def _shown(shown: Document) -> str:
    calls = "not one step" if shown["calls"] is None else f"{shown['calls']} calls"
    last = shown["rows"][-1]
    return (
        f"{calls}; at {last['calls']} the limit was {shown['limit']} (p99 {_number(last['late_ms_p99'], 1)} ms late,"
        f" engine {_percent(last['cpu_share'])}, gateway {_percent(last['gateway_share'])})"
    )


def _disturbed(rows: Iterable[Document]) -> list[str]:
    return [
        f"DISTURBED: {row['name']}, {row['calls']} calls: other work on the machine used"
        f" {_percent(row['others_share'])} of a core meanwhile; its figures are too high"
        for row in rows
        if row["disturbed"]
    ]


def _faults(rows: Iterable[Document]) -> list[str]:
    return [
        f"INVALID: {row['name']}, {row['calls']} calls: {fault}" for row in rows for fault in row["faults"]
    ]


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
