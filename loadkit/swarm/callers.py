"""Starts a caller for each arrival, in the process that places the calls.

A caller is a user of the locustfile that runs one of its tasks, by their weights, and is gone. It stands in Locust's
own group of users, so that Locust counts it, stops it and gives it ``--stop-timeout``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import gevent
from locust import User
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopUser
from locust.runners import LocalRunner, WorkerRunner

from loadkit.swarm.arrivals import Arrival, Arrived


class Callers:
    """The callers of one run in one Locust process.

    :param engines: how many engines are alive.
    """

    def __init__(self, runner: LocalRunner | WorkerRunner, engines: Callable[[], int]) -> None:
        self._runner = runner
        self._engines = engines
        self._waiting: set[gevent.Greenlet] = set()
        self._callers: set[gevent.Greenlet] = set()
        self._closed = False
        #: Arrivals that were handed to this process.
        self.taken = 0
        #: Of these, how many were dropped because no engine was alive.
        self.dropped = 0

    @property
    def in_progress(self) -> int:
        """Arrivals that are to be started, or started and not over."""
        return len(self._waiting) + len(self._callers)

    def take(self, arrival: Arrival, intended: float) -> None:
        """Start a caller when its moment has come.

        :param intended: that moment on this machine's monotonic clock.
        """
        self.taken += 1
        wait = intended - time.monotonic()
        if wait <= 0:
            self._start(arrival, intended)
            return
        greenlet = gevent.spawn_later(wait, self._start, arrival, intended)
        self._waiting.add(greenlet)
        greenlet.link(self._waiting.discard)

    def close(self) -> None:
        """The run is being ended: nobody is started any more."""
        self._closed = True
        for greenlet in list(self._waiting):
            greenlet.kill(block=False)

    def _start(self, arrival: Arrival, intended: float) -> None:
        if self._closed:
            return
        if not self._engines():
            self.dropped += 1
            return
        user = self._runner.user_classes_by_name[arrival.user_class](self._runner.environment)
        vars(user)["arrival"] = Arrived(arrival.number, intended, arrival.duration_s)
        _once_only(user)
        greenlet = user.start(self._runner.user_greenlets)
        self._callers.add(greenlet)
        greenlet.link(self._callers.discard)


def _once_only(user: User) -> None:
    """Have a user run one of its tasks and end; a script that raised is told by Locust as ever."""

    def stop(*_: Any) -> float:
        raise StopUser("its arrival is over")

    def run_one(user: User) -> None:
        try:
            if isinstance(task, type):
                task(user).run()
            else:
                task(user)
        except (RescheduleTask, RescheduleTaskImmediately, InterruptTaskSet):
            pass
        stop()

    if not user.tasks:
        return  # Locust tells what is wrong
    task: Any = random.choice(user.tasks)
    user.tasks = [run_one]
    # After an exception, or after one task of a nested set, Locust asks how long to wait for the next.
    vars(user)["wait_time"] = stop
