"""Who joins a run late gets a share of its users, and who is there at its end gets none any more."""

from __future__ import annotations

from tests.swarm.inside_locust import MASTER, inside_locust

#: The same with our dispatch, two workers, and a third that comes while users are given out.
_DISPATCH = (
    MASTER
    + """
from locust.rpc.protocol import Message
from loadkit.swarm.dispatch import Dispatch
from loadkit.swarm.no_users import start_no_users

ending, began = [], []
dispatch = Dispatch(runner, lambda: bool(ending))

@environment.events.test_start.add_listener
def _(**_):
    began.append(len(began))
    start_no_users(environment, False)
    dispatch.begin()

users, comes_late = {}, ["late"]
def told(message):
    if message.type == "spawn":
        count = users[message.node_id] = message.data["user_classes_count"]["Caller"]
        report = {"user_classes_count": {"Caller": count}, "user_count": count}
        gevent.spawn(hear, message.node_id, "spawning_complete", report)
        if len(users) == 2 and comes_late:
            # All are told; Locust waits for what they say, and for nothing else.
            gevent.spawn_later(0.01, hear, comes_late.pop(), "client_ready", -1)
runner.server.send_to_client = told

def hear(worker, kind, data):
    if kind == "spawning_complete" and comes_late == [] and "late" not in runner.clients:
        gevent.sleep(0.1)
    runner.handle_message(worker, Message(kind, data, worker))

def until(condition):
    with gevent.Timeout(30):
        while not condition():
            gevent.sleep(0.01)

hear("a", "client_ready", -1)
hear("b", "client_ready", -1)
"""
)


def test_each_worker_that_joins_gets_its_share_whoever_joined_before_and_when() -> None:
    code = _DISPATCH + (
        "runner.start(12, 100)\n"
        "until(lambda: users.get('late') == 4)\n"
        "result = [dict(users)]\n"
        "until(lambda: runner.state == 'running' and runner.spawning_completed)\n"
        "for worker in ('c', 'd'):\n"
        "    hear(worker, 'client_ready', -1)\n"
        "    until(lambda: sum(users.values()) == 12 and users.get(worker))\n"
        "result += [dict(users), began]\n"
    )
    three, five, began = inside_locust(code)
    assert three == {"a": 4, "b": 4, "late": 4}
    assert sorted(five) == ["a", "b", "c", "d", "late"]
    assert sorted(five.values()) == [2, 2, 2, 3, 3]
    # All of it was one run.
    assert began == [0]


def test_a_run_that_is_being_ended_gives_nobody_users_and_the_next_one_begins_after_it() -> None:
    code = _DISPATCH + (
        "comes_late.clear()\n"
        "ramp = gevent.spawn(runner.start, 1000, 4)\n"
        "until(lambda: sum(users.values()) >= 4)\n"
        "ending.append(True)\n"
        "dispatch.close()\n"
        "given = sum(users.values())\n"
        # Somebody comes, and somebody presses Start.
        "listener = runner.greenlet.spawn(hear, 'c', 'client_ready', -1)\n"
        "page = gevent.spawn(runner.start, 3, 100)\n"
        "dispatch.end()\n"
        "ramp.join(30); listener.join(30)\n"
        "result = [ramp.ready(), sum(users.values()) == given, runner.state, list(began), page.ready()]\n"
        "runner.stop = None\n"
        "runner._users_dispatcher = None\n"  # as its stop() does
        "ending.clear()\n"
        "page.join(30)\n"
        "result += [sum(users.values()), runner.state, began]\n"
    )
    ramp_ended, none_given, state, before, begun, next_users, running, after = inside_locust(code)
    assert ramp_ended
    assert none_given
    assert state == "stopping"
    assert (before, begun) == ([0], False)
    assert (next_users, running, after) == (3, "running", [0, 1])
