"""The engines of this Locust process: started together, chosen by load, replaced when one dies."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import gevent

from loadkit.call.spec import CallSpec
from loadkit.engine.client import EngineClient, EngineLost
from loadkit.engine.link import Message
from loadkit.errors import EngineError, LoadkitError
from loadkit.records import Outcome

logger = logging.getLogger(__name__)

Row = dict[str, Any]

#: Engines that die again and again are not started for ever.
_MOST_REPLACEMENTS = 20
_DRAIN_S = 8.0
_REPLACEMENT_S = 30.0
_FIGURES_S = 2.0


def default_engines(processes: int | None) -> int:
    """One engine per core, the cores shared out over Locust's ``--processes``."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // max(1, processes or 1))


class EnginePool:
    """Places each call on the engine that holds the fewest.

    :param worker: name of this Locust process in the records.
    :param on_exhausted: told in a sentence when the last engine has died and none takes its place.
    """

    def __init__(
        self,
        worker: str,
        size: int,
        on_record: Callable[[Row], None],
        on_figures: Callable[[Row], None],
        on_exhausted: Callable[[str], None] = print,
    ) -> None:
        self.worker = worker
        self.size = size
        #: Engines that died and were replaced, since the start.
        self.lost = 0
        self._on_record = on_record
        self._on_figures = on_figures
        self._on_exhausted = on_exhausted
        self._configuration: Message = {}
        self._engines: list[EngineClient] = []
        self._numbers = iter(range(1_000_000))
        self._stopping = False
        self._replacing = 0
        #: A call has been placed.
        self._used = False

    @property
    def calls_in_progress(self) -> int:
        """Calls that have been placed and have left no record yet."""
        return sum(len(engine.calls) for engine in self._engines)

    @property
    def alive(self) -> int:
        """Engines that can take calls."""
        return sum(engine.alive for engine in self._engines)

    def holds(self, call_id: str) -> bool:
        """Whether a call has been placed and has left no record yet."""
        return any(call_id in engine.calls for engine in self._engines)

    @property
    def running(self) -> bool:
        """Whether engines have been started."""
        return bool(self._engines)

    @property
    def engines(self) -> list[EngineClient]:
        """Those that there are now."""
        return list(self._engines)

    def abandon(self, engine: EngineClient) -> None:
        """End one that stands still; no other takes its place."""
        self._engines = [other for other in self._engines if other is not engine]
        engine.abandon()
        engine.stop()

    def start(self, configuration: Message) -> None:
        """Start all engines, at the same time.

        :raises EngineError: one of them refused the settings or a sample, or did not come up.
        """
        self._configuration = configuration
        engines = [self._new_engine() for _ in range(self.size)]
        # Before they have started, so that a stop meanwhile finds them.
        self._engines = engines
        self._together([partial(engine.start, configuration) for engine in engines])

    def configure(self, configuration: Message) -> None:
        """Give running engines the settings of the next run; those that were started with the same, for it, have them.

        :raises EngineError: as :meth:`start`.
        """
        if configuration == self._configuration and not self._used:
            return
        self._configuration = configuration
        self._together([partial(engine.configure, configuration) for engine in self._engines])

    def place(self, spec: CallSpec) -> EngineClient:
        """Place a call on the least loaded engine; waits while a new one takes a dead one's place.

        :raises EngineLost: no engine is left, and none came in time.
        """
        self._used = True
        deadline = time.monotonic() + _REPLACEMENT_S
        while not any(e.alive for e in self._engines) and time.monotonic() < deadline:
            if not self._replacing and not self._engines:
                break
            gevent.sleep(0.05)
        for engine in sorted((e for e in self._engines if e.alive), key=lambda e: len(e.calls)):
            try:
                engine.place(spec)
            except EngineLost:
                continue
            return engine
        raise EngineLost("no engine is running")

    def cancel_calls(self) -> None:
        """End all calls in progress and wait for their records."""
        for engine in self._engines:
            for call_id in list(engine.calls):
                engine.end(call_id, Outcome.CANCELLED)
        deadline = time.monotonic() + _DRAIN_S
        while self.calls_in_progress and time.monotonic() < deadline:
            gevent.sleep(0.02)
        if self.calls_in_progress:
            logger.warning(
                "%d calls left no record within %g s of being ended", self.calls_in_progress, _DRAIN_S
            )
        for engine in self._engines:
            for call_id in list(engine.calls):
                engine.give_up(call_id)
            # The end of a run is a busy moment: its lateness counts, too.
            engine.command("", "figures", _FIGURES_S)

    def stop(self) -> None:
        """End all calls and all engines."""
        self._stopping = True
        self._together([engine.stop for engine in self._engines])
        self._engines = []

    def _new_engine(self) -> EngineClient:
        return EngineClient(
            f"{self.worker}.{next(self._numbers)}",
            on_record=self._on_record,
            on_figures=self._on_figures,
            on_lost=self._engine_lost,
        )

    def _engine_lost(self, engine: EngineClient) -> None:
        if self._stopping:
            return
        self.lost += 1
        logger.error(
            "engine %s (process %s) died and took its calls with it; they are recorded as ENGINE_LOST",
            engine.name,
            engine.pid,
        )
        self._engines = [other for other in self._engines if other is not engine]
        replaced = self.lost <= _MOST_REPLACEMENTS
        # Before anything waits: a call that is placed meanwhile waits for the new one.
        self._replacing += replaced
        engine.stop()
        if not replaced:
            logger.error("%d engines have died: no more are started", self.lost)
            self._look_for_the_last()
            return
        threading.Thread(target=self._replace, daemon=True).start()

    def _replace(self) -> None:
        engine = self._new_engine()
        configuration = self._configuration
        try:
            engine.start(configuration)
            if configuration is not self._configuration:
                # Another run has begun meanwhile.
                engine.configure(self._configuration)
        except EngineError as exc:
            logger.error("a new engine could not be started: %s", exc)
            engine.stop()
            self._replacing -= 1
            self._look_for_the_last()
            return
        self._replacing -= 1
        if self._stopping:
            engine.stop()
        else:
            self._engines.append(engine)
            logger.info("engine %s (process %s) takes its place", engine.name, engine.pid)

    def _look_for_the_last(self) -> None:
        """Without an engine no call can be placed any more: a run that went on would only record that."""
        if not self._stopping and not self._replacing and not self.alive:
            many = "The only engine" if self.lost == 1 else f"{self.lost:,} engines"
            has = "has" if self.lost == 1 else "have"
            self._on_exhausted(
                f"{many} of {self.worker} {has} died, and no other could take the place: look at memory (the OOM "
                "killer) and the log of the run."
            )

    @staticmethod
    def _together(calls: list[Callable[[], None]]) -> None:
        """Run all at the same time; raises the first error when all have ended."""
        errors: list[LoadkitError] = []

        def run(call: Callable[[], None]) -> None:
            # An error that left the greenlet would be printed by gevent, arguments, token and all.
            try:
                call()
            except LoadkitError as exc:
                errors.append(exc)

        gevent.joinall([gevent.spawn(run, call) for call in calls])
        if errors:
            raise errors[0]
