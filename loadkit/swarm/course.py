"""The course of one run after the other: it begins, is ended, and has ended, whatever Locust starts or kills meanwhile.

Both go on in greenlets of their own: what begins a run is begun to its end, and what ends it is told once.
"""

from __future__ import annotations

from collections.abc import Callable

import gevent
from locust.runners import STATE_INIT, STATE_STOPPED, LocalRunner, MasterRunner, Runner, WorkerRunner

from loadkit.swarm.patience import wait_whatever_happens


class Course:
    """Of one Locust environment.

    :param begin: begins a run; returns whether there is one, which there is not when it was refused.
    :param end: ends it, and writes its report; its argument is why, where that is not for Locust to say.
    """

    def __init__(self, runner: Runner, begin: Callable[[], bool], end: Callable[[str | None], None]) -> None:
        self._runner = runner
        self._begin = begin
        self._end = end
        self._beginning: gevent.Greenlet | None = None
        self._ending: gevent.Greenlet | None = None
        #: No call starts any more, from the first word of a run's end until the next one begins.
        self.finishing = False

    @property
    def told_to_end(self) -> bool:
        """Whether the last calls are being ended, or have ended."""
        return self._ending is not None

    @property
    def ending(self) -> bool:
        """From the first word of a run's end until its report is written."""
        return self.finishing and not (self._ending is not None and self._ending.ready())

    def start(self) -> None:
        """Begin a run.

        :raises gevent.GreenletExit: Locust must go no further with it: it was stopped, or started anew, meanwhile.
        """
        runner = self._runner
        if isinstance(runner, LocalRunner) and runner.state == STATE_STOPPED:
            # A stop while it begins would do nothing to a runner that takes itself for stopped.
            runner.update_state(STATE_INIT)
        last, self._ending, self.finishing = self._ending, None, False
        self._beginning = gevent.spawn(self._begin_after, last)
        try:
            wait_whatever_happens(self._beginning)
            if isinstance(runner, MasterRunner) and (not self._beginning.value or self._ending is not None):
                raise gevent.GreenletExit  # before workers hear of it
        except gevent.GreenletExit:
            if not isinstance(runner, WorkerRunner):
                # To Locust nothing has begun that it would have to end.
                self.stop()
            raise

    def stop(self, ended_by: str | None = None) -> None:
        """End the run, and wait for its report; who comes later waits for the same."""
        if self._ending is None:
            self._ending = gevent.spawn(self._end_when_begun, ended_by, self._beginning)
        try:
            wait_whatever_happens(self._ending)
        except gevent.GreenletExit:
            if gevent.getcurrent() in getattr(self._runner, "greenlet", ()):
                # One of Locust's own, which whoever killed it waits for: it would run for ever, and Locust with it.
                raise

    def _begin_after(self, last: gevent.Greenlet | None) -> bool:
        if last is not None:
            # A worker hears of its next run while it still ends the calls of the last one.
            last.join()
        return self._begin()

    def _end_when_begun(self, ended_by: str | None, beginning: gevent.Greenlet | None) -> None:
        if beginning is not None and not isinstance(self._runner, WorkerRunner):
            # A worker ends the engines that it is starting; here, what there is of the run is ended in order.
            beginning.join()
        self._end(ended_by)
