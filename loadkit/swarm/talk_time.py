"""How long the calls of this process have been connected, those in progress with what they have so far."""

from __future__ import annotations

from typing import Any


class TalkTime:
    """Of one run; a call that lives across two runs counts in the one that it began in."""

    def __init__(self) -> None:
        self._ended_s = 0.0
        self._since: dict[str, float] = {}

    @property
    def connected(self) -> int:
        """Calls that are connected now."""
        return len(self._since)

    def began(self, call_id: str, now: float) -> None:
        """A call has been connected."""
        self._since[call_id] = now

    def ended(self, call: dict[str, Any]) -> None:
        """A call has left its record, whose own measure of the time counts."""
        self._since.pop(call["call_id"], None)
        self._ended_s += (call["connected_ms"] or 0.0) / 1000

    def seconds(self, now: float) -> float:
        """Of all calls together."""
        return self._ended_s + sum(now - since for since in self._since.values())
