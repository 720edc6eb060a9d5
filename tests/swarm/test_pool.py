"""Which engine gets the next call."""

from __future__ import annotations

from tests.swarm.inside_locust import inside_locust

_POOL = """
from loadkit.call.spec import CallSpec
from loadkit.engine.client import EngineLost
from loadkit.swarm.pool import EnginePool, default_engines

class Engine:
    alive = True
    def __init__(self, name, calls):
        self.name, self.calls = name, dict.fromkeys(range(calls))
    def place(self, spec):
        if not self.alive:
            raise EngineLost("gone")
        self.calls[spec.call_id] = spec

pool = EnginePool("local", 3, print, print)
pool._engines = [Engine("a", 2), Engine("b", 0), Engine("c", 1)]
"""


def test_the_least_loaded_engine_gets_the_call() -> None:
    code = _POOL + "result = [pool.place(CallSpec(intended=0.0)).name for _ in range(4)]"
    # b: 0 → 1, then b and c stand at 1, b first; then c; then all at 2, a first.
    assert inside_locust(code) == ["b", "b", "c", "a"]


def test_a_dead_engine_is_passed_over() -> None:
    code = _POOL + "pool._engines[1].alive = False\nresult = pool.place(CallSpec(intended=0.0)).name"
    assert inside_locust(code) == "c"


def test_without_an_engine_a_call_is_refused() -> None:
    code = _POOL + (
        "pool._engines = []\n"
        "try:\n    pool.place(CallSpec(intended=0.0))\n"
        "except EngineLost as exc:\n    result = str(exc)\n"
    )
    assert inside_locust(code) == "no engine is running"


def test_a_call_that_is_placed_while_a_dead_engine_is_cleared_away_waits_for_the_new_one() -> None:
    code = _POOL + (
        "import gevent, logging\n"
        "logging.disable(logging.CRITICAL)\n"
        "cleared = gevent.event.Event()\n"
        "dead, new = Engine('dead', 0), Engine('new', 0)\n"
        "dead.alive, dead.pid, dead.stop = False, 1, cleared.wait\n"
        "new.pid, new.start = 2, lambda configuration: None\n"
        "pool._engines, pool._new_engine = [dead], lambda: new\n"
        "lost = gevent.spawn(pool._engine_lost, dead)\n"
        "placed = gevent.spawn(pool.place, CallSpec(intended=0.0))\n"
        "gevent.sleep(0)\n"
        "cleared.set()\n"
        "result = placed.get(timeout=60).name\n"
    )
    assert inside_locust(code) == "new"


def test_cores_are_shared_out_over_processes() -> None:
    code = _POOL + (
        "import os\nos.sched_getaffinity = lambda pid: set(range(8))\n"
        "result = [default_engines(None), default_engines(1), default_engines(2), default_engines(16)]"
    )
    assert inside_locust(code) == [8, 8, 4, 1]
