"""Ends a run whose generator stands still: its figures would be about nothing, and a job would hang.

An engine stands still when it tells nothing, as one that was stopped, or that waits for a disk; or when, second
after second, it leaves out more packets than it sends or its loop stops for a second and longer. A Locust process
tells of its own loop likewise. An engine whose process has died is not this one's matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import gevent

from loadkit.engine.client import EngineClient

Row = dict[str, Any]

_TICK_S = 0.5
#: A loop that stops for so long within a second is as good as standing still (milliseconds).
_STANDSTILL_MS = 1_000.0
_REMEDY = "look for what else the machine does, place fewer calls, or use more engines or more machines"


class Watchdog:
    """Watches the engines and the rows of figures of one Locust process.

    :param engines: the engines that there are now.
    :param timeout: seconds that one may stand still now; 0 while nobody watches.
    :param on_stall: told once per run, with the engine that tells nothing, if it is that, and a sentence.
    """

    def __init__(
        self,
        engines: Callable[[], Iterable[EngineClient]],
        timeout: Callable[[], float],
        on_stall: Callable[[EngineClient | None, str], None],
    ) -> None:
        self._engines = engines
        self._timeout = timeout
        self._on_stall = on_stall
        self._silent: dict[str, float] = {}
        self._heard: dict[str, int] = {}
        self._still: dict[str, float] = {}
        self._told = False
        gevent.spawn(self._watch)

    def begin(self) -> None:
        """A run begins."""
        self._silent, self._heard, self._still, self._told = {}, {}, {}, False

    def row(self, row: Row) -> None:
        """Figures of a process of this generator."""
        name, seconds = str(row["engine"]), float(row.get("seconds") or 1.0)
        if not stands_still(row):
            self._still.pop(name, None)
            return
        self._still[name] = self._still.get(name, 0.0) + seconds
        timeout = self._timeout()
        if timeout and self._still[name] >= timeout:
            what = "left out more packets than it sent, or stopped for a second and longer,"
            self._tell(None, f"{name} {what} for {self._still[name]:.0f} s on end: {_REMEDY}.")

    def _watch(self) -> None:
        while True:
            # Counted in our own turns, not by a clock: when this process stood still, its engines did not.
            gevent.sleep(_TICK_S)
            timeout = self._timeout()
            for engine in list(self._engines()):
                self._look(engine, timeout)

    def _look(self, engine: EngineClient, timeout: float) -> None:
        heard = self._heard.get(engine.name)
        self._heard[engine.name] = engine.messages
        # One that is being configured has not yet begun to tell of itself.
        if not timeout or heard != engine.messages or not engine.telling or not engine.alive:
            self._silent.pop(engine.name, None)
            return
        silent = self._silent[engine.name] = self._silent.get(engine.name, 0.0) + _TICK_S
        if silent >= timeout:
            what = f"engine {engine.name} (process {engine.pid}) told nothing for {silent:.0f} s"
            self._tell(engine, f"{what}, with {len(engine.calls)} calls in progress: {_REMEDY}.")

    def _tell(self, engine: EngineClient | None, sentence: str) -> None:
        if not self._told:
            self._told = True
            self._on_stall(engine, f"{sentence[0].upper()}{sentence[1:]}")


def stands_still(row: Row) -> bool:
    """Whether a process that told this stood still rather than worked."""
    packets = sum((row.get("late_histogram") or {}).values())
    return (row.get("frames_skipped") or 0) > packets or (row.get("loop_lag_ms") or 0.0) >= _STANDSTILL_MS
