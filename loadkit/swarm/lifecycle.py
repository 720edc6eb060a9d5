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

import itertools
import signal
import sys
from types import TracebackType

import gevent
from gevent.lock import RLock
from locust import events
from locust.env import Environment
from locust.runners import WorkerRunner

from loadkit.errors import ExitCode, LoadkitError
from loadkit.swarm.calls_page import add_calls_page
from loadkit.swarm.foreign_pages import keep_foreign_pages_out
from loadkit.swarm.known_options import work_out_once
from loadkit.swarm.live_views import leave_tables_out
from loadkit.swarm.muster import Muster
from loadkit.swarm.options import add_options
from loadkit.swarm.swarm import Swarm

_swarms: dict[int, Swarm] = {}
_musters: dict[int, Muster] = {}
_interrupts = itertools.count(1)
#: Held while a swarm is prepared: a worker hears of its first run meanwhile.
_preparing = RLock()

_RUNNER_S, _RUNNER_TICK_S = 30.0, 0.01


def swarm_of(environment: Environment) -> Swarm:
    """What loadkit holds for this environment."""
    return _swarms[id(environment)]


def attach_to_locust() -> None:
    """Listen to Locust's events, once per process.

    To all of them from the start: a worker that joins a running test gets ``test_start`` before ``init``, and even
    before Locust has told the environment which runner it has.
    """
    sys.excepthook = _tell
    if add_options in events.init_command_line_parser._handlers:
        return
    work_out_once()
    events.init_command_line_parser.add_listener(add_options)
    events.init.add_listener(lambda environment, **_: _initialised(environment))
    events.test_start.add_listener(lambda environment, **_: _begun(environment))
    events.test_stopping.add_listener(lambda environment, **_: swarm_of(environment).stopping())
    events.test_stop.add_listener(lambda environment, **_: swarm_of(environment).stop_run())


def _initialised(environment: Environment) -> None:
    with _preparing:
        _prepared(environment)


def _prepared(environment: Environment) -> Swarm:
    if id(environment) in _swarms:
        return _swarms[id(environment)]
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        gevent.signal_handler(signal.SIGINT, _interrupt, environment)
    # Locust listens to SIGTERM from the first call on; until then it would end without a word, and with code 143.
    terminated = gevent.signal_handler(signal.SIGTERM, _interrupt, environment)
    swarm: Swarm | None = None
    try:
        swarm = _swarms[id(environment)] = Swarm(environment)
        swarm.prepare()
        if not isinstance(environment.runner, WorkerRunner):
            keep_foreign_pages_out(environment)
            add_calls_page(environment)
            leave_tables_out(environment, swarm.settings)
        _musters[id(environment)] = Muster(environment, swarm.release, lambda: _interrupt(environment))
    except LoadkitError as exc:
        if swarm is not None:
            swarm.release()
        print(f"loadkit: {exc}", file=sys.stderr)
        sys.exit(exc.exit_code)
    except KeyboardInterrupt:
        if swarm is not None:
            swarm.release()
        print("loadkit: interrupted before the first call", file=sys.stderr)
        sys.exit(ExitCode.INTERRUPTED)
    finally:
        terminated.cancel()
    # Fired in reverse: only now, after Locust's own runner, so that records leave before its goodbye.
    events.quitting.add_listener(lambda **_: swarm.quit())
    return swarm


def _begun(environment: Environment) -> None:
    # In the greenlet that hears the master, which may be quicker than the one that makes the runner.
    with gevent.Timeout(_RUNNER_S, RuntimeError("the test began, and Locust has no runner for it")):
        while environment.runner is None:
            gevent.sleep(_RUNNER_TICK_S)
    with _preparing:
        swarm = _prepared(environment)
    if muster := _musters.pop(id(environment), None):
        muster.over()
    swarm.start_run()


def _tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Ctrl-C while Locust gets ready, before it listens to signals: not with where it happened to be."""
    if issubclass(kind, KeyboardInterrupt):
        print("loadkit: interrupted before the first call", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


def _interrupt(environment: Environment) -> None:
    """Ctrl-C, in the main greenlet, where Locust waits for it.

    Python raises KeyboardInterrupt in whatever greenlet happens to run; in one that reads an engine's pipe
    it would end the reading, and Locust would never hear of it. A second one would end the end: its records, its
    report, its engines.
    """
    if next(_interrupts) > 1:
        print("loadkit: the end is under way: calls get their close, the report is made", file=sys.stderr)
        return
    muster = _musters.get(id(environment))
    if muster is not None and muster.waiting:
        muster.interrupt()
        return
    gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())
