"""How records show in Locust's own table."""

from __future__ import annotations

from typing import Any

import pytest

from tests.swarm.inside_locust import inside_locust

_COUNT = """
from locust.env import Environment
from loadkit.swarm import statistics
environment = Environment(events=locust.events)
seen = []
locust.events.request.add_listener(lambda **event: seen.append(
    [event["name"], event["response_time"], str(event["exception"]) if event["exception"] else None]))
statistics.count(environment, {{"call": {call!r}, "turns": {turns!r}}})
result = seen
"""

_CALL: dict[str, Any] = {
    "duration_ms": 1000.0,
    "bytes_received": 10,
    "error_code": None,
    "outcome": "completed",
}


@pytest.mark.parametrize(
    ("changes", "turns", "events"),
    [
        ({}, [], [["call", 1000.0, None]]),
        ({"outcome": "hung_up"}, [], [["call", 1000.0, None]]),
        ({"outcome": "cancelled"}, [], []),
        (
            {"outcome": "failed", "error_code": "ICE_TIMEOUT"},
            [],
            [["call", 1000.0, "ICE_TIMEOUT"]],
        ),
        (
            {},
            [{"turn_latency_ms": 700.0}, {"turn_latency_ms": None}],
            [["turn", 700.0, None], ["call", 1000.0, None]],
        ),
    ],
)
def test_names_are_few_and_errors_are_codes(
    changes: dict[str, Any], turns: list[dict[str, Any]], events: list[list[Any]]
) -> None:
    assert inside_locust(_COUNT.format(call={**_CALL, **changes}, turns=turns)) == events
