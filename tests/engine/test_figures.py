"""What an engine tells of itself: complete, and cheap enough to be asked in the middle of calls."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from loadkit.engine.client import EngineClient
from loadkit.engine.figures import FigureTaker, take_figures
from loadkit.engine.process_figures import ProcessFigures, open_files
from loadkit.media.clock import MediaClock
from loadkit.records import Outcome
from tests.engine.conftest import SAMPLE, Told, configuration, echo_call

_COLUMNS = {
    "at",
    "kind",
    "pid",
    "seconds",
    "calls",
    "cpu_share",
    "rss_bytes",
    "open_files",
    "sockets",
    "tasks",
    "threads",
    "packets_sent",
    "packets_received",
    "late_ms_p50",
    "late_ms_p99",
    "late_ms_max",
    "frames_late",
    "frames_skipped",
    "loop_lag_ms",
    "late_histogram",
    "stages",
    "placed",
    "setup_histogram",
    "turn_histogram",
}
_OF_CALLS = {"stages", "placed", "setup_histogram", "turn_histogram"}


def test_the_page_names_every_column_of_a_row() -> None:
    page = Path(__file__).parents[2] / "docs" / "fitness.md"
    table = page.read_text(encoding="utf-8").partition("| column | what |")[2].partition("\n\n")[0]
    named = {name for line in table.splitlines() for name in re.findall(r"`(\w+)`", line.split(" | ")[0])}
    assert named == _COLUMNS | {"engine", "worker"}


def test_a_process_tells_what_the_system_knows_of_it() -> None:
    process, figures = psutil.Process(), ProcessFigures()
    while True:
        before = (process.num_threads(), process.num_fds())
        row, files = figures.take(time.monotonic() + 1), open_files()
        # A thread of an earlier test may have ended meanwhile.
        if before == (process.num_threads(), process.num_fds()):
            break
    assert row["pid"] == os.getpid()
    assert abs(row["rss_bytes"] - process.memory_info().rss) < 50e6
    # psutil counts the descriptor with which it lists them.
    assert (row["threads"], files) == (before[0], before[1] - 1)
    assert row["sockets"] is None


def test_sockets_are_counted_a_few_descriptors_at_a_time_and_again_when_some_are_gone() -> None:
    # Sockets that an earlier test left to the garbage collector go now, and not while others are counted.
    gc.collect()
    figures = ProcessFigures()
    before = _sockets_after_a_round(figures)
    many = [socket.socket() for _ in range(100)]
    try:
        assert _sockets_after_a_round(figures) == before + 100
    finally:
        for one in many[:90]:
            one.close()
    # What is left has high numbers, with a hole before them.
    assert _sockets_after_a_round(figures) == before + 10
    for one in many[90:]:
        one.close()


def _sockets_after_a_round(figures: ProcessFigures) -> int:
    # A round may be under way: two are whole in any case.
    for _ in range(60):
        figures.look()
    counted = figures.take(time.monotonic())["sockets"]
    assert isinstance(counted, int)
    return counted


async def test_a_loop_that_stood_still_says_for_how_long_in_the_row_of_that_second() -> None:
    rows = []
    clock = MediaClock()
    taker = FigureTaker(clock)

    def send() -> None:
        rows.append(taker.take(0, (0, 0), time.monotonic(), time.time()))
        told.set()

    told = asyncio.Event()
    task = asyncio.create_task(take_figures(taker, send))
    await asyncio.sleep(0)
    threading.Event().wait(0.5)  # nothing else runs on this loop meanwhile
    await asyncio.wait_for(told.wait(), 60)
    task.cancel()
    clock.close()
    assert rows[0]["loop_lag_ms"] >= 350
    assert set(rows[0]) == _COLUMNS - _OF_CALLS


def test_figures_of_a_call_are_complete_and_its_packets_counted_when_it_has_ended(
    engine: EngineClient, told: Told, gateway: str
) -> None:
    engine.start(configuration(gateway))
    spec = echo_call()
    engine.place(spec)
    engine.command(spec.call_id, "wait_connected", 60)
    engine.command(spec.call_id, "talk", 0, sample=SAMPLE, seconds=600)
    told.wait(lambda: _in_call(told))
    engine.end(spec.call_id, Outcome.COMPLETED)
    assert engine.wait_until_over(spec.call_id, 60)
    engine.command("", "figures", 60)
    told.wait(lambda: told.records and told.figures[-1]["calls"] == 0)
    (record,) = told.records
    assert sum(row["packets_sent"] for row in told.figures) == record["packets_sent"]
    assert sum(row["packets_received"] for row in told.figures) == record["packets_received"]
    busy = _in_call(told)[0]
    assert set(busy) == _COLUMNS | {"engine"}
    assert sum(row["placed"] for row in told.figures) == 1
    assert sum(sum(row["setup_histogram"].values()) for row in told.figures) == 1
    assert busy["stages"] == {"connected": 1}
    assert busy["late_ms_p50"] <= busy["late_ms_p99"] <= busy["late_ms_max"]
    assert busy["loop_lag_ms"] is not None
    assert busy["open_files"] > busy["sockets"] >= 2 if busy["sockets"] is not None else True
    assert busy["threads"] >= 1


def _in_call(told: Told) -> list[dict[str, Any]]:
    """Rows of seconds at whose end the call was connected and had sent something."""
    return [row for row in told.figures if row["stages"] == {"connected": 1} and row["packets_sent"]]
