"""Looks at the gateway's ``/health`` while a run goes, and on after its last call, until its sessions are gone."""

from __future__ import annotations

import logging
import ssl
import time
from typing import TYPE_CHECKING, Any

import gevent

from loadkit.settings import Settings, flag
from loadkit.signaling.tls import client_tls
from loadkit.signaling.urls import health_url
from loadkit.swarm.health_look import Look, look
from loadkit.swarm.run_listener import RunListener

if TYPE_CHECKING:
    from loadkit.swarm.run import Run

logger = logging.getLogger(__name__)

Row = dict[str, Any]

#: After the last call the sessions are looked at so often (seconds).
_AFTERWARDS_EVERY_S = 0.5
#: A gateway may wait for a socket to come back, or for media: so long at most its sessions are waited for (seconds).
AFTERWARDS_S = 20.0
#: So long the same count: it stays. The reference gateway's longest wait, its --reconnect-grace, is 10 s.
_STAYS_S = 12.0


class HealthPoll(RunListener):
    """Of one run; does nothing with ``--health-poll 0``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._every = settings.health_poll
        self._run: Run | None = None
        self._url = ""
        self._tls: ssl.SSLContext | None = None
        self._greenlet: gevent.Greenlet | None = None
        self._told = False
        self._calls = 0
        #: What others held before our first call; None when the gateway did not tell.
        self._before: int | None = None

    def began(self, run: Run) -> None:
        """Look once before the first call, which waits for it (five seconds at most); then go on looking.

        A look beside the first calls would count their sessions as others'.
        """
        if not self._every or not run.host:
            return
        self._run = run
        self._url = health_url(run.host)
        if self._url.startswith("https:"):
            self._tls = client_tls(self._settings.tls_ca, insecure=self._settings.tls_insecure)
        self._before = self._look().active_sessions
        self._greenlet = gevent.spawn(self._poll)

    def record(self, call: Row, turns: list[Row]) -> None:  # noqa: ARG002 - the listener's signature
        """A call has ended."""
        self._calls += 1

    def ending(self) -> None:
        """The last call has ended: see whether the gateway lets go of its session, for a bounded time."""
        if self._greenlet is None:
            return
        self._greenlet.kill()
        if self._before is None or not self._calls:
            return
        deadline = time.monotonic() + AFTERWARDS_S
        count, since = self._look().active_sessions, time.monotonic()
        while count is not None and count > self._before:
            now = time.monotonic()
            if now >= deadline or now - since >= _STAYS_S:
                return
            gevent.sleep(_AFTERWARDS_EVERY_S)
            before, count = count, self._look().active_sessions
            since = since if count == before else time.monotonic()

    def _poll(self) -> None:
        due = time.monotonic()
        while True:
            due = max(due + self._every, time.monotonic())
            gevent.sleep(due - time.monotonic())
            self._look()

    def _look(self) -> Look:
        local = self._settings.local_address
        found = look(self._url, self._tls, local[0] if local else None)
        assert self._run is not None
        self._run.health(found.row())
        if found.error is not None and not self._told:
            self._told = True
            logger.warning(
                "the gateway's sessions are not known: GET %s: %s; told once, and %s 0 never asks",
                self._url,
                found.error,
                flag("health_poll"),
            )
        return found
