"""What is known of a run while it goes. Records, figures, arrivals and marks in; a view out, which is plain JSON.

What is held does not grow with the run: see :mod:`~loadkit.live.recent` and :mod:`~loadkit.live.failures`. A record
costs some microseconds; only :meth:`LiveState.view` adds up.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from loadkit.errors import ExitCode
from loadkit.live.failures import Failures
from loadkit.live.generator import Generator
from loadkit.live.plan import Plan
from loadkit.live.recent import RecentCount, RecentLatency
from loadkit.printable import printable
from loadkit.progress import Progress
from loadkit.records import Outcome

Row = Mapping[str, Any]

#: Marks of a view, the newest; the run's document has them all.
MARKS_SHOWN = 50
#: Locust's page keeps a run time for a later run that is started without one, and does not keep to it: an end that is
#: so long ago (seconds) was none.
OVERDUE_S = 60.0


class LiveState:
    """Of one run.

    :param now: monotonic seconds; ``unix_now`` the same moment on the wall clock.
    """

    def __init__(self, plan: Plan, now: float, unix_now: float) -> None:
        self._plan = plan
        self._began = now
        self._began_unix = unix_now
        self._arrivals_began = now
        self._phase = "running"
        self._ended_at: float | None = None
        self._exit_code: ExitCode | None = None
        self._outcomes: Counter[str] = Counter()
        self._setup, self._turn = RecentLatency(), RecentLatency()
        self._started, self._intended, self._dropped = RecentCount(), RecentCount(), RecentCount()
        self._by_arrivals = False
        self._connected_s = 0.0
        self._marks: deque[dict[str, Any]] = deque(maxlen=MARKS_SHOWN)
        self.failures = Failures()
        self.generator = Generator(plan.limits)

    # What is told

    def record(self, call: Row) -> None:
        """A call has left its record."""
        outcome = str(call.get("outcome"))
        self._outcomes[outcome] += 1
        if outcome == Outcome.FAILED:
            self.failures.add(
                str(call.get("error_code") or "UNKNOWN"),
                str(call.get("failed_stage") or ""),
                str(call.get("error_message") or ""),
                float(call.get("ended_at") or 0.0),
            )

    def figures(self, row: Row, now: float) -> None:
        """A process of the generator tells of its last second."""
        self.generator.row(row, now)
        if row.get("kind") == "locust":
            return
        self._started.add(int(row.get("placed") or 0), now)
        self._setup.add(_buckets(row.get("setup_histogram")), now)
        self._turn.add(_buckets(row.get("turn_histogram")), now)
        connected = (row.get("stages") or {}).get(Progress.CONNECTED, 0)
        self._connected_s += connected * float(row.get("seconds") or 0.0)

    def arrivals(self, row: Row, now: float) -> None:
        """A second of arrivals is over."""
        if not self._by_arrivals:
            self._by_arrivals = True
            self._arrivals_began = now - int(row.get("second") or 0) - 1
        self._intended.add(int(row.get("intended") or 0), now)
        dropped = int(row.get("dropped_max_concurrent") or 0) + int(row.get("dropped_no_engine") or 0)
        self._dropped.add(dropped, now)

    def mark(self, mark: Row) -> None:
        """Somebody made a mark."""
        at = float(mark["at"])
        self._marks.append(
            {"at": at, "second": round(at - self._began_unix, 1), "text": printable(str(mark["text"]))}
        )

    def ending(self, now: float) -> None:
        """All calls have left their records."""
        self._phase, self._ended_at = "ending", now

    def ended(self, exit_code: ExitCode) -> None:
        """The report is written."""
        self._phase, self._exit_code = "ended", exit_code

    # What is shown

    def view(self, now: float) -> dict[str, Any]:
        """Everything, as plain values; None is what is not known."""
        now = now if self._ended_at is None else self._ended_at
        stages = self.generator.stages(now) if self._phase == "running" else Counter()
        return {
            "run_id": self._plan.run_id,
            "host": self._plan.host,
            "phase": self._phase,
            "exit_code": None if self._exit_code is None else int(self._exit_code),
            "exit_name": None if self._exit_code is None else self._exit_code.name,
            "began_at": self._began_unix,
            "seconds": round(now - self._began, 1),
            "time_left": self._time_left(now, stages),
            "calls": {
                "in_progress": stages.total(),
                "stages": [{"stage": str(stage), "calls": stages[stage]} for stage in Progress],
            },
            "outcomes": {str(outcome): self._outcomes[outcome] for outcome in Outcome},
            "arrivals": self._arrivals(now),
            "latency": {"setup": self._setup.view(now), "turn": self._turn.view(now)},
            "failures": self.failures.view(),
            "generator": self.generator.view(now),
            "marks": list(reversed(self._marks)),
        }

    def _arrivals(self, now: float) -> dict[str, Any]:
        """Calls that started and, in a run by arrivals, that were meant to."""
        by_arrivals = self._by_arrivals
        return {
            "started": self._started.total,
            "started_per_s": self._started.per_second(now),
            "intended": self._intended.total if by_arrivals else None,
            "intended_per_s": self._intended.per_second(now) if by_arrivals else None,
            "dropped": self._dropped.total if by_arrivals else None,
            "dropped_per_s": self._dropped.per_second(now) if by_arrivals else None,
        }

    def _time_left(self, now: float, stages: Counter[str]) -> dict[str, Any]:
        """What ends the run first, as far as one can tell now."""
        plan = self._plan
        ends: list[tuple[float, str]] = []
        if self._phase != "running":
            return {"seconds": 0.0, "until": "the end"}
        if plan.run_time_s is not None and now < self._began + plan.run_time_s + OVERDUE_S:
            ends.append((self._began + plan.run_time_s - now, "run time"))
        if plan.stages_s is not None:
            ends.append((self._arrivals_began + plan.stages_s - now, "last stage"))
        talking = stages[Progress.CONNECTED]
        if plan.budget_s is not None and talking:
            ends.append(
                ((plan.budget_s - self._connected_s) / talking, "budget of call minutes, at this load")
            )
        if not ends:
            return {"seconds": None, "until": None}
        seconds, until = min(ends)
        return {"seconds": round(max(0.0, seconds), 1), "until": until}


def _buckets(histogram: Mapping[str, int] | None) -> dict[int, int]:
    return {int(bucket): count for bucket, count in (histogram or {}).items()}
