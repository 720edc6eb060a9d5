"""Which worker gets the next arrival: the one whose engines hold the fewest calls each.

Each worker says how many engines it has and how many arrivals it holds; what has been handed to it since it last said
so counts as held. So the number in progress is never taken for less than it is, and ``--max-concurrent`` is not
exceeded.

Pure: the time is handed in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

#: A worker that does not say within this time that it has what was handed to it is silent: it gets no more, unless all
#: that are there are silent.
SILENCE_S = 1.0


@dataclass(frozen=True)
class Status:
    """What a worker says of itself; counts are since the beginning of its run."""

    engines: int = 0
    """Engines that are alive."""
    in_progress: int = 0
    """Arrivals that it holds: to be started, or started and not over."""
    taken: int = 0
    """Arrivals that it was handed."""
    dropped: int = 0
    """Arrivals for which it had no engine."""
    connected_s: float = 0.0
    """Seconds of connected calls, ended or not."""
    connected: int = 0
    """Calls that are connected."""


@dataclass
class _Share:
    status: Status = field(default_factory=Status)
    said_at: float = 0.0
    there_at: float = 0.0
    handed: int = 0
    unconfirmed: deque[tuple[int, float]] = field(default_factory=deque)

    @property
    def held(self) -> int:
        return self.status.in_progress + max(0, self.handed - self.status.taken)

    def silent(self, now: float) -> bool:
        return bool(self.unconfirmed) and now - self.unconfirmed[0][1] > SILENCE_S


class Shares:
    """What each worker of one run has."""

    def __init__(self) -> None:
        self._shares: dict[str, _Share] = {}

    @property
    def dropped(self) -> int:
        """Arrivals that workers had no engine for."""
        return sum(share.status.dropped for share in self._shares.values())

    def said(self, worker: str, status: Status, now: float) -> None:
        """A worker has said how it is."""
        share = self._shares.setdefault(worker, _Share())
        share.status, share.said_at, share.there_at = status, now, now
        while share.unconfirmed and share.unconfirmed[0][0] <= status.taken:
            share.unconfirmed.popleft()

    def handed(self, worker: str, now: float) -> None:
        """An arrival goes to this worker."""
        share = self._shares.setdefault(worker, _Share())
        share.handed += 1
        share.unconfirmed.append((share.handed, now))

    def ready(self, worker: str) -> bool:
        """Whether it has said that it has engines."""
        share = self._shares.get(worker)
        return share is not None and share.status.engines > 0

    def in_progress(self, present: Iterable[str]) -> int:
        """Arrivals that these workers hold."""
        return sum(self._shares[worker].held for worker in present if worker in self._shares)

    def freest(self, present: Iterable[str], now: float) -> str | None:
        """Of these workers the one with the fewest calls per engine; None when none can take a call."""
        able = [worker for worker in present if self.ready(worker)]
        return min(able, key=lambda worker: self._rank(worker, now), default=None)

    def _rank(self, worker: str, now: float) -> tuple[bool, float, int, str]:
        share = self._shares[worker]
        return share.silent(now), share.held / share.status.engines, share.handed, worker

    def connected_s(self, present: Iterable[str], now: float) -> float:
        """Seconds of connected calls of all workers; since a worker last spoke, its connected calls have gone on.

        Not beyond the worker itself: calls end with one that has died. One that comes back has held its calls.

        :param present: workers that are there now.
        """
        for worker in present:
            if worker in self._shares:
                self._shares[worker].there_at = now
        return sum(
            share.status.connected_s + share.status.connected * (share.there_at - share.said_at)
            for share in self._shares.values()
        )
