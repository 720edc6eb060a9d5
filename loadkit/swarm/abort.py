"""Ends a hopeless run early: ``--abort-on``, watched on the process that reports."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import gevent

from loadkit.analysis.abort_window import Window
from loadkit.errors import ExitCode
from loadkit.settings import flag
from loadkit.swarm.run import Run
from loadkit.swarm.run_listener import RunListener
from loadkit.thresholds.abort import AbortCondition

logger = logging.getLogger(__name__)

Row = dict[str, Any]

#: What it makes of ``ended_by``.
ABORTED = "aborted"
_LOOK_S = 1.0


class Abort(RunListener):
    """Holds the calls that end against the conditions once a second, and ends the run when one is met.

    :param end: ends the run; its argument becomes ``ended_by`` of ``run.json``.
    """

    def __init__(self, conditions: Sequence[AbortCondition], end: Callable[[str], None]) -> None:
        self._conditions = conditions
        self._end = end
        self._windows: list[Window] = []
        self._run: Run | None = None
        self._looking: gevent.Greenlet | None = None

    def began(self, run: Run) -> None:
        """The windows begin empty."""
        self._run = run
        self._windows = [Window(condition, time.monotonic()) for condition in self._conditions]
        self._looking = gevent.spawn(self._look)

    def record(self, call: Row, turns: list[Row]) -> None:
        """One more call has ended."""
        now = time.monotonic()
        for window in self._windows:
            window.add(call, turns, now)

    def ending(self) -> None:
        """It ends, whatever for: nothing more to look for."""
        self._stop()

    def ended(self, exit_code: ExitCode) -> None:  # noqa: ARG002 - the listener's name
        """The same."""
        self._stop()

    def _stop(self) -> None:
        if self._looking is not None:
            self._looking.kill(block=False)

    def _look(self) -> None:
        while True:
            gevent.sleep(_LOOK_S)
            for window in self._windows:
                met = window.met(time.monotonic())
                if met is None:
                    continue
                assert self._run is not None
                logger.error("the run is hopeless, and is ended: %s %s", flag("abort_on"), met.sentence)
                self._run.aborted(
                    {
                        "condition": str(met.condition),
                        "value": met.value,
                        "count": met.count,
                        "sentence": met.sentence,
                    }
                )
                self._end(ABORTED)
                return
