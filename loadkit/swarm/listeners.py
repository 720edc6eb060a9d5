"""Who listens to a run while it goes, on the process that reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from locust.env import Environment

from loadkit.errors import ExitCode
from loadkit.settings import Settings
from loadkit.thresholds.abort import parse_condition

if TYPE_CHECKING:
    from loadkit.swarm.run import Run

Row = dict[str, Any]


class RunListener:
    """Is told what a run is told. A listener overrides what it wants to hear, and must not block.

    An error that leaves a method is logged, and the run goes on: records matter more than who watches them.
    """

    def began(self, run: Run) -> None:
        """The folder is there; calls follow."""

    def record(self, call: Row, turns: list[Row]) -> None:
        """A call has left its record, which is told once."""

    def figures(self, row: Row) -> None:
        """A process of the generator, once a second: its ``kind`` is ``engine`` or ``locust``."""

    def arrivals(self, row: Row) -> None:
        """The arrivals of a second that is over."""

    def health(self, row: Row) -> None:
        """A look at the gateway's ``/health``: ``active_sessions`` is None when it did not tell."""

    def mark(self, mark: Row) -> None:
        """Somebody made a mark: ``at`` in Unix seconds, and ``text``."""

    def ending(self) -> None:
        """All calls have left their records; the raw files are about to be closed and the report to be made."""

    def ended(self, exit_code: ExitCode) -> None:
        """The report is written."""


def listeners_of(
    environment: Environment,
    settings: Settings,
    end: Callable[[str], None],
) -> list[RunListener]:
    """Those of one run.

    :param end: ends the run; its argument becomes ``ended_by`` of ``run.json``.
    """
    # Here, as each of them is a listener of the class above.
    from loadkit.swarm.abort import Abort
    from loadkit.swarm.health_poll import HealthPoll
    from loadkit.swarm.live import Live
    from loadkit.swarm.live_views import live_views
    from loadkit.swarm.planned_marks import PlannedMarks

    live = Live(environment, settings)
    listeners = [live, *live_views(environment, settings, live), PlannedMarks(settings), HealthPoll(settings)]
    if settings.abort_on:
        listeners.append(Abort([parse_condition(text) for text in settings.abort_on], end))
    return listeners
