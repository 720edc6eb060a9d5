"""A caller of a measurement, in a process of its own, from outside.

The process writes a line of JSON when its calls are up, and one with its packets for each line on its standard input;
it hangs up and ends at the end of that.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.gateway_process import Packets

_ROOT = Path(__file__).resolve().parents[1]
_UP_S = 90.0
_END_S = 60.0


class CallerFailed(Exception):
    """The caller did not get so far as to be measured."""


class CallerProcess:
    """One caller::

    caller = CallerProcess("benchmarks.aiortc_caller", gateway.url, "--calls", "20")
    await caller.start()
    await caller.up()
    print(caller.pid, await caller.packets())
    await caller.end()
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._module = module
        self._command = [sys.executable, "-m", module, *arguments]

    @property
    def pid(self) -> int:
        """The process; what it starts is counted with it."""
        return self._child.pid

    async def start(self) -> None:
        """Start the process, on the cores that this one has now."""
        self._child = await asyncio.create_subprocess_exec(
            *self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT
        )

    async def up(self) -> int:
        """Wait until the calls are up; returns how many are.

        :raises CallerFailed: the process ended, or took too long.
        """
        return int((await self._line(_UP_S))["up"])

    async def packets(self) -> Packets:
        """Packets of all calls so far.

        :raises CallerFailed: the process has ended.
        """
        assert self._child.stdin is not None
        self._child.stdin.write(b"\n")
        return Packets(**await self._line(30.0))

    async def end(self) -> None:
        """Hang up and end; killed when it takes too long."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        try:
            async with asyncio.timeout(_END_S):
                await self._child.wait()
        except TimeoutError:
            self._child.kill()
            await self._child.wait()

    async def _line(self, seconds: float) -> dict[str, Any]:
        assert self._child.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                line = await self._child.stdout.readline()
        except TimeoutError:
            raise CallerFailed(f"{self._module} said nothing for {seconds:g} s") from None
        if not line:
            code = await self._child.wait()
            raise CallerFailed(f"{self._module} ended with code {code}; see its message above")
        document: dict[str, Any] = json.loads(line)
        return document
