"""Locust's events: what happens when, on a master, a worker, and a Locust that is neither.

    init           settings and samples are checked, the embedded gateway and the engines started
    test_start     a run folder is made; engines get the settings of this run
    test_stopping  the master has its workers end their calls and send their last records
    test_stop      calls in progress are ended, the report is written
    quitting       the same when nobody has asked for it (signals), then engines and gateway end

``MasterRunner.quit()`` fires ``test_stop`` before it tells the workers, and SIGTERM would end with exit
code 0: hence the work in ``test_stopping`` and ``quitting``.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from loadkit.call.context import Destination
from loadkit.call.spec import CallSpec
from loadkit.engine.client import EngineClient, EngineLost
from loadkit.engine.link import Message
from loadkit.errors import ExitCode, LoadkitError, SettingsError, Stage
from loadkit.gateway.embedded import EmbeddedGateway
from loadkit.media.samples import read_sound
from loadkit.records import CallRecord, Outcome, to_row
from loadkit.settings import Settings
from loadkit.signaling.tls import client_tls
from loadkit.swarm import open_files, preflight, statistics
from loadkit.swarm.forwarding import FINISH, FINISHED, RecordCollector, RecordForwarder
from loadkit.swarm.media_path import tell_media_path
from loadkit.swarm.options import NOT_ON_THE_PAGE, OF_THE_MACHINE, add_options, read_options
from loadkit.swarm.own_figures import OwnFigures
from loadkit.swarm.pool import EnginePool, default_engines
from loadkit.swarm.run import Run
from loadkit.swarm.spread import Spread
from loadkit.swarm.traffic import Traffic
from loadkit.swarm.watchdog import Watchdog
from loadkit.swarm.workers import WorkerWatch
from loadkit.transport.addresses import is_loopback

logger = logging.getLogger(__name__)

Row = dict[str, Any]

_FINISH_WORKERS_S = 25.0


class RunRefused(LoadkitError):
    """The run cannot start, and no call of it can be placed."""


class Swarm:
    """What loadkit holds for one Locust environment."""

    def __init__(self, environment: Environment) -> None:
        assert environment.parsed_options is not None
        self._environment = environment
        self._runner = environment.runner
        worker = isinstance(self._runner, WorkerRunner)
        own = OF_THE_MACHINE if worker else NOT_ON_THE_PAGE
        self._own = {name: getattr(environment.parsed_options, name) for name in own}
        self.settings: Settings = self._read_settings()
        #: The host that a token given by the user is for; None when there is no such token.
        self._host_of_token = self._host() if self.settings.token() and not worker else None
        self._pool: EnginePool | None = None
        self._gateway: EmbeddedGateway | None = None
        self._forwarder: RecordForwarder | None = None
        self._collector: RecordCollector | None = None
        self._run: Run | None = None
        self._spread = self._new_spread()
        self._exit_code: ExitCode | None = None
        self._refused = False
        self._watch: WorkerWatch | None = None
        self._traffic = Traffic(environment)
        self._stop_timeout = environment.stop_timeout
        self._finishing = False
        self._ended_by: str | None = None
        self._ending: gevent.Greenlet | None = None
        self._watchdog = Watchdog(self._engines, self._stall_timeout, self._stalled)

    def _read_settings(self) -> Settings:
        """The options as they are now, less what only the command line and the environment may say.

        Locust's page can be asked to change any option, shown or not; a worker's options are the master's.
        """
        options = self._environment.parsed_options
        assert options is not None
        vars(options).update(self._own)
        return read_options(options)

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
            record = CallRecord(
                call_id=spec.call_id,
                user=spec.user,
                scenario=spec.scenario,
                arrival=spec.arrival,
                mode=spec.mode,
                call_sid=spec.call_sid,
                ice_path=spec.ice_path,
                local_address=spec.local_address,
                intended_at=round(spec.intended + time.time() - time.monotonic(), 6),
                ended_at=round(time.time(), 6),
                outcome=Outcome.FAILED,
                failed_stage=Stage.PLACE,
                error_code="ENGINE_LOST",
                error_message=str(exc),
            )
            self._record({"call": to_row(record), "turns": []})
            raise

    def draw_duration(self) -> float:
        """Seconds that a call is to be talked which no arrival brought."""
        return self._traffic.draw_duration(self.settings)

    def call_connected(self, call_id: str, setup_ms: float) -> None:
        """A call has been set up."""
        self._traffic.connected(call_id)
        statistics.count_setup(self._environment, setup_ms)

    # init

    def prepare(self) -> None:
        """Check everything that can be checked before the first call, and start what calls need.

        :raises LoadkitError: something cannot be used; nothing is left running.
        """
        for sample in self._samples():
            read_sound(sample)
        client_tls(self.settings.tls_ca)
        runner = self._runner
        if isinstance(runner, WorkerRunner):
            worker = f"worker-{runner.worker_index}"
            self._forwarder = RecordForwarder(runner, worker)
            OwnFigures(worker, self._figures)
            self._pool = self._new_pool(worker)
            runner.register_message(FINISH, self._finish_worker, concurrent=True)
            return
        preflight.check_reports_dir(self.settings.reports_dir)
        self._traffic.check(self.settings)
        self._traffic.note_users(self.settings)
        preflight.check_local_addresses(self.settings)
        if not self._environment.host and not any(u.host for u in self._environment.user_classes):
            self._start_gateway()
        if not self.settings.token():
            logger.warning(
                "there is no token: give it by LOADKIT_AUTH_TOKEN, gateways refuse calls without one"
            )
        if isinstance(runner, MasterRunner):
            preflight.check_host(self._host())
            self._collector = RecordCollector(
                runner,
                self._record,
                self._figures,
                self._worker_refused,
                self._records_dropped,
                self._end_stalled,
            )
            OwnFigures("master", self._figures)
            self._watch = WorkerWatch(runner, self._collector, self._run_in_progress)
            self._traffic.attach(self._collector)
            return
        OwnFigures("local", self._figures)
        self._pool = self._new_pool("local")
        self._pool.start(self._configuration())

    def _new_pool(self, worker: str) -> EnginePool:
        processes = getattr(self._environment.parsed_options, "processes", None)
        size = self.settings.engines or default_engines(processes)
        return EnginePool(worker, size, self._record, self._figures)

    def _start_gateway(self) -> None:
        """No ``--host``: practise against the reference gateway."""
        options = self._environment.parsed_options
        assert options is not None
        if not self.settings.token():
            # Made up for this run; workers get it with the master's options.
            self._own["auth_token"] = secrets.token_urlsafe(18)
            self.settings = self._read_settings()
        self._gateway = EmbeddedGateway()
        self._environment.host = self._gateway.start([self.settings.token()])
        if self._host_of_token is not None:
            self._host_of_token = self._environment.host
        logger.info("no --host was given: the embedded gateway is at %s", self._environment.host)

    def _new_spread(self) -> Spread:
        """Every worker begins at another place, so that few calls of many workers are spread, too."""
        first = int(self._runner.worker_index) if isinstance(self._runner, WorkerRunner) else 0
        return Spread(self.settings.ice_path, self.settings.local_address, first)

    def _host(self) -> str:
        hosts = [self._environment.host] + [user.host for user in self._environment.user_classes]
        return next((host for host in hosts if host), "")

    def _check_token_may_go_there(self) -> None:
        """A page that everybody can reach must not send the token to whatever host somebody types there."""
        options = self._environment.parsed_options
        private = getattr(options, "web_login", False) or is_loopback(
            getattr(options, "web_host", None) or ""
        )
        if self._host_of_token is None or self._host() == self._host_of_token or private:
            return
        asked, self._environment.host = self._host(), self._host_of_token
        raise SettingsError(
            [
                f"--host {asked!r} was set on Locust's page, which anybody can reach, and the token is for "
                f"{self._host_of_token}; start again with that --host, or with --web-host 127.0.0.1"
            ]
        )

    def _samples(self) -> list[Path]:
        named = [name for user in self._environment.user_classes for name in getattr(user, "samples", [])]
        return preflight.samples(self.settings, named)

    def _configuration(self) -> Message:
        """What an engine is told, settings with the secret and all.

        :raises SettingsError: the host or a local address cannot be used.
        """
        host, settings = self._host(), self.settings
        preflight.check_host(host)
        preflight.check_local_addresses(settings)
        preflight.check_reach(settings, host)
        engines = 1 if self._pool is None else self._pool.size
        open_files.check(settings, host, self._environment, engines, gateway=self._gateway is not None)
        return {
            "settings": {**settings.public(), "auth_token": settings.token() or None},
            "destination": Destination.of(host, settings).to_message(),
            "samples": [str(path) for path in self._samples()],
        }

    # test_start

    def start_run(self) -> None:
        """A run begins; the page may have changed the settings since the last one."""
        if self._ending is not None:
            # Locust lets the next run begin while the last one is still writing its report.
            self._ending.join()
        self._refused = False
        self._finishing = False
        self._ending = None
        self._ended_by = None
        self._watchdog.begin()
        if self._forwarder is None:
            self._environment.stop_timeout = self._stop_timeout
        try:
            self._check_token_may_go_there()
            self.settings = self._read_settings()
            if self._pool is not None:
                if not self._pool.running:
                    tell_media_path(self.settings)
                # A worker hears the gateway's address from the master, with the first run.
                begin = self._pool.configure if self._pool.running else self._pool.start
                begin(self._configuration())
            self._spread = self._new_spread()
            self._traffic.begin(self.settings, self._pool)
            if self._forwarder is None:
                expected = 0
                if isinstance(self._runner, MasterRunner):
                    expected = len(self._runner.clients.all)
                self._run = Run(self.settings, self._host(), expected)
                logger.info("records of this run: %s", self._run.path)
                self._traffic.offer(self.settings, self._run, self._run_is_over)
        except LoadkitError as exc:
            # Locust goes on after an exception here: refuse all calls, and end.
            self._refused = True
            self._exit_code = exc.exit_code
            logger.error("the run cannot start: %s", exc)
            if self._forwarder is not None:
                # The master says how it ends: without this worker the run is not the one that was asked for.
                self._forwarder.refuse(str(exc))
                return
            self._leave()

    # While it runs

    def _record(self, row: Row) -> None:
        if self._pool is not None:
            self._traffic.ended(row["call"])
            # On the process that placed the call: Locust adds the workers' tables up by itself.
            row["call"]["worker"] = self._pool.worker
            statistics.count(self._environment, row)
        if self._forwarder is not None:
            self._forwarder.record(row)
        elif self._run is not None and not self._run.finished:
            self._run.record(row)

    def _figures(self, row: Row) -> None:
        if self._pool is not None:
            row["worker"] = self._pool.worker
            self._watchdog.row(row)
        if self._forwarder is not None:
            self._forwarder.figures(row)
        elif self._run is not None and not self._run.finished:
            self._run.figures(row)

    def _run_in_progress(self) -> Run | None:
        """None between two runs, and as soon as one is being finished."""
        run = self._run
        return None if run is None or run.finished or self._finishing else run

    def _worker_refused(self, client_id: str, reason: str) -> None:
        if self._run is not None and not self._run.finished:
            assert self._watch is not None
            self._run.worker_lost(self._watch.name(client_id), reason)
            self._leave()

    def _records_dropped(self, client_id: str, count: int) -> None:
        if self._run is not None and not self._run.finished:
            assert self._watch is not None
            self._run.worker_lost(self._watch.name(client_id), f"it dropped {count:,} records")

    def _engines(self) -> list[EngineClient]:
        return [] if self._pool is None else self._pool.engines

    def _stall_timeout(self) -> float:
        """For the watchdog; it looks away between two runs."""
        begun = self._run is not None or self._forwarder is not None
        return self.settings.stall_timeout if begun and not self._finishing and not self._refused else 0.0

    def _stalled(self, engine: EngineClient | None, reason: str) -> None:
        """The generator stands still: end what does not move any more, and the run."""
        if self._forwarder is not None:
            self._forwarder.stalled(reason)
        else:
            self._end_stalled(reason)
        if engine is not None and self._pool is not None:
            self._pool.abandon(engine)

    def _end_stalled(self, reason: str) -> None:
        if self._run is None or self._run.finished or self._ended_by is not None:
            return
        logger.error("the generator stands still, and the run is ended: %s", reason)
        self._ended_by = "stalled"
        self._run.stalled(reason)
        # There is nobody to wait for.
        self._environment.stop_timeout = 0.0
        self._leave()

    # test_stopping, test_stop

    def stopping(self) -> None:
        """The master has its workers finish before Locust's own stop ends them."""
        self._finishing = True
        self._traffic.stop()
        if self._collector is None or self._run is None or self._run.finished:
            return
        timeout = _FINISH_WORKERS_S + (self._environment.stop_timeout or 0)
        for client_id in self._collector.finish(timeout, at_once=self._ended_by in ("budget", "stalled")):
            assert self._watch is not None
            self._run.worker_lost(self._watch.name(client_id), "it did not finish in time")

    def _finish_worker(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002 - Locust's names
        assert isinstance(self._runner, WorkerRunner)
        if msg.data["at_once"]:
            self._environment.stop_timeout = 0.0  # until the master gives it anew, with its next run
        self._runner.stop()
        if self._forwarder is not None:
            self._forwarder.flush()
        self._runner.send_message(FINISHED, None)

    def stop_run(self, ended_by: str | None = None) -> None:
        """The run is over: end what is left of its calls, keep every record, write the report.

        In a greenlet of its own, and waited for whatever happens: a user that calls ``runner.quit()`` has
        been killed by Locust when this is reached, and the first wait of any kind would end it.
        """
        if self._ending is None:
            self._ending = gevent.spawn(self._end_run, ended_by)
        while not self._ending.ready():
            with contextlib.suppress(gevent.GreenletExit):
                self._ending.join()

    def _end_run(self, ended_by: str | None) -> None:
        if self._pool is not None:
            self._pool.cancel_calls()
        self._traffic.finish()
        if self._forwarder is not None:
            self._forwarder.flush()
        if self._run is not None and not self._run.finished:
            logger.info("writing the report of %s", self._run.path)
            self._exit_code = self._run.finish(ended_by or self._ended_by or self._natural_end())

    def _run_is_over(self, ended_by: str) -> None:
        """The last stage is over, or the budget used up; what it has cost must not grow by ``--stop-timeout``."""
        self._ended_by = ended_by
        if ended_by == "budget":
            self._environment.stop_timeout = 0.0
        self._leave()

    def _leave(self) -> None:
        """End the run, and Locust with it when it has no page."""
        assert self._runner is not None
        gevent.spawn(self._runner.quit if _headless(self._environment) else self._runner.stop)

    def _natural_end(self) -> str:
        assert self._run is not None
        run_time = getattr(self._environment.parsed_options, "run_time", None)
        return "run_time" if run_time and self._run.seconds >= run_time - 1 else "stopped"

    # quitting

    def quit(self) -> None:
        """Locust ends, whichever way: leave records and a report, and no process."""
        runner = self._runner
        if self._run is not None and not self._run.finished:
            self._ended_by = "interrupted"
        try:
            if isinstance(runner, MasterRunner):
                runner.stop(send_stop_to_client=False)
            elif runner is not None:
                runner.stop()
            # For a run that Locust regards as stopped already.
            self.stop_run("interrupted")
        finally:
            self.release()
        if self._exit_code is not None and self._forwarder is None:
            self._environment.process_exit_code = int(self._exit_code)

    def release(self) -> None:
        """End the engines and the embedded gateway."""
        if self._pool is not None:
            self._pool.stop()
        if self._gateway is not None:
            self._gateway.stop()
            self._gateway = None


_swarms: dict[int, Swarm] = {}


def swarm_of(environment: Environment) -> Swarm:
    """What loadkit holds for this environment."""
    return _swarms[id(environment)]


def attach_to_locust() -> None:
    """Listen to Locust's events, once per process.

    To all of them from the start: a worker that joins a running test gets ``test_start`` before ``init``.
    """
    if add_options in events.init_command_line_parser._handlers:
        return
    events.init_command_line_parser.add_listener(add_options)
    events.init.add_listener(lambda environment, **_: _prepared(environment))
    events.test_start.add_listener(lambda environment, **_: _prepared(environment).start_run())
    events.test_stopping.add_listener(lambda environment, **_: swarm_of(environment).stopping())
    events.test_stop.add_listener(lambda environment, **_: swarm_of(environment).stop_run())


def _prepared(environment: Environment) -> Swarm:
    if id(environment) in _swarms:
        return _swarms[id(environment)]
    swarm: Swarm | None = None
    try:
        swarm = _swarms[id(environment)] = Swarm(environment)
        swarm.prepare()
    except LoadkitError as exc:
        if swarm is not None:
            swarm.release()
        print(f"loadkit: {exc}", file=sys.stderr)
        sys.exit(exc.exit_code)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        gevent.signal_handler(signal.SIGINT, _interrupt)
    # Fired in reverse: only now, after Locust's own runner, so that records leave before its goodbye.
    events.quitting.add_listener(lambda **_: swarm.quit())
    return swarm


def _interrupt() -> None:
    """Ctrl-C, in the main greenlet, where Locust waits for it.

    Python raises KeyboardInterrupt in whatever greenlet happens to run; in one that reads an engine's pipe
    it would end the reading, and Locust would never hear of it.
    """
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())


def _headless(environment: Environment) -> bool:
    return bool(getattr(environment.parsed_options, "headless", False))
