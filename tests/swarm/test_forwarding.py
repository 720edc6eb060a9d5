"""What a worker sends its master: in bounded messages, nothing lost while the master is away, and told when it is."""

from __future__ import annotations

from tests.swarm.inside_locust import inside_locust

_FORWARDER = """
from locust.exception import RPCError
from loadkit.swarm import forwarding
from loadkit.swarm.forwarding import RecordForwarder

class Runner:
    away = False
    def __init__(self):
        self.messages = []
    def send_message(self, kind, data):
        if self.away:
            raise RPCError("nobody is there")
        self.messages.append(data)

runner = Runner()
forwarder = RecordForwarder(runner, "worker-0")
def sent(what):
    return [row for message in runner.messages for row in message[what]]
"""


def test_many_records_at_once_leave_in_messages_of_at_most_500_rows() -> None:
    code = _FORWARDER + (
        "for number in range(1201): forwarder.record(number)\n"
        "forwarder.figures(7)\n"
        "forwarder.flush()\n"
        "result = [[len(m['records']) for m in runner.messages], sent('records') == list(range(1201)), sent('figures')]"
    )
    assert inside_locust(code) == [[500, 500, 201], True, [7]]


def test_what_a_master_that_is_away_does_not_take_goes_in_order_when_it_is_back() -> None:
    code = _FORWARDER + (
        "runner.away = True\n"
        "for number in range(3): forwarder.record(number); forwarder.flush()\n"
        "runner.away = False\n"
        "forwarder.record(3); forwarder.flush()\n"
        "result = [sent('records'), [m['dropped'] for m in runner.messages]]"
    )
    assert inside_locust(code) == [[0, 1, 2, 3], [0]]


def test_a_master_that_is_away_for_too_long_costs_records_that_are_counted() -> None:
    code = _FORWARDER + (
        "forwarding.MOST_RECORDS_KEPT = 10\n"
        "runner.away = True\n"
        "for number in range(15): forwarder.record(number)\n"
        "forwarder.flush(); forwarder.flush()\n"
        "runner.away = False\n"
        "forwarder.flush(); forwarder.record(15); forwarder.flush()\n"
        "result = [sent('records'), [m['dropped'] for m in runner.messages]]"
    )
    assert inside_locust(code) == [[*range(10), 15], [5, 0]]
