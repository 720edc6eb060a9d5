"""Calls that a real engine process holds, placed by a plain script over the pipe that Locust uses, too."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from benchmarks.cores import CALLER_CORE, pinned
from benchmarks.gateway_process import GatewayProcess, Packets, echo_gateway
from benchmarks.process_cost import Cost, cost_of
from benchmarks.rows import Row
from benchmarks.window import measure
from loadkit.call.destination import Destination
from loadkit.call.spec import CallSpec
from loadkit.engine.client import EngineClient
from loadkit.lateness import percentile
from loadkit.records import Outcome
from loadkit.settings import SAMPLES_DIR, Settings

#: What every caller says, over and over.
SAMPLE = SAMPLES_DIR / "book_a_table.wav"
_PATIENCE_S = 40.0
_FOR_EVER_S = 86_400.0
#: Time for what setting up has left over.
_SETTLE_S = 2.0


class EngineCalls:
    """One engine and its calls; see :func:`engine_at_gateway`.

    :param options: settings of the run by name, ``media_path`` for instance.
    """

    def __init__(self, url: str, **options: Any) -> None:
        self.records: list[dict[str, Any]] = []
        #: The engine's rows of figures.
        self.figures: list[dict[str, Any]] = []
        #: What the engine cost before its first call.
        self.idle: Cost | None = None
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

    def start(self) -> None:
        """Start the engine, on the cores that this thread has now.

        :raises loadkit.errors.EngineError: it did not come up.
        """
        self._engine.start(self._configuration)
        self.idle = cost_of(self.pid)

    async def place(self, calls: int, per_second: float) -> None:
        """Place so many calls more, wait until they are connected or have failed, and let them talk."""
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

    async def packets(self) -> Packets:
        """Packets of all calls so far; ends a row of figures."""
        await asyncio.to_thread(self._engine.command, "", "figures", _PATIENCE_S)
        return Packets(
            received=sum(row["packets_received"] for row in self.figures),
            sent=sum(row["packets_sent"] for row in self.figures),
        )

    async def measure(self, name: str, gateway: GatewayProcess, seconds: float) -> Row:
        """Watch all calls that have been placed for so long."""
        await asyncio.sleep(_SETTLE_S)
        await self.packets()
        seen, parent = len(self.figures), cost_of(os.getpid(), children=False)
        row = await measure(name, len(self._placed), self, gateway, seconds)
        figures = self.figures[seen:]
        lateness: Counter[int] = Counter()
        for each in figures:
            lateness.update({int(bucket): count for bucket, count in each["late_histogram"].items()})
        own, last = self.idle, cost_of(self.pid)
        assert own is not None
        lags = [each["loop_lag_ms"] for each in figures if each["loop_lag_ms"] is not None]
        return replace(
            row,
            threads_per_call=(last.threads - own.threads) / row.calls,
            rss_kb_per_call=(last.rss_bytes - own.rss_bytes) / 1000 / row.calls,
            parent_share=cost_of(os.getpid(), children=False).share_since(parent),
            late_ms_p50=percentile(lateness, 50),
            late_ms_p99=percentile(lateness, 99),
            late_ms_max=percentile(lateness, 100),
            frames_skipped=sum(each["frames_skipped"] for each in figures),
            loop_lag_ms=max(lags, default=None),
            failures=dict(self.failures),
        )

    @property
    def failures(self) -> Counter[str]:
        """Calls that failed, by error code and message."""
        failed = (record for record in self.records if record["outcome"] == Outcome.FAILED)
        return Counter(f"{record['error_code']}, {record['error_message']}" for record in failed)

    @property
    def media_paths(self) -> Counter[str]:
        """Calls by the path that their media took, once they have ended."""
        return Counter(record["media_path"] for record in self.records)

    async def end(self) -> None:
        """Hang up, wait for the records, and end the engine."""
        for call_id in self._placed:
            self._engine.end(call_id, Outcome.COMPLETED)
        for call_id in self._placed:
            await asyncio.to_thread(self._engine.wait_until_over, call_id, _PATIENCE_S)
        await asyncio.to_thread(self._engine.stop)


@contextlib.asynccontextmanager
async def engine_at_gateway(**options: Any) -> AsyncIterator[tuple[EngineCalls, GatewayProcess]]:
    """An engine on one core and a gateway on the other; at the end the calls have hung up."""
    async with echo_gateway() as gateway:
        engine = EngineCalls(gateway.url, **options)
        with pinned(CALLER_CORE):
            engine.start()
        try:
            yield engine, gateway
        finally:
            await engine.end()
