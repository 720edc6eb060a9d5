"""What loadkit holds for one Locust environment: engines, gateway, and the run, from its start to its report."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from functools import partial
from typing import Any

from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadkit.call.spec import CallSpec
from loadkit.engine.client import EngineClient, EngineLost
from loadkit.engine.link import Message
from loadkit.engine.lost_calls import record_of_unplaced_call
from loadkit.errors import ExitCode, LoadkitError
from loadkit.gateway.embedded import EmbeddedGateway
from loadkit.records import to_row
from loadkit.settings import Settings
from loadkit.swarm import preflight, statistics
from loadkit.swarm.baseline import check_baseline
from loadkit.swarm.configuration import Configuration
from loadkit.swarm.course import Course
from loadkit.swarm.listeners import listeners_of
from loadkit.swarm.locusts_own import check_locusts_own
from loadkit.swarm.media_path import tell_media_path
from loadkit.swarm.metrics import Metrics
from loadkit.swarm.own_figures import OwnFigures
from loadkit.swarm.pool import EnginePool, default_engines
from loadkit.swarm.run import Run
from loadkit.swarm.run_end import RunEnd
from loadkit.swarm.traffic import Traffic
from loadkit.swarm.watchdog import Watchdog
from loadkit.swarm.worker import Worker
from loadkit.swarm.workers import Workers
from loadkit.unix_clock import read_clock

logger = logging.getLogger(__name__)

Row = dict[str, Any]

_FINISH_WORKERS_S = 25.0


class RunRefused(LoadkitError):
    """The run cannot start, and no call of it can be placed."""


class Swarm:
    """What loadkit holds for one Locust environment."""

    def __init__(self, environment: Environment) -> None:
        assert environment.parsed_options is not None
        assert environment.runner is not None
        self._environment = environment
        self._runner = environment.runner
        self._configuration = Configuration(environment)
        self._pool: EnginePool | None = None
        self._gateway: EmbeddedGateway | None = None
        self._worker: Worker | None = None
        self._workers: Workers | None = None
        self._metrics: Metrics | None = None
        self._run: Run | None = None
        self._spread = self._configuration.spread()
        self._exit_code: ExitCode | None = None
        self._refused = False
        self._course = Course(environment.runner, self._begin_run, self._end_run)
        self._traffic = Traffic(environment, lambda: self._course.ending)
        self._end = RunEnd(environment)
        self._watchdog = Watchdog(self._engines, self._stall_timeout, self._stalled)

    @property
    def settings(self) -> Settings:
        """Those of the run."""
        return self._configuration.settings

    # For users

    def place(self, spec: CallSpec) -> EngineClient:
        """Place a call on the least loaded engine; path and local address, when it has none, take their turns.

        :raises RunRefused: the run cannot start; there is nothing to wait for.
        :raises EngineLost: no engine is left; the call has its record.
        """
        if self._pool is None or self._refused:
            raise RunRefused("the run was refused; see the log")
        spec = self._spread.over(spec)
        try:
            return self._pool.place(spec)
        except EngineLost as exc:
            record = record_of_unplaced_call(spec, "ENGINE_LOST", str(exc))
            self._record({"call": to_row(record), "turns": []})
            raise

    def draw_duration(self) -> float:
        """Seconds that a call is to be talked which no arrival brought."""
        return self._traffic.draw_duration(self.settings)

    def call_connected(self, call_id: str, setup_ms: float) -> None:
        """A call has been set up."""
        self._traffic.connected(call_id)
        statistics.count_setup(self._environment, setup_ms)

    def _load_as_asked(self) -> tuple[str | None, int | None]:
        """The gateway and the number of callers; None each while a page, or a shape, may still say another."""
        if not self._end.headless:
            return None, None
        users = getattr(self._environment.parsed_options, "num_users", None)
        return self._configuration.host, None if self._environment.shape_class else users

    # init

    def prepare(self) -> None:
        """Check everything that can be checked before the first call, and start what calls need.

        :raises LoadkitError: something cannot be used; nothing is left running.
        """
        runner = self._runner
        if isinstance(runner, MasterRunner):
            # First of all: workers that were quicker tell already what they cost.
            self._workers = Workers(
                runner, self._open_run, self._record, self._figures, self._end.leave, self._end_stalled
            )
        self._configuration.check_files()
        if isinstance(runner, WorkerRunner):
            self._worker = Worker(runner, lambda: self.settings.master_timeout)
            OwnFigures(self._worker.name, self._figures)
            self._pool = self._new_pool(self._worker.name)
            return
        preflight.check_settings(self.settings)
        check_locusts_own(self._environment, self.settings)
        check_baseline(self.settings, *self._load_as_asked())
        self._traffic.check(self.settings)
        self._traffic.note_users(self.settings)
        self._metrics = Metrics(self.settings)
        if not self._environment.host and not any(u.host for u in self._environment.user_classes):
            self._start_gateway()
        preflight.tell_missing_token(self.settings)
        preflight.check_host(self._configuration.host)
        if self._end.headless and self._gateway is None:
            self._configuration.check_gateway_answers()
        if isinstance(runner, MasterRunner):
            assert self._workers is not None
            OwnFigures("master", self._figures)
            self._traffic.attach(self._workers.collector)
            return
        OwnFigures("local", self._figures)
        tell_media_path(self.settings)
        self._pool = self._new_pool("local")
        self._pool.start(self._for_engines())
        self._end.prepared()

    def _new_pool(self, worker: str) -> EnginePool:
        processes = getattr(self._environment.parsed_options, "processes", None)
        size = self.settings.engines or default_engines(processes)
        return EnginePool(worker, size, self._record, self._figures, partial(self._stalled, None))

    def _start_gateway(self) -> None:
        """No ``--host``: practise against the reference gateway."""
        if not self.settings.token():
            self._configuration.make_up_token()
        self._gateway = EmbeddedGateway()
        self._configuration.use_own_gateway(self._gateway.start([self.settings.token()]))
        logger.info("no --host was given: the embedded gateway is at %s", self._environment.host)

    def _for_engines(self) -> Message:
        engines = self._pool.size if self._pool else 1
        return self._configuration.for_engines(engines, gateway=self._gateway is not None)

    # test_start

    def start_run(self) -> None:
        """A run begins; the page may have changed the settings since the last one."""
        try:
            with self._worker.deaf() if self._worker else nullcontext():
                self._course.start()
        finally:
            if self._refused and self._worker is None:
                # Only here: while it begins Locust regards the test as stopped, and a stop would do nothing.
                self._end.leave()

    def _begin_run(self) -> bool:
        self._end.begin()
        self._refused = False
        self._watchdog.begin()
        read_clock()
        if self._worker is None:
            self._end.wait_as_asked()
        try:
            self._configuration.check_token_may_go_there()
            self._configuration.read()
            if self._worker is None and not self._end.headless:
                # Not before the page is there: it may name another gateway.
                self._configuration.check_gateway_answers()
            if self._pool is not None:
                if not self._pool.running:
                    tell_media_path(self.settings)
                # A worker hears the gateway's address from the master, with the first run.
                begin = self._pool.configure if self._pool.running else self._pool.start
                begin(self._for_engines())
            self._spread = self._configuration.spread()
            self._traffic.begin(self.settings, self._pool)
            if self._worker is None:
                expected = 0 if self._workers is None else self._workers.begin()
                listeners = listeners_of(self._environment, self.settings, self._end.bring_about)
                if self._metrics is not None:
                    listeners += self._metrics.listeners()
                self._run = Run(self.settings, self._configuration.host, expected, listeners)
                logger.info("records of this run: %s", self._run.path)
                self._traffic.offer(self.settings, self._run, self._end.bring_about)
            if self._course.finishing:
                # Its time was over, or a signal came, while it began.
                self._traffic.stop()
        except LoadkitError as exc:
            self._refuse(exc.exit_code, str(exc))
        except Exception as exc:
            logger.exception("an error that nobody foresaw")
            self._refuse(LoadkitError.exit_code, f"{type(exc).__name__}, see the log")
        return not self._refused

    def _refuse(self, exit_code: ExitCode, reason: str) -> None:
        """Locust goes on after an exception at a run's beginning: have all calls refused."""
        self._refused = True
        self._exit_code = exit_code
        logger.error("the run cannot start: %s", reason)
        if self._worker is not None:
            # The master says how it ends: without this worker the run is not the one that was asked for.
            self._worker.forwarder.refuse(reason)

    # While it runs

    def _record(self, row: Row) -> None:
        if self._pool is not None:
            self._traffic.ended(row["call"])
            # On the process that placed the call: Locust adds the workers' tables up by itself.
            row["call"]["worker"] = self._pool.worker
            statistics.count(self._environment, row)
        if self._worker is not None:
            self._worker.forwarder.record(row)
        elif run := self._open_run():
            run.record(row)

    def _figures(self, row: Row) -> None:
        if self._pool is not None:
            row["worker"] = self._pool.worker
            self._watchdog.row(row)
        if self._worker is not None:
            self._worker.forwarder.figures(row)
        elif run := self._open_run():
            run.figures(row)

    def _open_run(self) -> Run | None:
        """None on a worker, between two runs, and when the report has been written."""
        return None if self._run is None or self._run.finished else self._run

    def _engines(self) -> list[EngineClient]:
        return [] if self._pool is None else self._pool.engines

    def _stall_timeout(self) -> float:
        """For the watchdog; it looks away between two runs."""
        begun = self._run is not None or self._worker is not None
        return (
            self.settings.stall_timeout if begun and not self._course.finishing and not self._refused else 0.0
        )

    def _stalled(self, engine: EngineClient | None, reason: str) -> None:
        """The generator stands still: end what does not move any more, and the run."""
        if self._worker is not None:
            self._worker.forwarder.stalled(reason)
        else:
            self._end_stalled(reason)
        if engine is not None and self._pool is not None:
            self._pool.abandon(engine)

    def _end_stalled(self, reason: str) -> None:
        run = self._open_run()
        if run is None or self._end.reason is not None:
            return
        logger.error("the generator stands still, and the run is ended: %s", reason)
        self._end.bring_about("stalled")
        run.stalled(reason)

    # test_stopping, test_stop

    def stopping(self) -> None:
        """The master has its workers finish before Locust's own stop ends them."""
        self._course.finishing = True
        self._traffic.stop()
        if self._workers is not None:
            # Locust stops the test at once when the last worker is missing.
            self._workers.look()
            timeout = _FINISH_WORKERS_S + (self._environment.stop_timeout or 0)
            self._workers.finish(timeout, at_once=self._end.at_once)

    def stop_run(self, ended_by: str | None = None) -> None:
        """The run is over: end what is left of its calls, keep every record, write the report."""
        self._course.stop(ended_by)

    def _end_run(self, ended_by: str | None) -> None:
        self._traffic.stop()
        if self._pool is not None:
            self._pool.cancel_calls()
        self._traffic.finish()
        if self._worker is not None:
            self._worker.forwarder.flush()
        if run := self._open_run():
            logger.info("writing the report of %s", run.path)
            natural = self._end.natural(workers_left=self._workers_left())
            self._exit_code = run.finish(ended_by or self._end.reason or natural)
            if not self._workers_left() and self._end.headless:
                # Locust itself would wait for the end of --run-time, with nobody left to place a call.
                self._end.leave()

    def _workers_left(self) -> bool:
        """Somebody places calls: a worker, or this process itself."""
        return self._workers is None or self._workers.anybody

    # quitting

    def quit(self) -> None:
        """Locust ends, whichever way: leave records and a report, and no process."""
        runner = self._runner
        if self._open_run() or not self._course.told_to_end:
            self._end.reason = "interrupted"
        begun = self._run is not None or self._worker is not None
        if not begun and self._exit_code is None and self._end.headless:
            # Locust would end as if all had been well.
            logger.error("the run ended before it had begun, and no call was placed")
            self._exit_code = ExitCode.NO_DATA if self._course.told_to_end else ExitCode.INTERRUPTED
        try:
            if isinstance(runner, MasterRunner):
                runner.stop(send_stop_to_client=False)
            elif runner is not None:
                runner.stop()
            # For a run that Locust regards as stopped already.
            self.stop_run("interrupted")
        finally:
            self.release()
        if self._exit_code is not None and self._worker is None:
            self._environment.process_exit_code = int(self._exit_code)

    def release(self) -> None:
        """End the engines and the embedded gateway, and the page of metrics."""
        if self._metrics is not None:
            self._metrics.stop()
        if self._pool is not None:
            self._pool.stop()
        if self._gateway is not None:
            self._gateway.stop()
            self._gateway = None
