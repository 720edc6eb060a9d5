"""The processes of the generator side by side, as a table of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadkit.analysis.process_seconds import LOCUST
from loadkit.printable import printable
from loadkit.reporters.page_tables import CallTable, Column
from loadkit.reporters.wording import count, plain, share, size

_NUMBERS = (
    "Calls, most",
    "CPU, mean",
    "CPU, most",
    "Sent /s",
    "Received /s",
    "Late p50, ms",
    "p99",
    "Max",
    "Loop lag p50, ms",
    "Max",
    "Late packets",
    "Skipped",
    "Memory",
    "Open files",
    "Sockets",
    "Threads",
)


def engine_tables(summary: Mapping[str, Any]) -> list[CallTable]:
    """One table, or none when no process told of itself."""
    processes = summary["generator"]["processes"]
    if not processes:
        return []
    heads = [Column("Process", "word"), *(Column(name, "n") for name in _NUMBERS)]
    rows = [[printable(name, 60), *_cells(figures)] for name, figures in processes.items()]
    caption = (
        "What each process of the load generator used, and how late it was. CPU is of one core; late is against the 20 ms "
        "clock; loop lag is the longest stop of its event loop in a second. Rates and mean CPU are over the seconds with calls."
    )
    if any(figures["kind"] == LOCUST for figures in processes.values()):
        caption += " Names that end in locust are the processes that run the scripts."
    if len(processes) < summary["generator"]["engines"]:
        caption += f" {len(processes)} of {summary['generator']['engines']:,} engines are shown."
    return [CallTable("engines", "The generator, process by process", caption, heads, rows, "")]


def _cells(figures: Mapping[str, Any]) -> list[str]:
    return [
        count(figures["calls_max"]),
        share(figures["cpu_share"], 0),
        share(figures["cpu_share_max"], 0),
        _whole(figures["packets_sent_per_s"]),
        _whole(figures["packets_received_per_s"]),
        plain(figures["late_ms_p50"]),
        plain(figures["late_ms_p99"]),
        plain(figures["late_ms_max"]),
        plain(figures["loop_lag_ms_p50"]),
        plain(figures["loop_lag_ms_max"]),
        count(figures["frames_late"]),
        count(figures["frames_skipped"]),
        size(figures["rss_bytes_max"]),
        count(figures["open_files_max"]),
        count(figures["sockets_max"]),
        count(figures["threads_max"]),
    ]


def _whole(value: float | None) -> str:
    return count(None if value is None else round(value))
