"""What a worker and its master say to each other at the end of a run, and who is not listened to."""

from __future__ import annotations

import functools
from typing import Any

from tests.swarm.inside_locust import inside_locust

_CODE = """
from types import SimpleNamespace
from locust.event import Events
from loadkit.swarm.forwarding import FINISH, RecordCollector
from loadkit.swarm.traffic import Traffic
from loadkit.swarm.worker import Worker
from locust.runners import WorkerRunner

# A worker

class Runner(WorkerRunner):
    def __init__(self):
        self.environment = SimpleNamespace(events=Events(), stop_timeout=30.0, runner=self)
        self.worker_index, self.custom_messages = 3, {}
        self.said, self.patience, self.started = [], [], []
    def send_message(self, kind, data=None, client_id=None):
        self.said.append([kind, data and [row["number"] for row in data["records"]]])
    def stop(self):
        self.patience.append(self.environment.stop_timeout)
        worker.forwarder.record({"number": 1})
    def start_worker(self, user_classes_count, **_):
        self.started.append(user_classes_count)
    user_classes_count = {"Caller": 0}

runner = Runner()
worker = Worker(runner, lambda: 60.0)
traffic = Traffic(runner.environment, lambda: False)
runner.start_worker({"Caller": 2})
traffic.stop()
runner.start_worker({"Caller": 3})
listener, concurrent = runner.custom_messages[FINISH]
listener(environment=runner.environment, msg=SimpleNamespace(data={"at_once": False}))
of_worker = [runner.said, runner.patience, runner.environment.stop_timeout, concurrent, runner.started]

# Its master

messages, heard = {}, []
environment = SimpleNamespace(events=Events())
master = SimpleNamespace(environment=environment, clients={"first": None}, register_message=messages.__setitem__)
RecordCollector(
    master, heard.append, heard.append, lambda *said: heard.append(said), lambda *said: heard.append(said), heard.append
)
environment.events.worker_connect.fire(client_id="second")
for number, worker in enumerate(("first", "second", "stranger", "stranger", "first")):
    data = {"records": [number], "figures": [], "dropped": 0, "reason": f"{worker} is tired"}
    for kind in ("loadkit_records", "loadkit_refused", "loadkit_stalled"):
        messages[kind](environment=environment, msg=SimpleNamespace(node_id=worker, data=data))
result = [of_worker, heard]
"""


@functools.cache
def _told() -> Any:
    return inside_locust(_CODE)


def test_a_worker_that_has_finished_sleeps_no_stop_timeout_and_is_brought_back_by_no_ramp() -> None:
    said, patience, stop_timeout, concurrent, started = _told()[0]
    # Its calls had their time; what it says then is the last.
    assert patience == [30.0]
    assert said == [["loadkit_records", [1]], ["loadkit_finished", None]]
    # Locust sleeps for so long when the master's own stop comes, deaf to it.
    assert stop_timeout == 0.0
    assert concurrent
    assert started == [{"Caller": 2}, {"Caller": 0}]


def test_a_worker_of_the_master_that_was_there_before_is_not_listened_to() -> None:
    heard = _told()[1]
    assert [what for what in heard if isinstance(what, int)] == [0, 1, 4]
    assert "stranger" not in str(heard)
    assert ["second", "second is tired"] in heard
    assert "second is tired" in heard
