"""A worker's eye on its master: without one its calls would go on, and cost, with nobody to report to.

Locust has workers look, too, but by the wall clock: a clock that is set forward by a minute would end every worker. So
Locust's own look is put out, and heartbeats are timed by the monotonic clock.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
from locust.runners import WorkerRunner

from loadkit.errors import ExitCode

logger = logging.getLogger(__name__)

_LOOK_S = 0.5


class MasterWatch:
    """Ends a worker whose master is silent for too long: its calls, its engines, itself.

    :param timeout: seconds; a master sends a heartbeat each second.
    """

    def __init__(self, runner: WorkerRunner, timeout: Callable[[], float]) -> None:
        self._runner = runner
        self._timeout = timeout
        self._heard_at: float | None = None
        self._deaf = False
        runner.environment.events.heartbeat_received.add_listener(self._heard)
        gevent.spawn(self._watch)

    def _heard(self, **_: Any) -> None:
        self._heard_at = time.monotonic()
        self._runner.last_heartbeat_timestamp = None

    @contextmanager
    def deaf(self) -> Iterator[None]:
        """While the greenlet that reads what the master sends does something else, such as to start engines."""
        self._deaf = True
        try:
            yield
        finally:
            self._deaf = False
            self._heard_at = time.monotonic()

    def _watch(self) -> None:
        while self._deaf or self._heard_at is None or time.monotonic() - self._heard_at <= self._timeout():
            gevent.sleep(_LOOK_S)
        logger.error(
            "the master has not been heard of for %g s: this worker ends its calls and itself; "
            "records that the master had not written are lost",
            self._timeout(),
        )
        self._runner.environment.process_exit_code = int(ExitCode.INTERRUPTED)
        self._runner.quit()
