"""A headless master until its workers are there: Locust waits for them, and hears no signal meanwhile.

A master that ended there as Locust has it left with 143 or -2, its embedded gateway to itself, and its workers waiting
for it; one whose workers did not come in time left with 1, as if calls had failed.
"""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable

import gevent
from locust.env import Environment
from locust.runners import MasterRunner

from loadkit.errors import ExitCode

logger = logging.getLogger(__name__)


class Muster:
    """From Locust's event ``init`` to the first run.

    :param release: ends what was started for the run.
    :param on_sigterm: called at SIGTERM, to which Locust listens only afterwards.
    """

    def __init__(
        self, environment: Environment, release: Callable[[], None], on_sigterm: Callable[[], None]
    ) -> None:
        self._runner = environment.runner
        self._release = release
        options = environment.parsed_options
        assert options is not None
        #: Whether workers are waited for.
        self.waiting = isinstance(self._runner, MasterRunner) and bool(options.headless)
        self._terminated = gevent.signal_handler(signal.SIGTERM, on_sigterm) if self.waiting else None
        self._timer: gevent.Greenlet | None = None
        if self.waiting and options.expect_workers_max_wait:
            # Locust would end with 1, which is that of failed calls.
            longest, options.expect_workers_max_wait = options.expect_workers_max_wait, 0
            self._timer = gevent.spawn_later(longest, self._too_late, longest, options.expect_workers)

    def over(self) -> None:
        """A run begins."""
        self.waiting = False
        if self._terminated is not None:
            self._terminated.cancel()
        if self._timer is not None:
            self._timer.kill(block=False)

    def interrupt(self) -> None:
        """A signal: end before the first call."""
        print("loadkit: interrupted before the first call", file=sys.stderr)
        self._end(ExitCode.INTERRUPTED)

    def _too_late(self, longest: float, expected: int) -> None:
        assert isinstance(self._runner, MasterRunner)
        logger.error(
            "%d of %d workers came within %g s (--expect-workers-max-wait), and no call was placed: start the others, "
            "and see that they reach this machine's port %d",
            len(self._runner.clients.ready),
            expected,
            longest,
            self._runner.master_bind_port,
        )
        self._end(ExitCode.LOST_WORKERS)

    def _end(self, code: ExitCode) -> None:
        assert self._runner is not None
        self.waiting = False
        # Those that have come are told to go.
        self._runner.quit()
        self._release()
        gevent.get_hub().handle_system_error(SystemExit, SystemExit(int(code)))
