"""How many calls one core was seen to hold: calls are added until something is the limit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from benchmarks.engine_calls import engine_at_gateway
from benchmarks.media_cost import PER_SECOND
from benchmarks.rows import Row

#: Packets that leave later than this at p99 are no longer punctual.
LATE_MS = 5.0
#: A core that is used more than this is full.
FULL = 0.95
#: A core that is used more than this drops packets when they come in bursts.
NEARLY_FULL = 0.85

LATENESS = "lateness of the engine"
GATEWAY = "the gateway's core is full"
INVALID = "calls failed or packets went missing"
NONE = "none up to the last step"


@dataclass(frozen=True)
class Shown:
    """What was seen."""

    calls: int | None
    """The highest step without a limit; None when the first one had it."""
    limit: str
    """What ended it."""
    rows: list[Row]

    def document(self) -> dict[str, Any]:
        """For results.json."""
        return {"calls": self.calls, "limit": self.limit, "rows": [row.document() for row in self.rows]}


def limit_of(row: Row) -> str | None:
    """What is the limit at this step; None when nothing is."""
    if row.gateway_share > FULL or (row.faults and row.gateway_share > NEARLY_FULL):
        return GATEWAY
    if row.late_ms_p99 is None or row.late_ms_p99 > LATE_MS:
        return LATENESS
    return INVALID if row.faults else None


async def show(name: str, first: int, step: int, last: int, seconds: float, **options: Any) -> Shown:
    """One engine on one core; more calls in steps until there is a limit.

    :param options: settings of the run by name.
    """
    rows: list[Row] = []
    async with engine_at_gateway(**options) as (engine, gateway):
        up = 0
        for calls in range(first, last + 1, step):
            await engine.place(calls - up, PER_SECOND)
            up = calls
            rows.append(await engine.measure(name, gateway, seconds))
            limit = limit_of(rows[-1])
            if limit is not None:
                return Shown(calls - step if calls > first else None, limit, rows)
    return Shown(up, NONE, rows)
