"""The load of one run on the process that reports: hands out arrivals, counts them, and watches the budget."""

from __future__ import annotations

import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping

import gevent

from loadkit.setting_values import Arrivals
from loadkit.settings import Settings
from loadkit.swarm.arrivals import Arrival, arrivals
from loadkit.swarm.hands import Hands
from loadkit.swarm.offer import offer, offered
from loadkit.swarm.run import Run
from loadkit.unix_clock import unix_now

logger = logging.getLogger(__name__)

#: Longest time between two looks at the budget and the count of the second (seconds).
_TICK_S = 0.05
#: Engines of workers start with their first run.
_READY_S = 60.0
#: Callers that are started in one go before everything else gets its turn.
_IN_ONE_GO = 50


class Load:
    """Of one run, until :meth:`stop`.

    :param classes: user class → weight.
    :param over: called once, with the reason, when the run has to be ended.
    """

    def __init__(
        self,
        settings: Settings,
        run: Run,
        hands: Hands,
        classes: Mapping[str, float],
        over: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._run = run
        self._hands = hands
        self._over = over
        self._budget_s = (settings.max_call_minutes or 0) * 60
        self._schedule = settings.schedule
        self._next: Arrival | None = None
        self._began = time.monotonic()
        self._count = ArrivalCount(run)
        self._due: deque[float] = deque()
        if self._schedule is not None:
            seed = secrets.randbelow(2**32) if settings.seed is None else settings.seed
            self._arrivals = arrivals(
                self._schedule,
                settings.call_duration,
                classes,
                seed,
                poisson=settings.arrivals is Arrivals.POISSON,
            )
            self._next = next(self._arrivals, None)
            run.describe_arrivals(offered(settings) | {"seed": seed, "began_at": None})
            logger.info("%s (seed %d)", offer(settings), seed)
        self._greenlet = gevent.spawn(self._drive) if self._schedule or self._budget_s else None

    def stop(self) -> None:
        """The run is being ended, for whatever reason."""
        if self._greenlet is None:
            return
        self._greenlet.kill()
        self._greenlet = None
        self._count_due(time.monotonic() - self._began)

    def finish(self) -> None:
        """The last worker has ended its calls: keep the last counts."""
        if self._schedule is not None:
            self._count.look(self._hands)
            self._count.write()

    def _drive(self) -> None:
        self._wait_until_ready()
        self._began = time.monotonic() + self._hands.lookahead_s
        if self._schedule is not None:
            self._run.describe_arrivals({"began_at": unix_now() + self._hands.lookahead_s})
        while True:
            now = time.monotonic() - self._began
            if self._schedule is not None:
                self._hand_out(now)
                self._count_due(now)
                self._count.tick(now, self._hands)
            if self._budget_s and self._hands.connected_s() >= self._budget_s:
                self._end(
                    "budget", f"the budget of {self._settings.max_call_minutes:g} call minutes is used up"
                )
                return
            if self._schedule is not None and now >= self._schedule.end_s:
                self._end("stages", "the last stage is over")
                return
            wait = _TICK_S
            if self._next is not None:
                wait = min(wait, self._next.at_s - self._hands.lookahead_s - now)
            gevent.sleep(max(0.0, wait))

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _READY_S
        while not self._hands.ready():
            if time.monotonic() >= deadline:
                logger.warning("not every worker was ready within %g s: the others begin", _READY_S)
                return
            gevent.sleep(0.02)

    def _end(self, ended_by: str, why: str) -> None:
        logger.info("the run is ended: %s", why)
        self._over(ended_by)

    def _hand_out(self, now: float) -> None:
        limit = self._settings.max_concurrent
        started = 0
        while self._next is not None and self._next.at_s <= now + self._hands.lookahead_s:
            arrival, self._next = self._next, next(self._arrivals, None)
            self._due.append(arrival.at_s)
            if limit is not None and self._hands.in_progress() >= limit:
                self._count.dropped_max_concurrent += 1
            elif not self._hands.take(arrival, self._began):
                self._count.dropped_no_engine += 1
            started += 1
            if started % _IN_ONE_GO == 0:
                gevent.sleep(0)
        self._hands.flush(self._began)

    def _count_due(self, now: float) -> None:
        while self._due and self._due[0] <= now:
            self._due.popleft()
            self._count.intended += 1


class ArrivalCount:
    """The second that runs, for ``arrivals.jsonl``."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._second = 0
        self._dropped_before = 0
        self.intended = 0
        self.dropped_max_concurrent = 0
        self.dropped_no_engine = 0

    def tick(self, now: float, hands: Hands) -> None:
        """As :meth:`look`; write a row when a second is over."""
        self.look(hands)
        if now >= self._second + 1:
            self.write()
            self._second = int(now)

    def look(self, hands: Hands) -> None:
        """Count what the workers dropped."""
        dropped = hands.dropped()
        self.dropped_no_engine += dropped - self._dropped_before
        self._dropped_before = dropped

    def write(self) -> None:
        """The row of the second so far."""
        self._run.arrivals(
            {
                "at": unix_now(),
                "second": self._second,
                "intended": self.intended,
                "dropped_max_concurrent": self.dropped_max_concurrent,
                "dropped_no_engine": self.dropped_no_engine,
            }
        )
        self.intended = self.dropped_max_concurrent = self.dropped_no_engine = 0
