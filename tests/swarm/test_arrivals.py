"""Arrivals of a run are the same for the same seed; a caller runs one task."""

from __future__ import annotations

from itertools import islice

from loadkit.arrival_rates import parse_arrival_rate
from loadkit.distributions.grammar import parse_distribution
from loadkit.swarm.arrivals import Arrival, arrivals
from tests.swarm.inside_locust import MASTER, inside_locust


def draw(seed: int, duration: str = "exponential:90s", rate: str = "5/s") -> list[Arrival]:
    weights = {"A": 3.0, "B": 1.0}
    schedule, durations = parse_arrival_rate(rate), parse_distribution(duration)
    return list(islice(arrivals(schedule, durations, weights, seed, poisson=True), 400))


def test_a_seed_repeats_moments_durations_and_callers() -> None:
    assert draw(7) == draw(7)
    assert draw(7) != draw(8)
    assert [arrival.number for arrival in draw(7)] == list(range(400))


def test_durations_do_not_change_the_moments_nor_the_rate_the_durations() -> None:
    first = draw(7)
    assert [a.at_s for a in first] == [a.at_s for a in draw(7, duration="10s")]
    assert [a.duration_s for a in first] == [a.duration_s for a in draw(7, rate="50/s")]


def test_callers_are_chosen_by_the_weights_of_their_classes() -> None:
    drawn = draw(7)
    assert 0.65 < sum(arrival.user_class == "A" for arrival in drawn) / len(drawn) < 0.85


_CALLERS = """
import gevent, logging
from locust import TaskSet, User, constant, task
from locust.env import Environment
from loadkit.swarm.arrivals import Arrival
from loadkit.swarm.callers import Callers
logging.disable(logging.CRITICAL)
seen = []

{users}

environment = Environment(user_classes=[Caller])
runner = environment.create_local_runner()
callers = Callers(runner, lambda: {engines})
for number in range({arrivals}):
    callers.take(Arrival(number, 0.0, 1.0, "Caller"), 0.0)
during = [callers.in_progress, runner.user_count]
with gevent.Timeout(20):
    while callers.in_progress:
        gevent.sleep(0.01)
result = [sorted(seen), during, callers.taken, callers.dropped, runner.user_count]
"""

_ONE_TASK = """
class Caller(User):
    wait_time = constant(0)
    @task
    def place(self):
        seen.append(self.arrival.number)
"""

_RAISES = _ONE_TASK + "        raise KeyError('mine')\n"

_NESTED = """
class Caller(User):
    wait_time = constant(0)
    @task
    class Script(TaskSet):
        @task
        def place(self):
            seen.append(self.user.arrival.number)
            self.interrupt()
"""


def test_each_arrival_runs_one_task_of_one_user_and_the_user_is_gone() -> None:
    for users in (_ONE_TASK, _RAISES, _NESTED):
        told = inside_locust(_CALLERS.format(users=users, engines=1, arrivals=3))
        assert told == [[0, 1, 2], [3, 3], 3, 0, 0]


def test_without_an_engine_an_arrival_is_dropped_and_counted() -> None:
    told = inside_locust(_CALLERS.format(users=_ONE_TASK, engines=0, arrivals=3))
    assert told == [[], [0, 0], 3, 3, 0]


def test_locust_neither_starts_users_of_its_own_nor_stops_who_has_arrived() -> None:
    code = """
import gevent, logging
from locust import User, constant, task
from locust.env import Environment
from loadkit.swarm.arrivals import Arrival
from loadkit.swarm.callers import Callers
from loadkit.swarm.no_users import start_no_users
logging.disable(logging.CRITICAL)
over = gevent.event.Event()

class Caller(User):
    wait_time = constant(0)
    @task
    def place(self):
        over.wait()

environment = Environment(user_classes=[Caller])
runner = environment.create_local_runner()
environment.events.test_start.add_listener(lambda **_: start_no_users(environment, True))
runner.start(5, 100)
runner.spawning_greenlet.join()
result = [runner.user_count]
callers = Callers(runner, lambda: 1)
callers.take(Arrival(0, 0.0, 1.0, "Caller"), 0.0)
gevent.sleep(0)
for count in (9, 0):          # as Locust's keys and its page ask for
    runner.start(count, 100)
    runner.spawning_greenlet.join()
    result.append(runner.user_count)
runner.stop()
result.append(runner.user_count)
start_no_users(environment, False)
environment.events.test_start._handlers.clear()
runner.start(2, 100)
runner.spawning_greenlet.join()
result.append(runner.user_count)
runner.quit()
"""
    assert inside_locust(code) == [0, 1, 1, 0, 2]


def test_a_master_asks_its_workers_for_no_users_and_for_users_again_in_the_next_run() -> None:
    code = (
        MASTER
        + """
from locust.runners import WorkerNode
from loadkit.swarm.no_users import start_no_users

runner.clients["w"] = WorkerNode("w")
asked, arriving = [], [True, False]
runner.server.send_to_client = lambda msg: msg.type == "spawn" and asked.append(msg.data["user_classes_count"])
environment.events.test_start.add_listener(lambda **_: start_no_users(environment, arriving.pop(0)))
runner.start(3, 100)
result = [asked[-1], runner.target_user_count]
runner.update_state("stopped")
runner._users_dispatcher = None      # as its stop() does
runner.start(3, 100)
result += [asked[-1], runner.target_user_count]
"""
    )
    assert inside_locust(code) == [{"Caller": 0}, 0, {"Caller": 3}, 3]
