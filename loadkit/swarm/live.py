"""What is known of the run while it goes, for the page and the terminal; fed by what the run is told."""

from __future__ import annotations

import time
from typing import Any

from flask import Flask
from locust.env import Environment

from loadkit.errors import ExitCode
from loadkit.live.plan import Plan
from loadkit.live.state import LiveState
from loadkit.settings import Settings
from loadkit.swarm.run import Run
from loadkit.swarm.run_listener import RunListener
from loadkit.unix_clock import unix_now

Row = dict[str, Any]

#: However many watch, the state is added up at most so often (seconds), and takes at most this share of a core: with
#: hundreds of engines it is added up less often.
_VIEW_S = 0.5
_MOST_SHARE = 0.02


class Live(RunListener):
    """Of one run; its state stays as it was at the end until the next run begins."""

    def __init__(self, environment: Environment, settings: Settings) -> None:
        self._environment = environment
        self._settings = settings
        self._view: dict[str, Any] = {}
        self._viewed_at = 0.0
        self._pause_s = _VIEW_S
        self.state = LiveState(Plan(), time.monotonic(), unix_now())
        #: The run that can be marked; None before and after it.
        self.run: Run | None = None

    def began(self, run: Run) -> None:
        """The state begins anew, and the page shows it."""
        options = self._environment.parsed_options
        plan = Plan.of(
            self._settings,
            run_id=run.path.name,
            host=self._environment.host or "",
            run_time_s=getattr(options, "run_time", None),
        )
        self.state = LiveState(plan, time.monotonic(), unix_now())
        self.run = run
        show_on_page(self._environment, self)

    def record(self, call: Row, turns: list[Row]) -> None:  # noqa: ARG002 - turns are told by the engines
        """As the run is told."""
        self.state.record(call)

    def figures(self, row: Row) -> None:
        """As the run is told."""
        self.state.figures(row, time.monotonic())

    def arrivals(self, row: Row) -> None:
        """As the run is told."""
        self.state.arrivals(row, time.monotonic())

    def mark(self, mark: Row) -> None:
        """As the run is told."""
        self.state.mark(mark)
        self._viewed_at = 0.0  # who made it wants to see it

    def ending(self) -> None:
        """As the run is told."""
        self.run = None
        self.state.ending(time.monotonic())
        self._viewed_at = 0.0

    def ended(self, exit_code: ExitCode) -> None:
        """As the run is told."""
        self.state.ended(exit_code)
        self._viewed_at = 0.0

    def view(self) -> dict[str, Any]:
        """The run as it is now, or was a moment ago."""
        now = time.monotonic()
        if now - self._viewed_at >= self._pause_s or not self._view:
            began = time.process_time()
            self._view, self._viewed_at = self.state.view(now), now
            self._pause_s = max(_VIEW_S, (time.process_time() - began) / _MOST_SHARE)
        return self._view


_SHOWN = "loadkit_live"


def show_on_page(environment: Environment, live: Live) -> None:
    """What Locust's page shows from now on."""
    web_ui = environment.web_ui
    if web_ui is not None and web_ui.app is not None:
        web_ui.app.extensions[_SHOWN] = live


def shown_on_page(app: Flask) -> Live | None:
    """What the page shows; None before the first run."""
    shown: Live | None = app.extensions.get(_SHOWN)
    return shown
