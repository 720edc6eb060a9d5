"""Arrivals and talk time of one Locust process, whichever part it has: alone, master or worker.

alone    hands out the arrivals of a run and starts their callers
master   hands them out to its workers
worker   starts the callers of those that it is given, and says how many it holds
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from loadkit.errors import SettingsError
from loadkit.settings import Settings
from loadkit.swarm.callers import Callers
from loadkit.swarm.dispatch import Dispatch
from loadkit.swarm.forwarding import RecordCollector
from loadkit.swarm.hands import Hands, OwnHands, WorkerEnd, WorkersHands
from loadkit.swarm.load import Load
from loadkit.swarm.no_users import keep_who_is_there, start_no_users
from loadkit.swarm.pool import EnginePool
from loadkit.swarm.run import Run
from loadkit.swarm.talk_time import TalkTime

logger = logging.getLogger(__name__)


class Traffic:
    """What a Locust process holds for the arrivals of its runs, one run after the other.

    :param ending: whether a run is being ended, until its report is written.
    """

    def __init__(self, environment: Environment, ending: Callable[[], bool]) -> None:
        self._environment = environment
        self._runner = environment.runner
        self._talk_time = TalkTime()
        self._durations = np.random.default_rng()
        self._callers: Callers | None = None
        self._load: Load | None = None
        self._pool: EnginePool | None = None
        self._stopped = False
        self._workers: WorkersHands | None = None
        self._master: WorkerEnd | None = None
        self._dispatch: Dispatch | None = None
        if not isinstance(self._runner, WorkerRunner):
            assert self._runner is not None
            self._dispatch = Dispatch(self._runner, ending)
        else:
            self._master = WorkerEnd(self._runner, self._engines)
            # Those that have arrived are not counted by Locust; and a master whose ramp goes on while the run is being
            # ended must not bring anybody back.
            keep_who_is_there(self._runner, lambda: self._callers is not None or self._stopped)

    def attach(self, collector: RecordCollector) -> None:
        """This is a master, and these are its workers."""
        assert isinstance(self._runner, MasterRunner)
        self._workers = WorkersHands(self._runner, collector)

    def check(self, settings: Settings) -> None:
        """See that arrivals are all that says when calls start.

        :raises SettingsError: the locustfile has a load shape of its own.
        """
        if settings.schedule is None:
            return
        shape = self._environment.shape_class
        if shape is not None:
            raise SettingsError(
                [
                    f"--arrival-rate and --stages say when calls arrive, and so does {type(shape).__name__} in the "
                    "locustfile: leave the options out, or the shape"
                ]
            )

    def note_users(self, settings: Settings) -> None:
        """Before Locust fills in its own default: say what becomes of a number of users that was given."""
        if settings.schedule and getattr(self._environment.parsed_options, "num_users", None) is not None:
            logger.info("callers are started as calls arrive: -u and -r do not count")

    def begin(self, settings: Settings, pool: EnginePool | None) -> None:
        """A run begins in this process, and its engines are up.

        :raises SettingsError: as :meth:`check`.
        """
        self.check(settings)
        arriving = settings.schedule is not None
        self._pool, self._stopped = pool, False
        self._talk_time = TalkTime()
        index = int(self._runner.worker_index) if isinstance(self._runner, WorkerRunner) else 0
        # Also for calls that users place by themselves: the same worker draws the same.
        self._durations = np.random.default_rng(None if settings.seed is None else [settings.seed, index])
        self._callers = None
        if isinstance(self._runner, LocalRunner | WorkerRunner) and arriving:
            self._callers = Callers(self._runner, self._engines)
        if self._dispatch is not None:
            self._dispatch.begin()
        if self._master is not None:
            telling = arriving or settings.max_call_minutes is not None
            self._master.begin(self._callers, self._talk_time, telling=telling)
        else:
            start_no_users(self._environment, arriving)

    def offer(self, settings: Settings, run: Run, over: Callable[[str], None]) -> None:
        """Hand out the run's arrivals, and watch its budget.

        :param over: called with ``stages`` or ``budget`` when one of these ends the run.
        """
        hands: Hands
        if self._workers is not None:
            self._workers.begin()
            hands = self._workers
        else:
            hands = OwnHands(self._callers, self._talk_time)
        classes = {user.__name__: float(user.weight) for user in self._environment.user_classes}
        self._load = Load(settings, run, hands, classes, over)

    def draw_duration(self, settings: Settings) -> float:
        """Seconds that a call is to be talked which no arrival brought."""
        return settings.call_duration.sample(self._durations)

    def connected(self, call_id: str) -> None:
        """A call of this process has been connected."""
        if self._pool is not None and self._pool.holds(call_id):
            self._talk_time.began(call_id, time.monotonic())

    def ended(self, call: dict[str, Any]) -> None:
        """A call of this process has left its record."""
        self._talk_time.ended(call)

    def stop(self) -> None:
        """No call starts any more."""
        self._stopped = True
        if self._dispatch is not None:
            self._dispatch.close()
        if self._load is not None:
            self._load.stop()
        if self._callers is not None:
            self._callers.close()

    def finish(self) -> None:
        """The last call has ended: keep the last counts."""
        if self._dispatch is not None:
            self._dispatch.end()
        if self._load is not None:
            self._load.finish()
            self._load = None
        if self._master is not None:
            self._master.end()

    def _engines(self) -> int:
        return self._pool.alive if self._pool is not None else 0
