"""Records and figures from the workers to the master, over Locust's own connection.

Batches leave twice a second, in messages of at most 500 rows (about 1 MB), so that heartbeats are never held up
behind a long one. What could not be sent stays and goes with the next batch; the master's writer drops a record
that it has already. ``docs/scale.md`` says what this costs, measured by ``benchmarks/scale_master.py``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gevent
from gevent.lock import RLock
from locust.exception import RPCError
from locust.runners import MasterRunner, WorkerRunner

from loadkit.settings import flag

logger = logging.getLogger(__name__)

Row = dict[str, Any]

RECORDS = "loadkit_records"
FINISH = "loadkit_finish"
FINISHED = "loadkit_finished"
REFUSED = "loadkit_refused"
STALLED = "loadkit_stalled"

_INTERVAL_S = 0.5
#: Rows in one message.
MOST_ROWS = 500
#: Records that wait for a master that takes none, about 100 MB; Locust gives a silent master up after 60 s.
MOST_RECORDS_KEPT = 50_000
MOST_FIGURES_KEPT = 10_000


class RecordForwarder:
    """The worker's side."""

    def __init__(self, runner: WorkerRunner, worker: str) -> None:
        self._runner = runner
        self._worker = worker
        self._records: list[Row] = []
        self._figures: list[Row] = []
        #: Records that were given up since the last message.
        self._dropped = 0
        self._sending = RLock()
        gevent.spawn(self._forward)

    def record(self, row: Row) -> None:
        """Take a record to forward."""
        self._records.append(row)

    def figures(self, row: Row) -> None:
        """Take an engine's figures to forward."""
        self._figures.append(row)

    def flush(self) -> None:
        """Send what is there; whoever flushes meanwhile comes after, so that a farewell follows all records."""
        with self._sending:
            self._flush()

    def _flush(self) -> None:
        while self._records or self._figures:
            # Taken out before they are sent: a send that waits lets in the greenlets that have more.
            records, self._records = self._records[:MOST_ROWS], self._records[MOST_ROWS:]
            figures, self._figures = self._figures[:MOST_ROWS], self._figures[MOST_ROWS:]
            dropped, self._dropped = self._dropped, 0
            rows = {"records": records, "figures": figures}
            try:
                self._runner.send_message(RECORDS, {"worker": self._worker, **rows, "dropped": dropped})
            except RPCError as exc:
                self._records[:0] = records
                self._figures[:0] = figures
                self._dropped += dropped
                logger.warning(
                    "%d records could not be sent to the master and are kept: %s", len(self._records), exc
                )
                self._bound()
                return

    def _bound(self) -> None:
        """Nobody takes them: keep what memory allows, and count the rest."""
        too_many = len(self._records) - MOST_RECORDS_KEPT
        if too_many > 0:
            # The newest go: what is kept is the run up to the moment at which the master was lost.
            del self._records[MOST_RECORDS_KEPT:]
            self._dropped += too_many
            logger.error("%d records were dropped: the master has taken none for too long", too_many)
        del self._figures[MOST_FIGURES_KEPT:]

    def refuse(self, reason: str) -> None:
        """Tell the master that this worker cannot take part in the run."""
        self._runner.send_message(REFUSED, {"reason": reason})

    def stalled(self, reason: str) -> None:
        """Tell the master that this worker stands still."""
        self._runner.send_message(STALLED, {"reason": reason})

    def _forward(self) -> None:
        while True:
            gevent.sleep(_INTERVAL_S)
            self.flush()


class RecordCollector:
    """The master's side, and its farewell to the workers at the end of a run."""

    def __init__(
        self,
        runner: MasterRunner,
        on_record: Callable[[Row], None],
        on_figures: Callable[[Row], None],
        on_refusal: Callable[[str, str], None],
        on_dropped: Callable[[str, int], None],
        on_stall: Callable[[str], None],
    ) -> None:
        self._runner = runner
        self._on_record = on_record
        self._on_figures = on_figures
        self._on_dropped = on_dropped
        self._finished: set[str] = set()
        #: Workers that have come to this master, and others: a master that was at its port before may have died.
        self._own, self._strangers = set(runner.clients), set[str]()
        runner.environment.events.worker_connect.add_listener(lambda client_id, **_: self._own.add(client_id))
        self.listen(RECORDS, self._received)
        self.listen(FINISHED, lambda client_id, _: self._finished.add(client_id))
        self.listen(REFUSED, lambda client_id, data: on_refusal(client_id, data["reason"]))
        self.listen(STALLED, lambda _, data: on_stall(data["reason"]))

    def listen(self, kind: str, heard: Callable[[str, Any], None]) -> None:
        """Have the workers' messages of a kind heard: with the id of the worker, and what it says."""

        def received(environment: Any, msg: Any) -> None:  # noqa: ARG001 - Locust names its arguments
            if msg.node_id in self._own:
                heard(msg.node_id, msg.data)
            elif msg.node_id not in self._strangers:
                self._strangers.add(msg.node_id)
                logger.warning(
                    "%s works for a master that was here before: what it says is left out, and its calls, which go on "
                    "until it has ended by itself (%s), are load that nobody asked for",
                    msg.node_id,
                    flag("master_timeout"),
                )

        self._runner.register_message(kind, received)

    def present(self) -> set[str]:
        """Ids of the workers that are connected and answering."""
        missing = {client.id for client in self._runner.clients.missing}
        return {client.id for client in self._runner.clients.all} - missing

    def finish(self, timeout: float, *, at_once: bool = False) -> set[str]:
        """Have all workers end their calls and send their last records; returns those that did not.

        :param at_once: without ``--stop-timeout``.
        """
        self._finished.clear()
        waiting = self.present()
        self._runner.send_message(FINISH, {"at_once": at_once})
        with gevent.Timeout(timeout, False):
            while waiting - self._finished and waiting & self.present() - self._finished:
                gevent.sleep(0.05)
        return waiting - self._finished

    def _received(self, client_id: str, data: Any) -> None:
        for row in data["records"]:
            self._on_record(row)
        for row in data["figures"]:
            self._on_figures(row)
        if dropped := data.get("dropped"):
            self._on_dropped(client_id, dropped)
