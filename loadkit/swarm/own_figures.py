"""What the Locust process itself costs, and how late its loop is: scripts and arrivals run there.

A Locust process at its limit starts calls late and lets scripts wait, whatever the engines have left.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent

from loadkit.engine.figures import INTERVAL_S, PROBE_S
from loadkit.engine.process_figures import ProcessFigures
from loadkit.unix_clock import unix_now

Row = dict[str, Any]


class OwnFigures:
    """Asks gevent's loop how late it is, ten times a second, and tells a row of figures once a second.

    :param worker: name of this Locust process in the records.
    """

    def __init__(self, worker: str, on_row: Callable[[Row], None]) -> None:
        self._name = f"{worker}.locust"
        self._worker = worker
        self._on_row = on_row
        self._process = ProcessFigures()
        self._lag: float | None = None
        gevent.spawn(self._tell)

    def _tell(self) -> None:
        due = time.monotonic()
        next_row = due + INTERVAL_S
        while True:
            due += PROBE_S
            gevent.sleep(max(0.0, due - time.monotonic()))
            now = time.monotonic()
            self._lag = max(now - due, self._lag or 0.0)
            self._process.look()
            due = max(due, now - PROBE_S)
            if now >= next_row:
                next_row = max(next_row + INTERVAL_S, now)
                self._on_row(self._row(now))

    def _row(self, now: float) -> Row:
        """As an engine's, without what only an engine has: it holds no calls and sends no packets."""
        lag, self._lag = self._lag, None
        return {
            "worker": self._worker,
            "engine": self._name,
            "at": round(unix_now(), 3),
            "kind": "locust",
            "calls": 0,
            **self._process.take(now),
            "loop_lag_ms": None if lag is None else round(max(0.0, lag) * 1000, 3),
            "late_histogram": {},
        }
