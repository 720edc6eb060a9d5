"""Soaks that never happened: steady records, with what is planted in them."""

from __future__ import annotations

import random
from pathlib import Path

from loadkit.runs import RunFolder, RunWriter
from tests.synthetic import (
    STARTED_AT,
    call_row,
    figures_row,
    locust_row,
    run_document,
    turn_row,
    write_run_folder,
)

#: How long each of its calls lasts (seconds).
CALL_S = 2.0


def soak_run(
    reports_dir: Path,
    *,
    minutes: float = 10,
    rate: float = 2.0,
    slower_ms_per_minute: float = 0.0,
    leaks: float = 0.0,
    others: int = 0,
    engine_mb_per_minute: float = 0.0,
    run_id: str = "soak",
) -> RunFolder:
    """Calls at a rate, with the figures of two processes and a look at the gateway's health each 5 s.

    :param leaks: share of the calls whose session stays at the gateway.
    :param others: sessions that somebody else holds all the time.
    """
    luck = random.Random(run_id)
    seconds = int(minutes * 60)
    calls, turns = [], []
    for number in range(int(seconds * rate)):
        at = STARTED_AT + 1 + number / rate
        later = slower_ms_per_minute * (at - STARTED_AT) / 60
        setup = luck.lognormvariate(4.7, 0.1) + later
        times = {"intended_at": at, "started_at": at, "ended_at": at + CALL_S}
        calls.append(call_row(number, setup_ms=setup, **times))
        if number % 4 == 0:
            latency = luck.lognormvariate(6.7, 0.04)
            turns.append(turn_row(f"call-{number:06d}", 1, said_at=1.0, turn_latency_ms=latency))
    held = round(rate * CALL_S)
    figures = []
    for second in range(seconds + 3):
        now = held if 1 <= second <= seconds else 0
        memory = 100_000_000 + int(engine_mb_per_minute * 1e6 * second / 60)
        figures.append(figures_row(second, calls=now, rss_bytes=memory, tasks=10 + 6 * now))
        figures.append(locust_row(second, rss_bytes=120_000_000, tasks=None))
    ended = STARTED_AT + seconds + 3
    run = run_document(run_id=run_id, ended_at=ended, settings={"fail_on_drift": True})
    folder = write_run_folder(reports_dir, calls, turns, figures, run, run_id)
    writer = RunWriter(folder)
    looks: list[tuple[float, int]] = [(second, held if second else 0) for second in range(0, seconds, 5)]
    afterwards = [(seconds + 4 + half / 2, 0) for half in range(14)]
    for moment, ours in [*looks, *afterwards]:
        leaked = int(leaks * rate * min(moment, seconds))
        writer.write_health(
            {
                "at": STARTED_AT + moment,
                "status": 200,
                "active_sessions": ours + leaked + others,
                "round_trip_ms": 3.0,
                "error": None,
            }
        )
    writer.close()
    return folder
