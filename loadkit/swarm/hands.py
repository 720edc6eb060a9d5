"""Who places the calls that arrive: the callers of this process, or those of the workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, Protocol

import gevent
from locust.exception import RPCError
from locust.runners import MasterRunner, WorkerRunner

from loadkit.swarm.arrivals import Arrival
from loadkit.swarm.callers import Callers
from loadkit.swarm.forwarding import RecordCollector
from loadkit.swarm.run_clock import RunClock
from loadkit.swarm.shares import Shares, Status
from loadkit.swarm.talk_time import TalkTime

ARRIVALS = "loadkit_arrivals"
STATUS = "loadkit_status"

#: How often a worker says how it is, when something has changed (seconds).
_STATUS_S = 0.25


class Hands(Protocol):
    """Takes arrivals and starts their callers."""

    lookahead_s: float
    """How long before its moment an arrival is handed over."""

    def ready(self) -> bool:
        """Whether all who take part can place calls."""

    def in_progress(self) -> int:
        """Arrivals handed over that are not over, and never fewer than there are."""

    def dropped(self) -> int:
        """Arrivals handed over that were dropped for want of an engine."""

    def connected_s(self) -> float:
        """Seconds of connected calls in this run."""

    def take(self, arrival: Arrival, began: float) -> bool:
        """Hand over one arrival; False when there is nobody to take it.

        :param began: when the arrivals of the run began, on this machine's monotonic clock.
        """

    def flush(self, began: float) -> None:
        """Send what has been handed over."""


class OwnHands:
    """The callers of this process; None in a run whose users place the calls."""

    lookahead_s = 0.0

    def __init__(self, callers: Callers | None, talk_time: TalkTime) -> None:
        self._callers = callers
        self._talk_time = talk_time

    def ready(self) -> bool:
        """Engines were started before the run."""
        return True

    def in_progress(self) -> int:
        """Exactly."""
        return self._callers.in_progress if self._callers else 0

    def dropped(self) -> int:
        """For want of an engine."""
        return self._callers.dropped if self._callers else 0

    def connected_s(self) -> float:
        """Exactly."""
        return self._talk_time.seconds(time.monotonic())

    def take(self, arrival: Arrival, began: float) -> bool:
        """Start its caller, now."""
        assert self._callers is not None
        self._callers.take(arrival, began + arrival.at_s)
        return True

    def flush(self, began: float) -> None:
        """There is nothing to send."""


class WorkersHands:
    """The callers of all workers, as the master hands arrivals to them: to the one with most room, a moment ahead."""

    lookahead_s = 0.25

    def __init__(self, runner: MasterRunner, collector: RecordCollector) -> None:
        self._runner = runner
        self._collector = collector
        self._shares = Shares()
        self._present: set[str] = set()
        self._batches: dict[str, list[list[Any]]] = {}
        collector.listen(STATUS, self._said)

    def begin(self) -> None:
        """A run begins; nothing that a worker said before counts."""
        self._shares = Shares()
        self._batches = {}

    def ready(self) -> bool:
        """Every worker that is there has engines."""
        self._present = self._collector.present()
        return bool(self._present) and all(self._shares.ready(worker) for worker in self._present)

    def in_progress(self) -> int:
        """Of the workers that are there; what was handed to one since it last spoke counts."""
        return self._shares.in_progress(self._present)

    def dropped(self) -> int:
        """By workers whose engines were all dead."""
        return self._shares.dropped

    def connected_s(self) -> float:
        """As the workers said, and what has passed since then where they are still there."""
        return self._shares.connected_s(self._collector.present(), time.monotonic())

    def take(self, arrival: Arrival, began: float) -> bool:  # noqa: ARG002 - for all hands
        """Hand it to the worker whose engines hold the fewest calls each."""
        now = time.monotonic()
        worker = self._shares.freest(self._present, now)
        if worker is None:
            return False
        self._shares.handed(worker, now)
        self._batches.setdefault(worker, []).append(
            [arrival.number, arrival.at_s, arrival.duration_s, arrival.user_class]
        )
        return True

    def flush(self, began: float) -> None:
        """Send each worker its arrivals, and see who is there."""
        batches, self._batches = self._batches, {}
        for worker, batch in batches.items():
            data = {"sent": time.monotonic() - began, "arrivals": batch}
            try:
                self._runner.send_message(ARRIVALS, data, worker)
            except (RPCError, KeyError):
                continue  # it does not confirm them, and gets no more
        self._present = self._collector.present()

    def _said(self, worker: str, status: Any) -> None:
        self._shares.said(worker, Status(**status), time.monotonic())


class WorkerEnd:
    """A worker's end: takes arrivals from the master, and tells it how this worker is.

    :param engines: how many engines are alive.
    """

    def __init__(self, runner: WorkerRunner, engines: Callable[[], int]) -> None:
        self._runner = runner
        self._engines = engines
        self._telling = False
        self._callers: Callers | None = None
        self._talk_time = TalkTime()
        self._clock = RunClock()
        self._last: Status | None = None
        runner.register_message(ARRIVALS, self._take)
        gevent.spawn(self._tell)

    def begin(self, callers: Callers | None, talk_time: TalkTime, *, telling: bool) -> None:
        """A run has begun here, and engines are up.

        :param callers: None in a run whose users place the calls.
        :param telling: whether the master has to know how this worker is.
        """
        self._callers, self._talk_time = callers, talk_time
        self._clock = RunClock()
        self._last = None
        self._telling = telling
        self.tell()

    def end(self) -> None:
        """The run is over here; nothing more is told of it."""
        self.tell()
        self._telling = False

    def tell(self) -> None:
        """Say how this worker is, when something has changed."""
        if not self._telling:
            return
        callers = self._callers
        now = time.monotonic()
        status = Status(
            engines=self._engines(),
            in_progress=callers.in_progress if callers else 0,
            taken=callers.taken if callers else 0,
            dropped=callers.dropped if callers else 0,
            connected_s=round(self._talk_time.seconds(now), 3),
            connected=self._talk_time.connected,
        )
        # The seconds grow by themselves, as the master knows.
        changed = replace(status, connected_s=0.0)
        if changed == self._last:
            return
        try:
            self._runner.send_message(STATUS, asdict(status))
        except RPCError:
            return  # the next one says it
        self._last = changed

    def _tell(self) -> None:
        while True:
            gevent.sleep(_STATUS_S)
            self.tell()

    def _take(self, environment: Any, msg: Any) -> None:  # noqa: ARG002 - Locust's names
        if self._callers is None:
            return
        self._clock.heard(msg.data["sent"], time.monotonic())
        for number, at_s, duration_s, user_class in msg.data["arrivals"]:
            arrival = Arrival(number, at_s, duration_s, user_class)
            self._callers.take(arrival, self._clock.here(at_s))
