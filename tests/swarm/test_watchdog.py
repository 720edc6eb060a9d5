"""What the watchdog takes for standing still, by rows and clocks held in the hand; with real engines in tests/e2e."""

from __future__ import annotations

from typing import Any

from tests.swarm.inside_locust import inside_locust

_WATCHDOG = """
import gevent
from loadkit.swarm.watchdog import Watchdog, stands_still

class Engine:
    name, pid, alive, telling, messages, calls = "local.0", 7, True, True, 1, {"a": 1}

engine, told, timeout = Engine(), [], 3.0
dog = Watchdog(lambda: [], lambda: timeout, lambda engine, sentence: told.append([engine and engine.name, sentence]))

def row(**figures):
    return {"engine": "local.0", "seconds": 1.0, "late_histogram": {"3": 50}, "frames_skipped": 0, **figures}
"""


def _told(code: str) -> Any:
    return inside_locust(_WATCHDOG + code)


def test_an_engine_that_tells_nothing_for_the_time_out_is_told_once() -> None:
    (told,) = _told("for _ in range(30):\n    dog._look(engine, timeout)\nresult = told")
    assert told[0] == "local.0"
    assert told[1].startswith("Engine local.0 (process 7) told nothing for 3 s, with 1 calls in progress: ")


def test_what_still_tells_or_has_died_or_is_not_watched_is_left_alone() -> None:
    still, dead, starting, off = _told(
        """
result = []
for change in ("engine.messages += 1", "engine.alive = False", "engine.telling = False", "timeout = 0"):
    engine = Engine()
    dog.begin()
    for _ in range(30):
        exec(change)
        dog._look(engine, timeout)
    result.append(told[:])
    timeout = 3.0
"""
    )
    assert still == dead == starting == off == []


def test_seconds_on_end_that_leave_out_more_than_they_send_end_the_run() -> None:
    told = _told(
        """
for _ in range(20):
    # Two seconds, and one in which it works again.
    dog.row(row(frames_skipped=51)), dog.row(row(loop_lag_ms=1500.0)), dog.row(row())
before = len(told)
dog.row(row(frames_skipped=51)), dog.row(row(loop_lag_ms=1500.0)), dog.row(row(loop_lag_ms=2500.0))
result = [before, told]
"""
    )
    assert told[0] == 0
    ((engine, sentence),) = told[1]
    assert engine is None
    assert (
        "local.0 left out more packets than it sent, or stopped for a second and longer, for 3 s on end"
        in (sentence[0].lower() + sentence[1:])
    )


def test_a_row_is_of_a_process_that_works_unless_it_says_otherwise() -> None:
    assert _told(
        "result = [stands_still(r) for r in"
        " (row(), row(loop_lag_ms=None), row(late_histogram={}), row(late_histogram=None, frames_skipped=1),"
        " row(frames_skipped=50), row(loop_lag_ms=999.0), row(loop_lag_ms=1000.0))]"
    ) == [False, False, False, True, False, False, True]


def test_a_locust_process_tells_how_late_its_loop_was() -> None:
    row = inside_locust(
        """
        import time
        import gevent
        from loadkit.swarm.own_figures import OwnFigures

        rows = []
        OwnFigures("worker-3", rows.append)
        gevent.sleep(0.05)
        sum(range(20_000_000))  # nothing else runs meanwhile
        with gevent.Timeout(20):
            while not rows:
                gevent.sleep(0.05)
        result = rows[0]
        """
    )
    assert (row["worker"], row["engine"], row["kind"]) == ("worker-3", "worker-3.locust", "locust")
    assert row["loop_lag_ms"] > 50
    assert row["cpu_share"] > 0
    assert row["open_files"] > 0
    assert row["threads"] >= 1
