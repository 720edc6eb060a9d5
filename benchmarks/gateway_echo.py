"""What an echo call costs the gateway: one gateway process holds many at once.

    python -m benchmarks.gateway_echo [--calls 200] [--seconds 30] [--per-second 10]

Prints CPU per call-second of the gateway's process while all calls are up, CPU per call that is set up, and the
packets that were lost on the way there and back. The callers are loadkit's own, all in this process; when it could
not keep pace, the last line says so, and the figures are of a gateway that was asked for less.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from dataclasses import dataclass
from typing import Any

import psutil
import uvloop

from benchmarks.gateway_process import GatewayProcess
from benchmarks.process_cost import cpu_s
from loadkit.call.context import CallContext, make_context
from loadkit.call.destination import Destination
from loadkit.call.session import CallSession
from loadkit.call.spec import CallSpec
from loadkit.media.clock import MediaClock
from loadkit.media.samples import EncodedSample, load_sample
from loadkit.records import CallRecord, Outcome
from loadkit.settings import SAMPLES_DIR, make_settings
from loadkit.transport.dtls import Certificate


@dataclass(frozen=True)
class Measured:
    """The figures of one measurement."""

    records: list[CallRecord]
    calls_up: int
    """Calls that were connected while the CPU was measured."""
    seconds: float
    """How long it was measured."""
    hold_cpu_s: float
    """CPU of the gateway in that time."""
    setup_cpu_s: float
    """CPU of the gateway until all calls were up, media of the first ones included."""


class _Call:
    """One call that talks until it is told to hang up."""

    def __init__(self, context: CallContext, sample: EncodedSample) -> None:
        spec = CallSpec(intended=time.monotonic(), mode="echo", call_sid="benchmark", listen=False)
        self.session = CallSession(spec, context)
        self.task = asyncio.create_task(self.session.run())
        self._talking = asyncio.create_task(self._talk(sample))

    async def _talk(self, sample: EncodedSample) -> None:
        await self.session.wait_connected()
        await self.session.script.talk(sample, 86_400)

    async def connected(self) -> bool:
        first: set[asyncio.Future[Any]] = {self.session.connected, self.task}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        return not self.task.done()

    async def end(self) -> CallRecord:
        self.session.hang_up(Outcome.COMPLETED)
        record, _ = await self.task
        await asyncio.wait({self._talking})
        self._talking.exception()
        return record


async def measure(calls: int, seconds: float, per_second: float) -> Measured:
    """Hold the calls and measure."""
    sample = load_sample(sorted(SAMPLES_DIR.glob("*.wav"))[0])
    settings = make_settings({"auth_token": "token"})
    clock = MediaClock()
    async with GatewayProcess("--max-sessions", str(calls)) as gateway:
        destination = Destination.of(gateway.url, settings)
        context = make_context(settings, destination, certificate=Certificate(), clock=clock)
        process = psutil.Process(gateway.pid)
        idle = cpu_s(process)
        placed: list[_Call] = []
        for _ in range(calls):
            placed.append(_Call(context, sample))
            await asyncio.sleep(1 / per_second)
        up = sum([await call.connected() for call in placed])
        before, started = cpu_s(process), time.monotonic()
        await asyncio.sleep(seconds)
        after, ended = cpu_s(process), time.monotonic()
        records = list(await asyncio.gather(*(call.end() for call in placed)))
    clock.close()
    return Measured(records, up, ended - started, after - before, before - idle)


def report(measured: Measured) -> str:
    """The figures, for people."""
    records, up = measured.records, measured.calls_up
    sent = sum(record.packets_sent or 0 for record in records)
    lost = sum(record.packets_lost or 0 for record in records)
    failed = [record.error_code for record in records if record.outcome is not Outcome.COMPLETED]
    round_trips = sorted(r.round_trip_time for r in records if r.round_trip_time is not None)
    lines = [
        f"{up} echo calls up for {measured.seconds:.1f} s, {len(failed)} of {len(records)} failed {failed[:5] or ''}",
        f"gateway, holding: {measured.hold_cpu_s:.1f} s CPU,"
        f" {1000 * measured.hold_cpu_s / max(up * measured.seconds, 1):.2f} ms per call-second,"
        f" {100 * measured.hold_cpu_s / measured.seconds:.0f} % of a core",
        f"gateway, setting up: {1000 * measured.setup_cpu_s / len(records):.1f} ms CPU a call,"
        " media of the calls that were up included",
        f"packets: {sent:,} sent, {lost:,} lost",
    ]
    if round_trips:
        lines.append(f"round trip by RTCP: {1000 * round_trips[len(round_trips) // 2]:.1f} ms in the median")
    late = max((record.late_ms_max or 0.0 for record in records), default=0.0)
    skipped = sum(record.frames_skipped or 0 for record in records)
    load = os.getloadavg()[0]
    lines.append(
        f"callers: at most {late:.0f} ms late, {skipped:,} packets not sent; load of the machine {load:.1f}"
        f" on {os.cpu_count()} cores"
    )
    return "\n".join(lines)


def _main() -> int:
    parser = argparse.ArgumentParser(description="What an echo call costs the gateway.")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--per-second", type=float, default=10.0)
    args = parser.parse_args()
    measured = uvloop.run(measure(args.calls, args.seconds, args.per_second))
    print(report(measured))
    return 0 if measured.calls_up == args.calls else 1


if __name__ == "__main__":
    sys.exit(_main())
