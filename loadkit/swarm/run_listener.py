"""What a listener of a run is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadkit.errors import ExitCode

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
