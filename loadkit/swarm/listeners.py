"""Who listens to a run while it goes, on the process that reports."""

from __future__ import annotations

from collections.abc import Callable

from locust.env import Environment

from loadkit.settings import Settings
from loadkit.swarm.abort import Abort
from loadkit.swarm.health_poll import HealthPoll
from loadkit.swarm.last_word import LastWord
from loadkit.swarm.live import Live
from loadkit.swarm.live_views import live_views
from loadkit.swarm.planned_marks import PlannedMarks
from loadkit.swarm.run_listener import RunListener
from loadkit.thresholds.abort import parse_condition


def listeners_of(
    environment: Environment,
    settings: Settings,
    end: Callable[[str], None],
) -> list[RunListener]:
    """Those of one run.

    :param end: ends the run; its argument becomes ``ended_by`` of ``run.json``.
    """
    live = Live(environment, settings)
    listeners = [
        live,
        *live_views(environment, settings, live),
        PlannedMarks(settings),
        LastWord(environment),
    ]
    if settings.abort_on:
        listeners.append(Abort([parse_condition(text) for text in settings.abort_on], end))
    # The last: it waits at the end, and who would still end the run has heard of its end by then.
    return [*listeners, HealthPoll(settings)]
