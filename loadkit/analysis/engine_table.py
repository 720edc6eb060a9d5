"""What each process of the generator cost and how punctual it was over a run."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loadkit import lateness
from loadkit.analysis.percentiles import rounded
from loadkit.analysis.process_seconds import engines_only

#: Processes that are told apart; a swarm can have any number of engines. Those that held most calls come first.
MOST_PROCESSES = 100


def per_process(figures: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Name of the process → its figures; ``None`` for what it did not measure.

    Rates count from the first second with a call to the last, so that an idle time before does not water them down.
    """
    if figures.empty:
        return {}
    groups = {str(name): rows for name, rows in figures.groupby("engine", sort=False) if pd.notna(name)}
    names = sorted(groups, key=_natural)
    if len(names) > MOST_PROCESSES:
        most = sorted(names, key=lambda name: -int(groups[name]["calls"].fillna(0).max()))[:MOST_PROCESSES]
        names = [name for name in names if name in set(most)]
    return {name: _figures(groups[name]) for name in names}


def _natural(name: str) -> list[tuple[int, int, str]]:
    """``worker-2.10`` after ``worker-2.9``."""
    parts = name.replace("-", ".").split(".")
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _figures(rows: pd.DataFrame) -> dict[str, Any]:
    engine = not engines_only(rows).empty
    busy = rows[rows["calls"].fillna(0) > 0]
    late = lateness.added_up(rows["late_histogram"])
    return {
        "kind": str(rows["kind"].iloc[0]),
        "seconds": len(rows),
        "calls_max": _most(rows["calls"]) if engine else None,
        "cpu_share": _known((busy if len(busy) else rows)["cpu_share"].mean()),
        "cpu_share_max": _most(rows["cpu_share"]),
        "packets_sent_per_s": _rate(busy, "packets_sent"),
        "packets_received_per_s": _rate(busy, "packets_received"),
        "late_ms_p50": lateness.percentile_shown(late, 50),
        "late_ms_p99": lateness.percentile_shown(late, 99),
        "late_ms_max": lateness.percentile_shown(late, 100),
        "loop_lag_ms_p50": _known(rows["loop_lag_ms"].median()),
        "loop_lag_ms_max": _most(rows["loop_lag_ms"]),
        "frames_late": _sum(rows["frames_late"]) if engine else None,
        "frames_skipped": _sum(rows["frames_skipped"]) if engine else None,
        "rss_bytes_max": _most(rows["rss_bytes"]),
        "open_files_max": _most(rows["open_files"]),
        "sockets_max": _most(rows["sockets"]),
        "threads_max": _most(rows["threads"]),
    }


def _rate(rows: pd.DataFrame, column: str) -> float | None:
    """A second: a row says how many it covers."""
    known = rows[rows[column].notna()]
    seconds = float(known["seconds"].fillna(1.0).sum())
    return rounded(float(known[column].sum()) / seconds) if seconds else None


def _known(value: Any) -> float | None:
    return None if pd.isna(value) else rounded(value)


def _most(values: pd.Series[Any]) -> float | int | None:
    if not values.notna().any():
        return None
    most = values.max()
    return int(most) if pd.api.types.is_integer_dtype(values.dtype) else rounded(most)


def _sum(values: pd.Series[Any]) -> int | None:
    return int(values.sum()) if values.notna().any() else None
