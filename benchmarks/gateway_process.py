"""A gateway in a process of its own that tells what it holds.

    python -m benchmarks.gateway_process [options of the gateway]

One line of JSON with its address, then, for each line on standard input, one with its figures, taken from inside,
since nobody outside can count its asyncio tasks. It ends with standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.cores import GATEWAY_CORE, pinned
from benchmarks.process_cost import cpu_s
from loadkit.gateway.app import Gateway
from loadkit.gateway.settings import GatewaySettings
from loadkit.transport.peer import Peer

_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Figures:
    """What a gateway holds at one moment."""

    sessions: int
    """``activeSessions`` of ``GET /health``."""
    tasks: int
    """asyncio tasks, the one that counts left out."""
    peers: int
    """ICE and DTLS associations that are still in memory."""
    sockets: int
    """TCP and UDP, the listening one included."""
    descriptors: int
    """Open file descriptors."""
    memory: int
    """Resident set size in bytes, after a full garbage collection."""
    objects: int
    """Objects that Python's garbage collector knows."""
    cpu_s: float
    """CPU time since the start, user and system."""


@dataclass(frozen=True)
class Packets:
    """RTP packets since the start, of the sessions that are there."""

    received: int
    sent: int


def count_packets(gateway: Gateway) -> Packets:
    """The packets so far; cheap, so that it may be asked while calls are up."""
    # No other way in: what a gateway counts goes into its RTCP reports and no further.
    medias = [session._media for session in gateway._sessions.values() if session._media is not None]
    return Packets(
        received=sum(media.meter.packets_received for media in medias),
        sent=sum(media._source.packets_sent for media in medias),
    )


def measure(gateway: Gateway) -> Figures:
    """The figures now."""
    gc.collect()
    process = psutil.Process()
    objects = gc.get_objects()
    return Figures(
        sessions=gateway.active_sessions,
        tasks=len(asyncio.all_tasks()) - 1,
        peers=sum(isinstance(thing, Peer) for thing in objects),
        sockets=len(process.net_connections(kind="inet")),
        descriptors=process.num_fds(),
        memory=process.memory_info().rss,
        objects=len(objects),
        cpu_s=cpu_s(process),
    )


class GatewayProcess:
    """The child process, from outside::

    async with GatewayProcess("--reconnect-grace", "1s") as gateway:
        print(gateway.url, await gateway.figures())
    """

    def __init__(self, *options: str) -> None:
        self._options = options
        #: Where it listens.
        self.url = ""
        self.pid = 0

    async def __aenter__(self) -> GatewayProcess:
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks.gateway_process",
            *self._options,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
        )
        ready = await self._line()
        self.url, self.pid = ready["url"], ready["pid"]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        await self._child.wait()

    async def figures(self) -> Figures:
        """Ask for its figures."""
        assert self._child.stdin is not None
        self._child.stdin.write(b"\n")
        return Figures(**await self._line())

    async def packets(self) -> Packets:
        """Ask how many packets it has had and sent."""
        assert self._child.stdin is not None
        self._child.stdin.write(b"packets\n")
        return Packets(**await self._line())

    async def _line(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        async with asyncio.timeout(60):
            line = await self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"the gateway's process ended with code {await self._child.wait()}")
        document: dict[str, Any] = json.loads(line)
        return document


@contextlib.asynccontextmanager
async def echo_gateway() -> AsyncIterator[GatewayProcess]:
    """A gateway on its own core that holds as many calls as come, and keeps those that say nothing for a while."""
    with pinned(GATEWAY_CORE):
        gateway = await GatewayProcess("--max-sessions", "5000", "--media-timeout", "120s").__aenter__()
    try:
        yield gateway
    finally:
        await gateway.__aexit__()


async def _serve(settings: GatewaySettings) -> None:
    gateway = Gateway(settings)
    await gateway.start()
    stdin = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    print(json.dumps({"url": gateway.url, "pid": psutil.Process().pid}), flush=True)
    while question := await stdin.readline():
        told = count_packets(gateway) if question.strip() == b"packets" else measure(gateway)
        print(json.dumps(asdict(told)), flush=True)
    await gateway.close()


def _main() -> None:
    parser = argparse.ArgumentParser(description="A gateway that tells what it holds.")
    GatewaySettings.add_arguments(parser)
    settings = GatewaySettings.from_arguments(parser.parse_args(), environment={})
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    import uvloop  # as the gateway's own command does

    uvloop.run(_serve(settings))


if __name__ == "__main__":
    _main()
