"""What ``make bench`` found: the document, its headline figures, and the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results.json"

#: Key of a row → what it is called in the table.
NAMES = {
    "aiortc": "aiortc, encodes and decodes",
    "aiortc_pre_encoded": "aiortc, pre-encoded, decodes",
    "stock": "loadkit, stock path",
    "python": "loadkit, Python path",
    "native": "loadkit, native path",
    "floor": "C loop, libsrtp, AES-256-GCM",
    "floor_ahead": "C loop, no cipher in the loop",
    "floor_shared": "C loop, sends with sendmmsg",
}
#: Goes up when a row gets or loses a key.
VERSION = 1
#: Calls at which the fast path's headline figures are taken.
AT_CALLS = 200


def headline(parts: dict[str, Any]) -> dict[str, float | str | None]:
    """The figures that are quoted, out of the parts of a run; None for what was not measured or is not valid.

    The fast path is the native one, or Python's where the native one could not be had.
    """
    path = "native" if parts.get("native", {}).get("rows") else "python"
    fast = _row_at(parts.get(path, {}).get("rows", []))
    per_core = fast.get("calls_per_core")
    stock = parts.get("aiortc", {}).get("calls_per_core")
    cost, floor = fast.get("ms_per_call_second"), parts.get("floor", {}).get("ms_per_call_second")
    return {
        "fast_path": path,
        "calls": fast.get("calls"),
        "calls_per_core": per_core,
        "calls_shown_on_one_core": parts.get(path, {}).get("shown", {}).get("calls"),
        "limit_shown": parts.get(path, {}).get("shown", {}).get("limit"),
        "ratio_to_stock_aiortc": _ratio(per_core, stock, 1),
        "ratio_to_c_floor": _ratio(cost, floor, 2),
        "setup_cpu_ms": parts.get("setup", {}).get("setup_cpu_ms"),
        "setups_per_core_second": parts.get("setup", {}).get("setups_per_core_second"),
        "rss_kb_per_call": fast.get("rss_kb_per_call"),
        "threads_per_call": fast.get("threads_per_call"),
        "late_ms_p99": fast.get("late_ms_p99"),
    }


def _row_at(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The row with that many calls, or that with the most when a short run had fewer."""
    rows = sorted(rows, key=lambda row: (row["calls"] != AT_CALLS, -row["calls"]))
    return rows[0] if rows else {}


def _ratio(value: float | None, base: float | None, digits: int) -> float | None:
    return None if value is None or not base else round(value / base, digits)


def rows_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Every row but those of calls that were added on one core, in the order of :data:`NAMES`."""
    parts = (document["parts"].get(name, {}) for name in NAMES)
    return [row for part in parts for row in part.get("rows", [part] if "calls" in part else [])]


def write(document: dict[str, Any], path: Path = RESULTS) -> None:
    """Keep it."""
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def read(path: Path = RESULTS) -> dict[str, Any]:
    """What was kept."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
