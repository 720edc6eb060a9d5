"""One run after the other: what is stopped or started anew while it begins is ended, and once."""

from __future__ import annotations

import functools
from typing import Any

from tests.swarm.inside_locust import inside_locust

_CODE = """
import gevent
from gevent.event import Event
from locust import User
from locust.env import Environment
from loadkit.swarm.course import Course

told, go_on = [], Event()

def begin():
    told.append("begins")
    go_on.wait(30)
    told.append("has begun")
    return True

def end(why):
    told.append(why or "ended")

def until(condition):
    with gevent.Timeout(30):
        while not condition():
            gevent.sleep(0.01)

def so_far():
    known = list(told)
    told.clear()
    go_on.clear()
    return known

# A master

environment = Environment(user_classes=[])
master = environment.create_master_runner("127.0.0.1", 0)
course = Course(master, begin, end)

def start():
    course.start()
    told.append("workers are told")

page = gevent.spawn(start)
gevent.sleep(0)
gevent.spawn_later(0.05, go_on.set)
page.kill(block=True, timeout=30)
of_page = so_far()
start_of_run = gevent.spawn(start)
gevent.sleep(0)
gevent.spawn_later(0.05, go_on.set)
course.stop("interrupted")
start_of_run.join(30)
of_signal = so_far()

# Locust by itself

class Caller(User):
    pass

environment = Environment(user_classes=[Caller])
runner = environment.create_local_runner()
course = Course(runner, begin, end)
environment.events.test_start.add_listener(lambda **_: course.start())
environment.events.test_stop.add_listener(lambda **_: course.stop())
runner.start(0, 1)
until(lambda: told == ["begins"])
gevent.spawn_later(0.05, go_on.set)
runner.start(0, 1)
until(lambda: runner.state == "running")
runner.stop()
twice = so_far()
runner.start(0, 1)
until(lambda: told == ["begins"])
gevent.spawn_later(0.05, go_on.set)
runner.stop()
result = [of_page, of_signal, twice, so_far(), runner.state]
"""

_ONE = ["begins", "has begun", "ended"]


@functools.cache
def _told() -> Any:
    return inside_locust(_CODE)


def test_stop_on_a_masters_page_while_a_run_begins_ends_it_before_workers_hear_of_it() -> None:
    # The page kills what starts; to a stop a master that has not begun does nothing.
    assert _told()[0] == _ONE


def test_a_signal_to_a_master_while_a_run_begins_ends_it_when_it_has_begun() -> None:
    # It kills nobody, and may be quicker than the first step.
    assert _told()[1] == ["begins", "has begun", "interrupted"]


def test_a_run_that_is_started_anew_while_it_begins_is_ended_first() -> None:
    assert _told()[2] == _ONE + _ONE


def test_the_second_run_of_a_page_can_be_stopped_while_it_begins() -> None:
    _, _, _, stopped, state = _told()
    assert stopped == _ONE
    assert state == "stopped"
