"""The run as lines of the log, where no terminal is there for a view."""

from __future__ import annotations

import logging

import gevent

from loadkit.live.lines import NewCodes, line
from loadkit.swarm.live import Live
from loadkit.swarm.run import Run
from loadkit.swarm.run_listener import RunListener

logger = logging.getLogger(__name__)

#: Seconds between two lines, and between two looks for a new code.
LINE_S = 10.0
_LOOK_S = 1.0


class LogLines(RunListener):
    """A line of the log every ten seconds, and one for each new error code."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._greenlet: gevent.Greenlet | None = None
        self._new_codes = NewCodes()

    def began(self, run: Run) -> None:  # noqa: ARG002 - it is the live state's
        """Lines follow."""
        self._greenlet = gevent.spawn(self._tell)

    def ending(self) -> None:
        """The last line."""
        if self._greenlet is not None:
            self._greenlet.kill()
        self._tell_new_codes()
        logger.info("%s", line(self._live.view()))

    def _tell(self) -> None:
        since = 0.0
        while True:
            gevent.sleep(_LOOK_S)
            since += _LOOK_S
            self._tell_new_codes()
            if since >= LINE_S:
                since = 0.0
                logger.info("%s", line(self._live.view()))

    def _tell_new_codes(self) -> None:
        for text in self._new_codes.lines(self._live.state.failures.codes()):
            logger.warning("%s", text)
