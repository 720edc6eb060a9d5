"""Why a run ends, and its end: Locust goes with it when it has no page."""

from __future__ import annotations

import time

import gevent
from locust.env import Environment
from locust.runners import MasterRunner

#: Ends for which no call is waited for, whatever ``--stop-timeout`` says: it would cost more, or bring nothing.
_AT_ONCE = ("budget", "stalled", "aborted")


class RunEnd:
    """Of the runs of one Locust environment, one after the other."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._stop_timeout = environment.stop_timeout
        self._began = self._prepared = time.monotonic()
        self.reason: str | None = None
        """``ended_by`` of ``run.json``; None while nothing but Locust itself ends the run."""

    @property
    def headless(self) -> bool:
        """Locust has no page, and ends with its run."""
        return bool(getattr(self._environment.parsed_options, "headless", False))

    @property
    def at_once(self) -> bool:
        """No call is waited for."""
        return self.reason in _AT_ONCE

    def prepared(self) -> None:
        """All is ready for the first run."""
        self._prepared = time.monotonic()

    def begin(self) -> None:
        """A run begins, and nothing ends it yet."""
        self._began = time.monotonic()
        self.reason = None

    def wait_as_asked(self) -> None:
        """``--stop-timeout`` holds again; a worker has its own from the master, with each run."""
        self._environment.stop_timeout = self._stop_timeout

    def bring_about(self, reason: str) -> None:
        """The last stage is over, the budget used up, the run hopeless or at a standstill; the first reason counts."""
        if self.reason is not None:
            return
        self.reason = reason
        if self.at_once:
            self._environment.stop_timeout = 0.0
        self.leave()

    def leave(self) -> None:
        """End the run, and Locust with it when it has no page."""
        runner = self._environment.runner
        assert runner is not None
        gevent.spawn(runner.quit if self.headless else runner.stop)

    def natural(self, *, workers_left: bool) -> str:
        """Why Locust ended it."""
        run_time = getattr(self._environment.parsed_options, "run_time", None)
        # On a busy machine the first run begins long after Locust has begun to count. Without a page nobody stops it by
        # hand; a master counts when its workers are there.
        alone = self.headless and not isinstance(self._environment.runner, MasterRunner)
        began = self._prepared if alone else self._began
        if run_time and time.monotonic() - began >= run_time - 1:
            return "run_time"
        # Locust ends a run itself when its last worker is missing.
        return "stopped" if workers_left else "no_workers"
