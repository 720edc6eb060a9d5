"""All that advice on a call is given by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from loadkit.call.destination import Destination
from loadkit.probe.diary import Diary
from loadkit.probe.one_call import CallResult
from loadkit.records import CallRecord
from loadkit.settings import Settings


@dataclass(frozen=True)
class Circumstances:
    """What was asked, what happened, and what is left."""

    result: CallResult
    settings: Settings
    destination: Destination
    diary: Diary

    @property
    def record(self) -> CallRecord:
        """Of the call."""
        return self.result.record

    @property
    def turn_urls(self) -> list[str]:
        """The gateway's TURN servers."""
        had = self.diary.last("ice_servers")
        return [] if had is None else [url for url in had.data["urls"] if url.lower().startswith("turn")]


#: Looks at one thing and yields sentences.
Rule = Callable[[Circumstances], Iterator[str]]
