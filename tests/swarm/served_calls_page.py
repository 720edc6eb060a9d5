"""``python -m tests.swarm.served_calls_page PORT``: Locust's page with its tab *Calls*, about a run that is made up.

The page, its server and its login are Locust's own; only what the run is told is not: two workers, failures with
hostile texts, a mark. What is posted as a mark is made as in a run. With ``login`` as second argument a login is asked.
"""

from __future__ import annotations

import sys
import time
from typing import Any, cast

import gevent
from locust.env import Environment

from loadkit.latency_buckets import bucket_of
from loadkit.live.plan import Limits, Plan
from loadkit.live.state import LiveState
from loadkit.settings import make_settings
from loadkit.swarm.calls_page import add_calls_page
from loadkit.swarm.foreign_pages import keep_foreign_pages_out
from loadkit.swarm.live import Live, show_on_page
from loadkit.swarm.run import Run
from tests.live.told import HOSTILE_CODE, call, engine, failure, locust

HOST = "wss://webrtc-gateway.example.com"
HOSTILE_MESSAGE = '<img src=x onerror="document.title=1">\x1b[31m\u202edrawkcab'
_SETUPS = (62, 64, 66, 70, 71, 75, 78, 84, 91, 99, 130)


class _MarkedRun:
    """What the page needs of a run."""

    seconds = 754.0

    def __init__(self, live: Live) -> None:
        self._live = live
        self.marks = 0

    def mark(self, text: str) -> None:
        self.marks += 1
        self._live.mark({"at": time.time(), "text": text})


def fill(live: Live) -> None:
    """A run of twelve minutes that has failures of three kinds."""
    now, unix_now = time.monotonic(), time.time()
    plan = Plan("20260101-120000", HOST, run_time_s=3600, limits=Limits(10, 50, 0.9))
    live.state = LiveState(plan, now - 754, unix_now - 754)
    for _ in range(3120):
        live.record(call(), [])
    for code, stage, message, calls in [
        ("NO_AUDIO", "media", "no RTP packet came in the whole call", 7),
        ("WEBSOCKET_TIMEOUT", "websocket", "the WebSocket did not open within 10 s", 2),
        (HOSTILE_CODE, "answer", HOSTILE_MESSAGE, 1),
    ]:
        for number in range(calls):
            row = failure(code, stage, message)
            live.record({**row, "ended_at": unix_now - 3 * number}, [])
    live.mark({"at": unix_now - 154, "text": "failover of <b>node 2</b>"})


def tell_a_second(live: Live, second: int) -> None:
    """What the processes of two workers tell once a second."""
    for worker in ("worker-0", "worker-1"):
        for number in (0, 1):
            setup = _SETUPS[(second * 7 + number) % len(_SETUPS)]
            live.figures(
                engine(
                    f"{worker}.{number}",
                    stages={"websocket": 1, "answer": 1, "ice": 1, "connected": 18, "closing": 1},
                    placed=1,
                    cpu_share=0.21 + 0.02 * number,
                    setup_histogram={str(bucket_of(setup)): 1},
                    turn_histogram={str(bucket_of(setup * 8)): 2},
                )
            )
        live.figures(locust(worker))
    live.figures(locust("master"))


def serve(port: int, *, login: bool) -> None:
    """Until the process is ended."""
    environment = Environment(user_classes=[], host=HOST)
    runner = environment.create_local_runner()
    web_ui = environment.create_web_ui("127.0.0.1", port, delayed_start=True, web_login=login)
    if login:
        assert web_ui.app is not None
        web_ui.app.secret_key = "of the test"
        web_ui.login_manager.user_loader(lambda _user_id: None)
    keep_foreign_pages_out(environment)
    add_calls_page(environment)
    live = Live(environment, make_settings({}))
    fill(live)
    live.run = cast(Run, _MarkedRun(live))
    show_on_page(environment, live)
    for second in range(60):
        tell_a_second(live, second)
    runner.update_state("running")
    web_ui.start()
    while web_ui.server is None or not web_ui.server.started:
        gevent.sleep(0.01)
    print("ready", flush=True)
    _keep_telling(live)


def _keep_telling(live: Live) -> Any:
    second = 60
    while True:
        gevent.sleep(1)
        second += 1
        tell_a_second(live, second)


if __name__ == "__main__":
    serve(int(sys.argv[1]), login="login" in sys.argv[2:])
