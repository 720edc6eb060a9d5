"""Calls that a real engine process holds, placed by a plain script over the pipe that Locust uses, too."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from typing import Any

from loadkit.call.context import Destination
from loadkit.call.spec import CallSpec
from loadkit.engine.client import EngineClient
from loadkit.records import Outcome
from loadkit.settings import SAMPLES_DIR, Settings

#: What every caller says, over and over.
SAMPLE = SAMPLES_DIR / "book_a_table.wav"
_PATIENCE_S = 40.0
_FOR_EVER_S = 86_400.0


class EngineCalls:
    """One engine and its calls::

        calls = EngineCalls(gateway.url)
        await calls.start()
        await calls.place(200, per_second=20)
        ...
        records = await calls.end()

    :param options: settings of the run by name, ``media_path`` for instance.
    """

    def __init__(self, url: str, **options: Any) -> None:
        self.records: list[dict[str, Any]] = []
        #: The engine's rows of figures, one a second.
        self.figures: list[dict[str, Any]] = []
        self._configuration = {
            "settings": {"auth_token": "token", **options},
            "destination": Destination.of(url, Settings()).to_message(),
            "samples": [str(SAMPLE)],
        }
        self._engine = EngineClient(
            "bench.0",
            on_record=lambda row: self.records.append(row["call"]),
            on_figures=self.figures.append,
            on_lost=lambda engine: None,
        )
        self._placed: list[str] = []

    @property
    def pid(self) -> int:
        """The engine's process."""
        assert self._engine.pid is not None
        return self._engine.pid

    @property
    def parent_pid(self) -> int:
        """The process at the other end of its pipe: this one."""
        return os.getpid()

    async def start(self) -> None:
        """Start the engine, on the cores that this process has now.

        :raises loadkit.errors.EngineError: it did not come up.
        """
        # On this thread: a process starts on the cores of the thread that starts it.
        self._engine.start(self._configuration)

    async def place(self, calls: int, per_second: float) -> None:
        """Place so many calls more, wait until they are connected, and let them talk."""
        placed = []
        for _ in range(calls):
            spec = CallSpec(intended=time.monotonic(), mode="echo", call_sid="benchmark", listen=False)
            self._engine.place(spec)
            placed.append(spec.call_id)
            await asyncio.sleep(1 / per_second)
        for call_id in placed:
            await asyncio.to_thread(self._engine.command, call_id, "wait_connected", _PATIENCE_S)
            # Not waited for: it ends with the call.
            self._engine.command(call_id, "talk", 0.0, sample=str(SAMPLE), seconds=_FOR_EVER_S)
        self._placed += placed

    @property
    def up(self) -> int:
        """Calls that have not ended."""
        return len(self._engine.calls)

    @property
    def failures(self) -> Counter[str]:
        """Calls that failed, by error code."""
        return Counter(r["error_code"] for r in self.records if r["outcome"] != Outcome.COMPLETED)

    def lateness(self, since: float, until: float) -> Counter[int]:
        """Histogram of the lateness of packets between two moments of Unix time, by whole seconds."""
        total: Counter[int] = Counter()
        for row in self.figures:
            if since + 1 <= row["at"] <= until:
                total.update({int(bucket): count for bucket, count in row["late_histogram"].items()})
        return total

    async def end(self) -> list[dict[str, Any]]:
        """Hang up, wait for the records, and end the engine."""
        for call_id in self._placed:
            self._engine.end(call_id, Outcome.COMPLETED)
        for call_id in self._placed:
            await asyncio.to_thread(self._engine.wait_until_over, call_id, _PATIENCE_S)
        await asyncio.to_thread(self._engine.stop)
        return self.records
