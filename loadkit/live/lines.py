"""A view as lines of a log, where there is no terminal: one every few seconds, and one for each new error code."""

from __future__ import annotations

from typing import Any

from loadkit.live import wording
from loadkit.live.failures import CodeCount
from loadkit.printable import printable

#: Lines about new codes; a gateway that makes up a code per call must not fill the disk with them.
MOST_NEW_CODES = 50
_MESSAGE = 160


def line(view: dict[str, Any]) -> str:
    """The run as it is now: read by people who have never seen one before, so nothing in it is a code."""
    calls, outcomes, arrivals = view["calls"], view["outcomes"], view["arrivals"]
    setup, turn, generator = view["latency"]["setup"], view["latency"]["turn"], view["generator"]
    parts = [f"{wording.length(view['seconds'])}", wording.time_left(view)]
    stages = ", ".join(f"{s['calls']:,} {wording.name(s['stage'])}" for s in calls["stages"] if s["calls"])
    parts.append(
        f"{wording.count(calls['in_progress'])} calls in progress" + (f" ({stages})" if stages else "")
    )
    started = f"{wording.count(arrivals['started'])} started, {wording.rate(arrivals['started_per_s'])}"
    if arrivals["intended"] is not None:
        started += (
            f" of {wording.rate(arrivals['intended_per_s'])}, {wording.count(arrivals['dropped'])} dropped"
        )
    parts.append(started)
    parts.append(f"{wording.count(outcomes['failed'])} failed")
    if setup["count"]:
        parts.append(f"set-up {_known(setup)}")
    if turn["count"]:
        parts.append(f"turn latency {_known(turn)}")
    parts.append(f"generator {wording.fitness(generator)}")
    return "; ".join(part for part in parts if part)


def _known(latency: dict[str, Any]) -> str:
    """``p50 45 ms, p95 88 ms``; what has too few values is left out."""
    told = [f"{name} {wording.milliseconds(latency[name])}" for name in ("p50", "p95", "p99")]
    return ", ".join(text for text in told if not text.endswith(wording.UNKNOWN))


class NewCodes:
    """Tells each error code once."""

    def __init__(self) -> None:
        self._told: set[str] = set()
        self._full = False

    def lines(self, codes: list[CodeCount]) -> list[str]:
        """Of the codes that have not been told yet."""
        told = []
        for count in codes:
            if count.code in self._told:
                continue
            if len(self._told) >= MOST_NEW_CODES:
                if not self._full:
                    told.append("there are more new error codes, which are told in the report")
                self._full = True
                break
            self._told.add(count.code)
            where = f" in stage {count.stage}" if count.stage else ""
            told.append(
                f"first call that failed with {count.code}{where}: {printable(count.message, _MESSAGE)}"
            )
        return told
