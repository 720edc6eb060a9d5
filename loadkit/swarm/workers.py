"""What the master does about its workers: who takes part in a run, who is gone too early, and their end of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from locust.runners import MasterRunner

from loadkit.swarm.forwarding import RecordCollector
from loadkit.swarm.run import Run

Row = dict[str, Any]

_WATCH_S = 0.5


class Workers:
    """Tells the run which workers take part and which are lost to it.

    :param current_run: the run; None between two of them.
    :param on_record: called with each record of theirs; ``on_figures`` likewise.
    :param on_refusal: called when the run cannot go on, as one of them refused it.
    :param on_stall: called with a sentence when the generator of one of them stands still.
    """

    def __init__(
        self,
        runner: MasterRunner,
        current_run: Callable[[], Run | None],
        on_record: Callable[[Row], None],
        on_figures: Callable[[Row], None],
        on_refusal: Callable[[], None],
        on_stall: Callable[[str], None],
    ) -> None:
        self._runner = runner
        self._current_run = current_run
        self._on_refusal = on_refusal
        #: What they forward.
        self.collector = RecordCollector(
            runner, on_record, on_figures, self._refused, self._dropped, on_stall
        )
        self._finishing = False
        self._names: dict[str, str] = {}
        gevent.spawn(self._watch)

    def begin(self) -> int:
        """A run begins; returns how many workers there are."""
        self._finishing, self._names = False, {}
        return len(self._runner.clients.all)

    def finish(self, timeout: float, *, at_once: bool) -> None:
        """Have them end their calls and send their last records; who does not within ``timeout`` (s) is lost.

        :param at_once: without ``--stop-timeout``.
        """
        self._finishing = True
        run = self._current_run()
        if run is None:
            return
        for client_id in self.collector.finish(timeout, at_once=at_once):
            run.worker_lost(self._name(client_id), "it did not finish in time")

    def _name(self, client_id: str) -> str:
        """What a worker is called in records: ``worker-0``."""
        return f"worker-{self._runner.get_worker_index(client_id)}"

    def _refused(self, client_id: str, reason: str) -> None:
        if run := self._current_run():
            run.worker_lost(self._name(client_id), reason)
            self._on_refusal()

    def _dropped(self, client_id: str, count: int) -> None:
        if run := self._current_run():
            run.worker_lost(self._name(client_id), f"it dropped {count:,} records")

    @property
    def anybody(self) -> bool:
        """Whether a worker is there."""
        return bool(self.collector.present())

    def look(self) -> None:
        """A worker that took part and is gone before the end makes the run fail."""
        run = self._current_run()
        if run is None or self._finishing:
            return
        present = self.collector.present()
        for client_id in present - set(self._names):
            self._names[client_id] = self._name(client_id)
            run.worker_seen(self._names[client_id])
        for client_id in set(self._names) - present:
            run.worker_lost(self._names.pop(client_id), "it is gone")

    def _watch(self) -> None:
        while True:
            gevent.sleep(_WATCH_S)
            self.look()
