"""Looks at a real gateway's health, inside a process that has imported locust."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from loadkit.signaling.urls import health_url
from tests.swarm.inside_locust import inside_locust

_LOOK = """
from loadkit.swarm.health_look import look
result = [look({url!r} + path, None, local).row() for path, local in {looks!r}]
"""


class _Strange(BaseHTTPRequestHandler):
    bodies: ClassVar[dict[str, tuple[int, bytes]]] = {
        "/count": (200, b'{"status": "healthy", "activeSessions": 42}'),
        "/none": (200, b'{"status": "healthy"}'),
        "/true": (200, b'{"activeSessions": true}'),
        "/negative": (200, b'{"activeSessions": -1}'),
        "/huge": (200, b'{"activeSessions": 1' + b"0" * 400 + b"}"),
        "/list": (200, b"[1]"),
        "/page": (200, b"<html>\xff"),
        "/deep": (200, b"[" * 50_000),
        "/gone": (404, b"nothing here"),
        "/elsewhere": (302, b""),
    }

    def do_GET(self) -> None:
        assert "Authorization" not in self.headers
        assert "token" not in self.path
        status, body = self.bodies[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Location", "/count")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None: ...


@pytest.fixture(scope="module")
def strange() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Strange)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_look_tells_the_count_or_a_fixed_reason_whatever_the_gateway_sends(strange: str) -> None:
    looks = [*((path, None) for path in _Strange.bodies), ("/count", "127.0.0.3")]
    rows = inside_locust(_LOOK.format(url=strange, looks=looks))
    told = {
        path: (row["status"], row["active_sessions"], row["error"])
        for (path, _), row in zip(looks, rows, strict=True)
    }
    assert told == {
        "/count": (200, 42, None),
        "/none": (200, None, "no activeSessions"),
        "/true": (200, None, "no activeSessions"),
        "/negative": (200, None, "no activeSessions"),
        "/huge": (200, None, "no activeSessions"),
        "/list": (200, None, "no activeSessions"),
        "/page": (200, None, "not JSON"),
        "/deep": (200, None, "not JSON"),
        "/gone": (404, None, "HTTP 404"),
        "/elsewhere": (302, None, "HTTP 302"),
    }
    assert all(row["round_trip_ms"] > 0 for row in rows)


def test_a_gateway_that_is_not_there_is_a_row_without_a_status() -> None:
    (row,) = inside_locust(_LOOK.format(url="http://127.0.0.1:9", looks=[("/health", None)]))
    assert row["error"] == "connection refused"
    assert (row["status"], row["active_sessions"], row["round_trip_ms"]) == (None, None, None)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("wss://g.example", "https://g.example/health"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/health"),
        ("https://g.example:8443/other/path", "https://g.example:8443/health"),
        ("ws://[::1]:9", "http://[::1]:9/health"),
    ],
)
def test_health_is_asked_of_the_same_origin(host: str, url: str) -> None:
    assert health_url(host) == url


_AFTERWARDS = """
import gevent, logging
logging.disable(logging.CRITICAL)
from loadkit.settings import Settings
from loadkit.swarm import health_poll
from loadkit.swarm.health_look import Look

counts = iter({counts!r})
clock = [0.0]
health_poll.look = lambda *_: Look(clock[0], 200, next(counts), 1.0, None)
health_poll.time = type("Clock", (), {{"monotonic": staticmethod(lambda: clock[0])}})
def sleep(seconds):
    clock[0] += seconds
health_poll.gevent = type("Gevent", (), {{"sleep": staticmethod(sleep), "spawn": gevent.spawn}})

class Run:
    host = "ws://127.0.0.1:9"
    rows = []
    def health(self, row):
        self.rows.append(row)

poll = health_poll.HealthPoll(Settings())
poll._run, poll._greenlet, poll._before, poll._calls = Run(), gevent.spawn(lambda: None), 2, 5
poll.ending()
result = [len(Run.rows), clock[0]]
"""


def test_after_the_last_call_it_looks_until_the_sessions_are_gone_or_stay() -> None:
    assert inside_locust(_AFTERWARDS.format(counts=[2])) == [1, 0.0]
    assert inside_locust(_AFTERWARDS.format(counts=[7, 7, 4, 2])) == [4, 1.5]
    looks, seconds = inside_locust(_AFTERWARDS.format(counts=[7] * 100))
    assert (looks, seconds) == (25, 12.0)
    looks, seconds = inside_locust(_AFTERWARDS.format(counts=[7, 6] * 100))
    assert seconds == 20.0
