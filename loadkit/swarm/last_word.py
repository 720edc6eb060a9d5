"""How a run ended and where its report is, as the last line: Locust's tables scroll the summary away."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from locust.env import Environment

from loadkit.errors import ExitCode
from loadkit.swarm.run_listener import RunListener

if TYPE_CHECKING:
    from loadkit.swarm.run import Run

logger = logging.getLogger(__name__)


class LastWord(RunListener):
    """Told when Locust quits, after its tables; a line for each run of Locust's page."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._run: Run | None = None

    def began(self, run: Run) -> None:
        """Where it is kept."""
        self._run = run

    def ended(self, exit_code: ExitCode) -> None:
        """To be told when everything else is."""
        assert self._run is not None
        report = self._run.path / "report.html"
        where = report if report.exists() else self._run.path

        def tell(**_: Any) -> None:
            logger.info("%s, exit code %d: %s", exit_code.name, exit_code, where)

        self._environment.events.quit.add_listener(tell)
