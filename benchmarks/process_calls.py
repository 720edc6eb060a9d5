"""Measures a caller that is a process of its own, against a gateway of its own."""

from __future__ import annotations

import asyncio

from benchmarks.caller_process import CallerFailed, CallerProcess
from benchmarks.cores import CALLER_CORE, pinned
from benchmarks.gateway_process import echo_gateway
from benchmarks.rows import Row
from benchmarks.window import measure

_SETTLE_S = 1.0


async def measure_process(name: str, module: str, calls: int, seconds: float, *arguments: str) -> Row:
    """Hold the calls and measure.

    :param module: takes the gateway's address, ``--calls`` and these arguments.
    :raises CallerFailed: its calls did not come up.
    """
    async with echo_gateway() as gateway:
        caller = CallerProcess(module, gateway.url, "--calls", str(calls), *arguments)
        with pinned(CALLER_CORE):
            await caller.start()
        try:
            up = await caller.up()
            if up != calls:
                raise CallerFailed(f"{name}: {up} of {calls} calls came up")
            await asyncio.sleep(_SETTLE_S)
            return await measure(name, calls, caller, gateway, seconds)
        finally:
            await caller.end()
