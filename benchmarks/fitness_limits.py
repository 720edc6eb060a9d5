"""From what lateness, loop lag or CPU on the tester's latencies are its own.

    python benchmarks/fitness_limits.py

Talks with a gateway in a process of its own while the loop that holds the calls is stopped on purpose, for so many
milliseconds out of so many, as too many calls would stop it. Prints, for each such load, what the figures of an
engine say of it, and how far the turn latencies are from what the gateway says it did.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.latency_truth import truth
from loadkit import lateness
from loadkit.call.context import make_context
from loadkit.call.destination import Destination
from loadkit.call.session import CallSession
from loadkit.call.spec import CallSpec
from loadkit.engine.figures import FigureTaker, take_figures
from loadkit.gateway.embedded import EmbeddedGateway
from loadkit.media.clock import MediaClock
from loadkit.media.samples import load_sample
from loadkit.records import CallRecord, Outcome, TurnRecord
from loadkit.settings import SAMPLES_DIR, make_settings
from loadkit.transport.dtls import Certificate

#: (milliseconds for which the loop is stopped, out of so many)
LOADS = ((0, 1), (3, 20), (8, 20), (18, 20), (10, 100), (20, 100), (50, 100), (100, 1000))

_SAMPLES = ("opening_hours.wav",)

Found = list[tuple[CallRecord, list[TurnRecord]]]


async def _stop_the_loop(stop_ms: float, period_ms: float) -> None:
    while stop_ms:
        await asyncio.sleep((period_ms - stop_ms) / 1000)
        end = time.monotonic() + stop_ms / 1000
        while time.monotonic() < end:
            pass


async def _talk(session: CallSession) -> None:
    for name in _SAMPLES:
        await session.script.say(load_sample(SAMPLES_DIR / name))
        await session.script.wait_for_reply(20)
    session.hang_up(Outcome.COMPLETED)


async def under(load: tuple[float, float], url: str, calls: int) -> tuple[Found, list[dict[str, Any]]]:
    """Calls of a turn each under a load, and the figures of each second."""
    settings = make_settings({"auth_token": "token"})
    clock, rows = MediaClock(), []
    for name in _SAMPLES:
        load_sample(SAMPLES_DIR / name)
    taker = FigureTaker(clock)
    context = make_context(settings, Destination.of(url, settings), certificate=Certificate(), clock=clock)
    sessions = [CallSession(CallSpec(time.monotonic(), mode="end-to-end"), context) for _ in range(calls)]
    ends = [asyncio.create_task(session.run()) for session in sessions]
    for session in sessions:
        await session.wait_connected()
        await session.script.wait_for_agent(20)
    # Setting up many calls at once is a load of its own.
    clock.take_lateness()

    def take() -> None:
        rows.append(taker.take(calls, (0, 0), time.monotonic(), time.time()))

    beside = [asyncio.create_task(take_figures(taker, take)), asyncio.create_task(_stop_the_loop(*load))]
    await asyncio.gather(*(_talk(session) for session in sessions))
    found = await asyncio.gather(*ends)
    for task in beside:
        task.cancel()
    clock.close()
    return list(found), rows


def line(load: tuple[float, float], rows: list[dict[str, Any]], errors: list[float]) -> str:
    """What was seen under one load."""
    late = lateness.added_up({int(b): n for b, n in row["late_histogram"].items()} for row in rows)
    lags = [row["loop_lag_ms"] for row in rows]
    cpu = [row["cpu_share"] for row in rows]
    off = np.abs(errors)
    figures = (
        f"{load[0]:g} of {load[1]:g}",
        f"{lateness.percentile_shown(late, 99):g}",
        f"{np.percentile(lags, 90):.0f}",
        f"{np.percentile(cpu, 90) * 100:.0f} %",
        str(len(errors)),
        *(f"{np.percentile(off, share):.1f}" for share in (50, 95)),
        f"{off.max():.1f}",
    )
    return "| " + " | ".join(figures) + " |"


def main() -> None:
    """Place the calls under each load and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=14, help="calls at once under each load")
    parser.add_argument("--part", default="1/1", help="every n-th load, from the m-th on: 1/2, then 2/2")
    options = parser.parse_args()
    calls, (first, step) = options.calls, map(int, options.part.split("/"))
    heads = (
        "loop stopped, ms",
        "late p99, ms",
        "lag p90, ms",
        "CPU p90",
        "turns",
        "off p50, ms",
        "p95",
        "most",
    )
    print("| " + " | ".join(heads) + " |\n" + "| --- " * len(heads) + "|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        gateway = EmbeddedGateway(
            ["--agent-latency", "300ms", "--greeting-delay", "0.1", "--events", str(path)]
        )
        try:
            url = gateway.start(["token"])
            for load in LOADS[first - 1 :: step]:
                found, rows = asyncio.run(under(load, url, calls))
                told = truth(path)
                errors = [
                    turn.turn_latency_ms - latency
                    for record, turns in found
                    for turn, latency in zip(turns, told[str(record.session_id)][1], strict=True)
                    if turn.turn_latency_ms is not None
                ]
                print(line(load, rows, errors), flush=True)
        finally:
            gateway.stop()
    print(f"load of the machine {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
