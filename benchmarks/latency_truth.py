"""How far the tester's latencies are from what the gateway says it did.

    python benchmarks/latency_truth.py --turns 50

Places calls, one after the other, from this process to a gateway in a process of its own, and prints the error
of ``turn_latency_ms`` and ``greeting_ms``: the tester's figure less that of the gateway's events.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from loadkit.call.context import CallContext, make_context
from loadkit.call.destination import Destination
from loadkit.call.session import CallSession
from loadkit.call.spec import CallSpec
from loadkit.gateway.embedded import EmbeddedGateway
from loadkit.media.clock import MediaClock
from loadkit.media.samples import load_sample
from loadkit.records import CallRecord, Outcome, TurnRecord
from loadkit.settings import SAMPLES_DIR, make_settings
from loadkit.transport.dtls import Certificate

_SAMPLES = ("opening_hours.wav", "speak_to_a_person.wav", "book_a_table.wav", "change_my_booking.wav")
_TURNS_PER_CALL = 5
_GATEWAY = [
    "--agent-latency",
    "lognormal(p50=400ms, p95=1200ms)",
    "--agent-seed",
    "1",
    "--greeting-delay",
    "0.4",
]


async def converse(context: CallContext, turns: int) -> tuple[CallRecord, list[TurnRecord]]:
    """One call of so many turns."""
    session = CallSession(CallSpec(time.monotonic(), mode="end-to-end"), context)
    task = asyncio.create_task(session.run())
    await session.wait_connected()
    await session.script.wait_for_agent(20)
    for name in itertools.islice(itertools.cycle(_SAMPLES), turns):
        await session.script.say(load_sample(SAMPLES_DIR / name))
        await session.script.wait_for_reply(20)
    session.hang_up(Outcome.COMPLETED)
    return await task


async def place_calls(url: str, turns: int) -> list[tuple[CallRecord, list[TurnRecord]]]:
    """Calls one after the other, until there were so many turns."""
    settings = make_settings({"auth_token": "token"})
    clock, found = MediaClock(), []
    for name in _SAMPLES:
        load_sample(SAMPLES_DIR / name)
    destination = Destination.of(url, settings)
    context = make_context(settings, destination, certificate=Certificate(), clock=clock)
    while turns > 0:
        found.append(await converse(context, min(turns, _TURNS_PER_CALL)))
        turns -= _TURNS_PER_CALL
    clock.close()
    return found


def truth(path: Path) -> dict[str, tuple[float, list[float]]]:
    """sessionId → what the gateway did: greeting and turn latencies in ms."""
    events: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in path.read_text().splitlines():
        event = json.loads(line)
        events[event["session_id"]].append(event)
    found = {}
    for session_id, told in events.items():
        if session_id is not None:
            first = {event["event"]: event["at"] for event in reversed(told)}
            heard = [event["last_speech_at"] for event in told if event["event"] == "heard_end_of_turn"]
            said = [event["at"] for event in told if event["event"] == "started_speaking"]
            turns = [1000 * (b - a) for a, b in zip(heard, said, strict=True)]
            found[session_id] = (1000 * (first["greeting_started"] - first["connected"]), turns)
    return found


def tell(what: str, errors: list[float]) -> None:
    """One line of figures."""
    shown = ", ".join(f"p{share} {np.percentile(errors, share):+.1f}" for share in (5, 50, 95))
    worst = max(errors, key=abs)
    print(f"{what}: n {len(errors)}, mean {np.mean(errors):+.1f}, {shown}, worst {worst:+.1f} ms")


def main() -> None:
    """Run the calls and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=50)
    turns = parser.parse_args().turns
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.jsonl"
        gateway = EmbeddedGateway([*_GATEWAY, "--events", str(path)])
        try:
            calls = asyncio.run(place_calls(gateway.start(["token"]), turns))
        finally:
            gateway.stop()
        told = truth(path)
    turn_errors, greeting_errors, late = [], [], []
    for record, records in calls:
        assert record.session_id is not None
        greeting_ms, latencies = told[record.session_id]
        assert record.greeting_ms is not None
        greeting_errors.append(record.greeting_ms - greeting_ms)
        for turn, latency in zip(records, latencies, strict=True):
            assert turn.turn_latency_ms is not None
            turn_errors.append(turn.turn_latency_ms - latency)
        late.append(record.late_ms_max or 0.0)
    tell("turn_latency_ms", turn_errors)
    tell("greeting_ms", greeting_errors)
    print(f"worst lateness of a packet of the tester {max(late):.1f} ms; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
