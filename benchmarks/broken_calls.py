"""What a gateway still holds after a thousand calls of which a third broke off, in every place where one can.

    python -m benchmarks.broken_calls [--calls 1000] [--warm-up 300] [--at-once 20]

Prints the gateway's figures before and after, and exits with 1 when they are not back where they were. Memory is
compared after the warm-up: what a process takes once, it keeps.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmarks.gateway_process import Figures, GatewayProcess
from benchmarks.light_caller import LightCaller
from benchmarks.ways import BROKEN, GOOD, Way, agent, echo
from loadkit.transport.dtls import Certificate

#: Short times, so that sessions whose caller has vanished end while we wait.
GATEWAY_OPTIONS = (
    *("--reconnect-grace", "1s"),
    *("--connect-timeout", "10s"),
    *("--media-timeout", "10s"),
    *("--offer-timeout", "10s"),
)
_SETTLE_S = 60.0


@dataclass
class Outcome:
    """Figures around so many calls."""

    idle: Figures
    """Before the first call."""
    before: Figures
    """After the warm-up."""
    after: Figures
    placed: Counter[str]
    """Calls by how they went."""
    failures: list[str] = field(default_factory=list)
    """Calls that did not go as they were meant to."""
    seconds: float = 0.0

    @property
    def growth(self) -> int:
        """Bytes of memory that the calls after the warm-up have added."""
        return self.after.memory - self.before.memory

    @property
    def back(self) -> bool:
        """Whether nothing is held that was not held before the first call; memory aside."""
        return _held(self.after) <= _held(self.idle)


def _held(figures: Figures) -> Counter[str]:
    names = ("sessions", "tasks", "peers", "sockets", "descriptors")
    return Counter({name: getattr(figures, name) for name in names})


def _plan() -> Iterator[Way]:
    """Two calls that end well, one that does not, and so on."""
    good, broken = itertools.cycle(GOOD), itertools.cycle(BROKEN)
    while True:
        yield next(good)
        yield next(good)
        yield next(broken)


class _Placing:
    """Places calls, some of them at the same time."""

    def __init__(self, url: str, at_once: int) -> None:
        self.placed: Counter[str] = Counter()
        self.failures: list[str] = []
        self._url = url
        self._at_once = at_once
        self._certificate = Certificate()
        self._plan = _plan()

    async def place(self, calls: int) -> None:
        room = asyncio.Semaphore(self._at_once)
        async with asyncio.TaskGroup() as group:
            for way in itertools.islice(self._plan, calls):
                await room.acquire()
                group.create_task(self._call(way)).add_done_callback(lambda _: room.release())

    async def _call(self, way: Way) -> None:
        name = getattr(way, "__name__", "?")
        call = LightCaller(self._url, self._certificate)
        self.placed[name] += 1
        try:
            await way(call)
        except Exception as exc:  # noqa: BLE001 - told at the end
            self.failures.append(f"{name}: {exc!r}")
        finally:
            await call.vanish()


async def _settle(gateway: GatewayProcess, idle: Figures) -> Figures:
    """The figures when everything is back, or when it has had time enough."""
    deadline = time.monotonic() + _SETTLE_S
    while True:
        figures = await gateway.figures()
        if _held(figures) <= _held(idle) or time.monotonic() > deadline:
            return figures
        await asyncio.sleep(0.2)


async def run(calls: int = 1000, warm_up: int = 300, at_once: int = 20) -> Outcome:
    """Place the calls and measure."""
    async with GatewayProcess(*GATEWAY_OPTIONS) as gateway:
        idle = await gateway.figures()
        placing = _Placing(gateway.url, at_once)
        await placing.place(warm_up)
        before = await _settle(gateway, idle)
        placing.placed.clear()
        started = time.monotonic()
        await placing.place(calls)
        seconds = time.monotonic() - started
        after = await _settle(gateway, idle)
    return Outcome(idle, before, after, placing.placed, placing.failures, seconds)


def table(outcome: Outcome) -> str:
    """The figures, as a table for people."""
    rows = [f"{'':14}{'idle':>12}{'warmed up':>12}{'after':>12}"]
    for name in ("sessions", "tasks", "peers", "sockets", "descriptors", "objects"):
        figures = (outcome.idle, outcome.before, outcome.after)
        rows.append(f"{name:14}" + "".join(f"{getattr(each, name):>12,}" for each in figures))
    sizes = [each.memory / 2**20 for each in (outcome.idle, outcome.before, outcome.after)]
    rows.append(f"{'memory, MiB':14}" + "".join(f"{size:>12.1f}" for size in sizes))
    good = sum(outcome.placed[way.__name__] for way in (echo, agent))
    total = outcome.placed.total()
    rows.append(
        f"{total} calls in {outcome.seconds:.0f} s after the warm-up, {good} ended well, {total - good} broke off"
        f" in {len(BROKEN)} ways"
    )
    return "\n".join(rows + [f"not as meant: {failure}" for failure in outcome.failures[:20]])


def _main() -> int:
    parser = argparse.ArgumentParser(description="What a gateway holds after calls that broke off.")
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--warm-up", type=int, default=300)
    parser.add_argument("--at-once", type=int, default=20)
    args = parser.parse_args()
    outcome = asyncio.run(run(args.calls, args.warm_up, args.at_once))
    print(table(outcome))
    return 0 if outcome.back and not outcome.failures else 1


if __name__ == "__main__":
    sys.exit(_main())
