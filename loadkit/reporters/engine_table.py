"""The processes of the generator side by side, as a table of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from loadkit.analysis.process_seconds import ENGINE, LOCUST
from loadkit.printable import printable
from loadkit.reporters.page_tables import CallTable, Column
from loadkit.reporters.wording import NOT_MEASURED, count, plain, share, size

#: Title → the figures in its cells, and how each is written.
_COLUMNS: dict[str, tuple[tuple[str, ...], Callable[[Any], str]]] = {
    "Calls": (("calls_max",), count),
    "CPU": (("cpu_share", "cpu_share_max"), lambda value: share(value, 0)),
    "Packets/s": (
        ("packets_sent_per_s", "packets_received_per_s"),
        lambda value: count(None if value is None else round(value)),
    ),
    "Lateness, ms": (("late_ms_p50", "late_ms_p99", "late_ms_max"), plain),
    "Loop lag, ms": (("loop_lag_ms_p50", "loop_lag_ms_max"), plain),
    "Late / skipped": (("frames_late", "frames_skipped"), count),
    "Memory": (("rss_bytes_max",), size),
    "Files / sockets": (("open_files_max", "sockets_max"), count),
    "Threads": (("threads_max",), count),
}


def engine_tables(summary: Mapping[str, Any]) -> list[CallTable]:
    """One table, or none when no process told of itself."""
    processes = summary["generator"]["processes"]
    if not processes:
        return []
    heads = [Column("Process", "word"), *(Column(title, "n") for title in _COLUMNS)]
    rows = [[printable(name, 60), *_cells(figures)] for name, figures in processes.items()]
    caption = (
        "What each process of the load generator used, and how late it was. CPU of one core: mean / most in a second. "
        "Packets per second: sent / received. Lateness against the 20 ms clock: p50 / p99 / max. Loop lag, the longest "
        "stop of its event loop in a second: p50 / max. Packets over 10 ms late / never sent. Mean CPU and packets are "
        "of the seconds with calls."
    )
    if any(figures["kind"] == LOCUST for figures in processes.values()):
        caption += " Names that end in locust are the processes that run the scripts."
    engines = summary["generator"]["engines"]
    shown = sum(figures["kind"] == ENGINE for figures in processes.values())
    if shown < engines:
        caption += f" {shown} of {engines:,} engines are shown."
    return [CallTable("engines", "The generator, process by process", caption, heads, rows, "")]


def _cells(figures: Mapping[str, Any]) -> list[str]:
    return [_cell([written(figures[key]) for key in keys]) for keys, written in _COLUMNS.values()]


def _cell(values: list[str]) -> str:
    return NOT_MEASURED if set(values) == {NOT_MEASURED} else " / ".join(values)
