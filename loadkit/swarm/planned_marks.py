"""Makes the marks of ``--mark`` when their time has come."""

from __future__ import annotations

import logging

import gevent

from loadkit.planned_marks import PlannedMark, parse_mark
from loadkit.settings import Settings
from loadkit.swarm.run import Run
from loadkit.swarm.run_listener import RunListener

logger = logging.getLogger(__name__)


class PlannedMarks(RunListener):
    """Of one run."""

    def __init__(self, settings: Settings) -> None:
        self._planned = sorted((parse_mark(mark) for mark in settings.mark), key=lambda mark: mark.at_s)
        self._greenlet: gevent.Greenlet | None = None

    def began(self, run: Run) -> None:
        """Wait for them, one after the other."""
        if self._planned:
            self._greenlet = gevent.spawn(self._make, run)

    def ending(self) -> None:
        """What has not come is not made: it did not happen in this run."""
        if self._greenlet is not None:
            self._greenlet.kill()
        for mark in self._planned:
            logger.warning(
                "the run ended before the mark %r, planned for %g s after its start", mark.text, mark.at_s
            )

    def _make(self, run: Run) -> None:
        while self._planned:
            mark: PlannedMark = self._planned[0]
            gevent.sleep(max(0.0, mark.at_s - run.seconds))
            self._planned.pop(0)
            logger.info("mark: %s", mark.text)
            run.mark(mark.text)
