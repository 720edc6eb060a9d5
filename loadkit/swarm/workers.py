"""The master's watch over its workers: who takes part in a run, and who is gone before its end."""

from __future__ import annotations

from collections.abc import Callable

import gevent
from locust.runners import MasterRunner

from loadkit.swarm.forwarding import RecordCollector
from loadkit.swarm.run import Run

_WATCH_S = 0.5


class WorkerWatch:
    """Tells the run which workers take part and which were lost.

    :param current_run: the run in progress; None between two runs, and as soon as one is being finished.
    """

    def __init__(
        self, runner: MasterRunner, collector: RecordCollector, current_run: Callable[[], Run | None]
    ) -> None:
        self._runner = runner
        self._collector = collector
        self._current_run = current_run
        self._names: dict[str, str] = {}
        gevent.spawn(self._watch)

    def name(self, client_id: str) -> str:
        """What a worker is called in records: ``worker-0``."""
        return f"worker-{self._runner.get_worker_index(client_id)}"

    @property
    def anybody(self) -> bool:
        """Whether a worker is there."""
        return bool(self._collector.present())

    def look(self) -> None:
        """A worker that took part and is gone before the end makes the run fail."""
        run = self._current_run()
        if run is None:
            self._names = {}
            return
        present = self._collector.present()
        for client_id in present - set(self._names):
            self._names[client_id] = self.name(client_id)
            run.worker_seen(self._names[client_id])
        for client_id in set(self._names) - present:
            run.worker_lost(self._names.pop(client_id), "it is gone")

    def _watch(self) -> None:
        while True:
            gevent.sleep(_WATCH_S)
            self.look()
