"""What an engine costs and how punctual it is, once a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from loadkit import lateness
from loadkit.engine.process_figures import ProcessFigures
from loadkit.media.clock import MediaClock

#: How often the loop is asked how late it is. A stop of the loop is seen when it outlasts what is left until the next.
PROBE_S = 0.1
INTERVAL_S = 1.0


class FigureTaker:
    """Takes a row of figures; each covers the time since the one before."""

    def __init__(self, clock: MediaClock) -> None:
        self._clock = clock
        self._process = ProcessFigures()
        self._late = 0
        self._skipped = 0
        self._packets = (0, 0)
        self._lag: float | None = None

    def probed(self, lag: float) -> None:
        """The loop came late by so many seconds to a timer; called several times a second."""
        self._lag = max(lag, self._lag or 0.0)
        self._process.look()

    def take(
        self, calls: int, packets: tuple[int, int], now: float, unix_now: float, tasks: int | None = None
    ) -> dict[str, Any]:
        """One row.

        :param calls: calls in progress.
        :param packets: RTP packets sent and received by all calls since the start of the engine.
        :param tasks: tasks of the event loop that are not done; None when nobody counted them.
        """
        clock, histogram = self._clock, self._clock.take_lateness()
        row = {
            "at": round(unix_now, 3),
            "kind": "engine",
            "calls": calls,
            **self._process.take(now),
            "packets_sent": packets[0] - self._packets[0],
            "packets_received": packets[1] - self._packets[1],
            "late_ms_p50": lateness.percentile_shown(histogram, 50),
            "late_ms_p99": lateness.percentile_shown(histogram, 99),
            "late_ms_max": lateness.percentile_shown(histogram, 100),
            "frames_late": clock.frames_late - self._late,
            "frames_skipped": clock.frames_skipped - self._skipped,
            "loop_lag_ms": None if self._lag is None else round(self._lag * 1000, 3),
            "tasks": tasks,
            "late_histogram": {str(bucket): count for bucket, count in histogram.items()},
        }
        self._late, self._skipped = clock.frames_late, clock.frames_skipped
        self._packets, self._lag = packets, None
        return row


async def take_figures(taker: FigureTaker, send: Callable[[], None]) -> None:
    """Ask the loop how late it is, ten times a second, and have figures sent once a second; until cancelled."""
    due = time.monotonic()
    next_row = due + INTERVAL_S
    while True:
        due += PROBE_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        now = time.monotonic()
        taker.probed(max(0.0, now - due))
        # After a stall the probes that were missed are not made up for: they would tell of no lag.
        due = max(due, now - PROBE_S)
        if now >= next_row:
            next_row = max(next_row + INTERVAL_S, now)
            send()
