"""What happened, in its order, each with its time since the call began."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: A gateway that talks without end fills neither the memory nor the document.
MOST_EVENTS = 5_000


@dataclass(frozen=True)
class Event:
    """One thing that happened."""

    name: str
    """By this name it is in the JSON document, too: docs/call.md lists all of them."""
    at_ms: float
    """Since the start of the call."""
    data: dict[str, Any] = field(default_factory=dict)
    """Plain values; text of the gateway is verbatim, but for the token."""


class Diary:
    """Keeps events and passes each on.

    :param listener: is handed every event, also those that are too many to be kept.
    """

    def __init__(self, listener: Callable[[Event], None] | None = None) -> None:
        self.events: list[Event] = []
        #: Events that were not kept.
        self.left_out = 0
        self._listener = listener
        self._began = time.monotonic()

    def begin(self, now: float) -> None:
        """The call begins at ``now`` (monotonic seconds)."""
        self._began = now

    def note(self, name: str, at: float | None = None, **data: Any) -> None:
        """Something happened, now or at ``at`` (monotonic seconds)."""
        when = time.monotonic() if at is None else at
        event = Event(name, round((when - self._began) * 1000, 3), data)
        if len(self.events) < MOST_EVENTS:
            self.events.append(event)
        else:
            self.left_out += 1
        if self._listener is not None:
            self._listener(event)

    def of(self, name: str) -> list[Event]:
        """The events of one name."""
        return [event for event in self.events if event.name == name]

    def last(self, name: str) -> Event | None:
        """The latest event of a name; None when there was none."""
        return next((event for event in reversed(self.events) if event.name == name), None)
