"""What the pages quote of ``benchmarks/results.json``, as cells of tables."""

from __future__ import annotations

from typing import Any

from benchmarks.results import rows_of


def headline_cells(document: dict[str, Any]) -> list[tuple[str, str]]:
    """What the README quotes: (figure, value)."""
    return [
        (
            "calls per core, an extrapolation: calls over the engine's share of a core",
            _text(document["calls_per_core"], 0),
        ),
        (
            "calls shown on one core, before the limit",
            _shown(document["calls_shown_on_one_core"], document["limit_shown"]),
        ),
        (
            "calls per core against stock aiortc, which encodes and decodes",
            _times(document["ratio_to_stock_aiortc"], 0),
        ),
        (
            "CPU of a call against a C loop with libsrtp and the same cipher",
            _times(document["ratio_to_c_floor"], 1),
        ),
        ("CPU to set a call up and end it", _text(document["setup_cpu_ms"], 1, " ms")),
        ("memory of a call", _text(document["rss_kb_per_call"], 0, " kB")),
        ("lateness of packets at p99", _text(document["late_ms_p99"], 1, " ms")),
    ]


#: Head of the table of :func:`row_cells`.
ROW_HEAD = (
    "caller",
    "calls",
    "ms CPU per call-second",
    "calls per core",
    "gateway's core",
    "kB a call",
    "late p99",
    "other work",
)


def row_cells(document: dict[str, Any]) -> list[tuple[str, ...]]:
    """What the page on costs quotes: a line for each caller and number of calls."""
    return [
        (
            row["name"],
            str(row["calls"]),
            _text(row["ms_per_call_second"], 2),
            _text(row["calls_per_core"], 0),
            f"{100 * row['gateway_share']:.0f} %",
            "" if row["rss_kb_per_call"] is None else _text(row["rss_kb_per_call"], 0),
            "" if row["late_ms_p99"] is None else _text(row["late_ms_p99"], 1, " ms"),
            f"{100 * row['others_share']:.0f} %",
        )
        for row in rows_of(document)
    ]


def _shown(calls: int | None, limit: str | None) -> str:
    if limit is None:
        return "not measured"
    return f"{'not one step' if calls is None else calls}; then: {limit}"


def _text(value: float | None, digits: int, unit: str = "") -> str:
    return "not measured" if value is None else f"{value:,.{digits}f}{unit}"


def _times(value: float | None, digits: int) -> str:
    return _text(value, digits, " times")
