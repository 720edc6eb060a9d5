"""CPU, memory and punctuality of an engine that holds calls, against one echo gateway.

    python -m benchmarks.media_cost [--calls 200] [--seconds 10] [--media-path python]

The gateway's process has one core, the engine's the other. CPU is that of the whole process over a window in which
all calls are up and talk; packets are counted at both ends, and a measurement in which more than 1 % of them are
missing is none: the table says so, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from benchmarks.cores import CALLER_CORE, GATEWAY_CORE, pinned
from benchmarks.engine_calls import EngineCalls
from benchmarks.gateway_process import GatewayProcess
from benchmarks.process_cost import Cost, cost_of
from loadkit.lateness import percentile

_PACKETS_PER_SECOND = 50
#: Share of packets that may be missing: those on their way at the edges of the window.
TOLERANCE = 0.01
#: Time for what setting up has left over.
_SETTLE_S = 2.0


@dataclass(frozen=True)
class MediaCost:
    """One measurement."""

    calls: int
    seconds: float
    cpu_share: float
    """Of the engine's process; 1.0 is a core."""
    parent_share: float
    """Of the process at the other end of its pipe."""
    gateway_share: float
    rss_kb_per_call: float
    threads: int
    threads_per_call: float
    late_p50_ms: float | None
    late_p99_ms: float | None
    late_max_ms: float | None
    frames_skipped: int
    expected: int
    """Packets that the calls have to send in the window."""
    at_gateway: int
    """Packets that the gateway had in it."""
    echoed: int
    """Packets that it sent back in it."""
    sent: int
    """By all calls from start to end, as their records say."""
    received: int
    failures: dict[str, int]
    paths: dict[str, int]
    """Calls by the path that their media took."""

    @property
    def ms_per_call_second(self) -> float:
        """Milliseconds of CPU that a call costs in a second."""
        return 1000 * self.cpu_share / self.calls

    @property
    def calls_per_core(self) -> float:
        """An extrapolation: calls over CPU share."""
        return self.calls / self.cpu_share

    @property
    def faults(self) -> list[str]:
        """Why the figures mean nothing; empty when they do."""
        found = []
        if self.failures:
            found.append(f"calls failed: {self.failures}")
        if abs(self.at_gateway - self.expected) > TOLERANCE * self.expected:
            found.append(f"{self.expected:,} packets were due and {self.at_gateway:,} reached the gateway")
        if abs(self.echoed - self.at_gateway) > TOLERANCE * self.at_gateway:
            found.append(f"the gateway had {self.at_gateway:,} packets and echoed {self.echoed:,}")
        if abs(self.received - self.sent) > TOLERANCE * self.sent:
            found.append(f"the calls sent {self.sent:,} packets and {self.received:,} came back")
        return found


async def measure(calls: int, seconds: float, per_second: float, **options: Any) -> MediaCost:
    """Hold the calls and measure.

    :param options: settings of the run by name.
    """
    with pinned(GATEWAY_CORE):
        gateway = await GatewayProcess("--max-sessions", str(calls + 10)).__aenter__()
    try:
        engine = EngineCalls(gateway.url, **options)
        with pinned(CALLER_CORE):
            await engine.start()
        idle = cost_of(engine.pid)
        await engine.place(calls, per_second)
        await asyncio.sleep(_SETTLE_S)
        window = await _window(engine, gateway, seconds)
        records = await engine.end()
    finally:
        await gateway.__aexit__()
    return _evaluate(calls, idle, window, engine, records)


@dataclass(frozen=True)
class _Window:
    engine: tuple[Cost, Cost]
    parent: tuple[Cost, Cost]
    gateway: tuple[Cost, Cost]
    at_gateway: int
    echoed: int
    seconds: float
    unix: tuple[float, float]
    up: int


async def _window(engine: EngineCalls, gateway: GatewayProcess, seconds: float) -> _Window:
    pids = (engine.pid, engine.parent_pid, gateway.pid)
    packets, started, unix = await gateway.packets(), time.monotonic(), time.time()
    before = [cost_of(pid) for pid in pids[:1]]
    before += [_alone(engine.parent_pid), cost_of(gateway.pid)]
    await asyncio.sleep(seconds)
    after = [cost_of(engine.pid), _alone(engine.parent_pid), cost_of(gateway.pid)]
    later, ended = await gateway.packets(), time.monotonic()
    return _Window(
        engine=(before[0], after[0]),
        parent=(before[1], after[1]),
        gateway=(before[2], after[2]),
        at_gateway=later.received - packets.received,
        echoed=later.sent - packets.sent,
        seconds=ended - started,
        unix=(unix, time.time()),
        up=engine.up,
    )


def _alone(pid: int) -> Cost:
    """A process without its children."""
    return cost_of(pid, children=False)


def _evaluate(
    calls: int, idle: Cost, window: _Window, engine: EngineCalls, records: list[dict[str, Any]]
) -> MediaCost:
    lateness = engine.lateness(*window.unix)
    own, last = window.engine
    return MediaCost(
        calls=calls,
        seconds=round(window.seconds, 3),
        cpu_share=last.share_since(own),
        parent_share=window.parent[1].share_since(window.parent[0]),
        gateway_share=window.gateway[1].share_since(window.gateway[0]),
        rss_kb_per_call=(last.rss_bytes - idle.rss_bytes) / 1000 / calls,
        threads=last.threads,
        threads_per_call=(last.threads - idle.threads) / calls,
        late_p50_ms=percentile(lateness, 50),
        late_p99_ms=percentile(lateness, 99),
        late_max_ms=percentile(lateness, 100),
        frames_skipped=sum(record["frames_skipped"] or 0 for record in records),
        expected=round(calls * _PACKETS_PER_SECOND * window.seconds),
        at_gateway=window.at_gateway,
        echoed=window.echoed,
        sent=sum(record["packets_sent"] or 0 for record in records),
        received=sum(record["packets_received"] or 0 for record in records),
        failures=dict(engine.failures),
        paths=dict(Counter(record.get("media_path") or "as built" for record in records)),
    )


def report(cost: MediaCost) -> str:
    """The figures, for people."""
    late = ", ".join(
        f"{name} {'-' if value is None else f'{value:g}'}"
        for name, value in (("p50", cost.late_p50_ms), ("p99", cost.late_p99_ms), ("max", cost.late_max_ms))
    )
    lines = [
        f"{cost.calls} calls for {cost.seconds:.1f} s, media path {cost.paths}",
        f"engine: {cost.ms_per_call_second:.3f} ms CPU per call-second, {100 * cost.cpu_share:.1f} % of a core,"
        f" {cost.calls_per_core:.0f} calls per core by extrapolation",
        f"        {cost.rss_kb_per_call:.0f} kB and {cost.threads_per_call:.2f} threads per call,"
        f" {cost.threads} threads",
        f"        late by {late} ms, {cost.frames_skipped} packets never sent",
        f"parent: {100 * cost.parent_share:.1f} % of a core; gateway: {100 * cost.gateway_share:.1f} %",
        f"packets in the window: {cost.expected:,} due, {cost.at_gateway:,} at the gateway, {cost.echoed:,} echoed;"
        f" in the whole calls {cost.sent:,} sent, {cost.received:,} back",
    ]
    return "\n".join(lines + [f"INVALID: {fault}" for fault in cost.faults])


def _main() -> int:
    parser = argparse.ArgumentParser(description="What an engine's calls cost while they talk.")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--per-second", type=float, default=20.0)
    parser.add_argument("--media-path", help="auto, native, python or stock; not set when not given")
    args = parser.parse_args()
    options = {"media_path": args.media_path} if args.media_path else {}
    cost = asyncio.run(measure(args.calls, args.seconds, args.per_second, **options))
    print(report(cost))
    return 1 if cost.faults else 0


if __name__ == "__main__":
    sys.exit(_main())
