"""How Locust gives users to workers, put right where it leaves one out, and ended with the run.

Locust forgets a worker that joins a run when another one has joined before, and one that joins while it waits, for up
to a second, for the first reports of the others. And it goes on giving users out while a run is being ended, as long
as its ramp lasts and whenever a worker comes or goes: calls that nobody would write down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from locust.dispatch import UsersDispatcher
from locust.runners import STATE_RUNNING, STATE_SPAWNING, STATE_STOPPING, MasterRunner, Runner

_LOOK_S = 0.05


class Dispatcher(UsersDispatcher):
    """Locust's own, which leaves nobody out and can be closed."""

    _closed = False

    def __next__(self) -> dict[str, dict[str, int]]:
        try:
            users = super().__next__()
        except StopIteration:
            # Locust leaves this set when it has shared the users out anew, and then gives the next worker nothing.
            self._dispatch_in_progress = False
            if not self.left_out:
                raise
            self._rebalance = False
            users = self._fast_users_on_workers_copy(self._users_on_workers)
        if self._closed:
            raise StopIteration
        return users

    @property
    def left_out(self) -> bool:
        """Whether a worker has come or gone since users were shared out."""
        return self._rebalance

    def close(self) -> None:
        """Nobody gets users any more."""
        self._closed = True


class Dispatch:
    """Of one environment that starts runs; a worker only does as it is told.

    :param ending: whether a run is being ended, until its report is written.
    """

    def __init__(self, runner: Runner, ending: Callable[[], bool]) -> None:
        self._runner = runner
        self._ending = ending
        self._over = False
        self._start = runner.start
        runner.start = self._start_or_wait  # type: ignore[method-assign]
        if isinstance(runner, MasterRunner):
            runner.environment.events.spawning_complete.add_listener(self._given_out)

    def begin(self) -> None:
        """A run begins."""
        self._over = False

    def close(self) -> None:
        """The run is being ended, and a ramp that goes on with it."""
        dispatcher = self._runner._users_dispatcher
        if isinstance(self._runner, MasterRunner) and isinstance(dispatcher, Dispatcher):
            dispatcher.close()

    def end(self) -> None:
        """The last call has ended. A master that was giving users out meanwhile takes itself for running."""
        self._over = True
        if isinstance(self._runner, MasterRunner) and self._runner.state in (STATE_SPAWNING, STATE_RUNNING):
            self._runner.update_state(STATE_STOPPING)

    def _start_or_wait(self, *arguments: Any, **options: Any) -> None:
        """Who starts a run while the last one is being ended, as on the page, waits for that."""
        current = gevent.getcurrent()
        if self._ending() and current in self._runner.greenlet and current is not self._runner.shape_greenlet:
            return  # Locust itself: a worker has come or gone
        while self._ending():
            gevent.sleep(_LOOK_S)
        self._start(*arguments, **options)

    def _given_out(self, **_: Any) -> None:
        """All have their users, Locust says, and that it is running."""
        runner = self._runner
        assert isinstance(runner, MasterRunner)
        dispatcher = runner._users_dispatcher
        if self._over:
            self.end()
        elif isinstance(dispatcher, Dispatcher) and dispatcher.left_out:
            runner.greenlet.spawn(runner.start, runner.target_user_count, runner.spawn_rate)
