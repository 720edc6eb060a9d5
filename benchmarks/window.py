"""A window of time at one gateway and one caller: CPU of both, and packets at both ends."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Protocol

from benchmarks.gateway_process import GatewayProcess, Packets
from benchmarks.process_cost import Cost, cost_of, machine_busy_s
from benchmarks.rows import PACKETS_PER_SECOND, Row


class Caller(Protocol):
    """Whose calls are up."""

    @property
    def pid(self) -> int:
        """The process; what it has started counts with it."""
        ...

    async def packets(self) -> Packets:
        """Packets of all calls so far."""
        ...


@dataclass(frozen=True)
class _Moment:
    caller: Cost
    gateway: Cost
    packets: Packets
    at_gateway: Packets
    own: Cost
    machine_s: float


async def _now(caller: Caller, gateway: GatewayProcess) -> _Moment:
    packets, at_gateway = await caller.packets(), await gateway.packets()
    return _Moment(
        caller=cost_of(caller.pid),
        gateway=cost_of(gateway.pid),
        packets=packets,
        at_gateway=at_gateway,
        own=cost_of(os.getpid(), children=False),
        machine_s=machine_busy_s(),
    )


async def measure(name: str, calls: int, caller: Caller, gateway: GatewayProcess, seconds: float) -> Row:
    """Watch both for so long."""
    first = await _now(caller, gateway)
    await asyncio.sleep(seconds)
    last = await _now(caller, gateway)
    passed = last.caller.at - first.caller.at
    shares = [getattr(last, who).share_since(getattr(first, who)) for who in ("caller", "gateway", "own")]
    return Row(
        name=name,
        calls=calls,
        seconds=passed,
        cpu_share=shares[0],
        gateway_share=shares[1],
        others_share=max(0.0, (last.machine_s - first.machine_s) / passed - sum(shares)),
        due=round(calls * PACKETS_PER_SECOND * passed),
        sent=last.packets.sent - first.packets.sent,
        received=last.packets.received - first.packets.received,
        at_gateway=last.at_gateway.received - first.at_gateway.received,
        echoed=last.at_gateway.sent - first.at_gateway.sent,
        threads=last.caller.threads,
    )
