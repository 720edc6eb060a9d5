"""The figures as plain text, for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from benchmarks.rows import Row

_COLUMNS: tuple[tuple[str, int, Callable[[Row], str]], ...] = (
    ("calls", 6, lambda row: str(row.calls)),
    ("ms CPU per call-s", 18, lambda row: _number(row.ms_per_call_second, 3)),
    ("calls per core*", 16, lambda row: _number(row.calls_per_core, 0)),
    ("caller", 8, lambda row: _percent(row.cpu_share)),
    ("gateway", 8, lambda row: _percent(row.gateway_share)),
    ("kB/call", 8, lambda row: _number(row.rss_kb_per_call, 0)),
    ("threads", 8, lambda row: str(row.threads)),
    ("late p50", 9, lambda row: _number(row.late_ms_p50, 1)),
    ("p99", 6, lambda row: _number(row.late_ms_p99, 1)),
    ("max ms", 7, lambda row: _number(row.late_ms_max, 1)),
)


def rows_table(rows: Sequence[Row]) -> str:
    """A line per row, and below them why some mean nothing."""
    width = max(len(row.name) for row in rows) + 1
    lines = ["".join([" " * width, *(f"{title:>{size}}" for title, size, _ in _COLUMNS)])]
    lines += [
        "".join([f"{row.name:{width}}", *(f"{show(row):>{size}}" for _, size, show in _COLUMNS)])
        for row in rows
    ]
    return "\n".join([*lines, *_faults(rows)])


def _faults(rows: Iterable[Row]) -> list[str]:
    return [f"INVALID: {row.name}, {row.calls} calls: {fault}" for row in rows for fault in row.faults]


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
