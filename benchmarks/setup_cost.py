"""What setting a call up and tearing it down costs, and what a held call keeps.

    python -m benchmarks.setup_cost [--calls 300] [--at-once 8] [--held 200] [--seconds 5] [--json]

One engine process places calls to one gateway process, both over the pipe and the sockets that a run uses. First
``--held`` calls that talk, for what a call keeps. Then short calls: connect, a packet or two, hang up, so many at once.
All figures are CPU time and memory of whole processes, from outside; the media of the short calls is subtracted at the
rate that the held calls show.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil

from benchmarks.process_cost import cpu_s
from loadkit.call.destination import Destination
from loadkit.call.spec import CallSpec
from loadkit.engine.client import EngineClient
from loadkit.gateway.embedded import EmbeddedGateway
from loadkit.records import Outcome
from loadkit.settings import SAMPLES_DIR, make_settings

_TOKEN = "benchmark"
_PATIENCE_S = 60.0
_SAMPLE = str(SAMPLES_DIR / "opening_hours.wav")
#: Short calls before anything is measured: code paths, allocators and the gateway's contexts are warm after them.
_WARM_UP = 30
#: How long a process that does nothing is watched, for what it costs all the same.
_IDLE_S = 2.0
#: What calls that were all placed at once still do after the last is connected is over by then.
_SETTLE_S = 2.0


@dataclass(frozen=True)
class _Cost:
    """CPU time of both processes in a stretch of time."""

    engine_s: float
    gateway_s: float
    seconds: float


@dataclass
class _Bench:
    engine: EngineClient
    engine_process: psutil.Process
    gateway_process: psutil.Process
    records: list[dict[str, Any]] = field(default_factory=list)

    def short_call(self) -> None:
        """Connect, hang up, and wait until it is over."""
        spec = self.place()
        self.engine.command(spec.call_id, "wait_connected", _PATIENCE_S)
        self.hang_up(spec)

    def place(self) -> CallSpec:
        spec = CallSpec(intended=time.monotonic(), mode="echo", call_sid="benchmark", listen=False)
        self.engine.place(spec)
        return spec

    def talk(self, spec: CallSpec) -> None:
        """Let a call connect and talk until it is hung up."""
        self.engine.command(spec.call_id, "wait_connected", _PATIENCE_S)
        # Nobody waits for what it has to say to be said.
        self.engine.command(spec.call_id, "talk", 0.0, sample=_SAMPLE, seconds=86_400)

    def hang_up(self, spec: CallSpec) -> None:
        self.engine.end(spec.call_id, Outcome.COMPLETED)
        self.engine.wait_until_over(spec.call_id, _PATIENCE_S)

    def cost_of(self, step: Callable[[], object]) -> _Cost:
        engine, gateway, began = cpu_s(self.engine_process), cpu_s(self.gateway_process), time.monotonic()
        step()
        return _Cost(
            cpu_s(self.engine_process) - engine,
            cpu_s(self.gateway_process) - gateway,
            time.monotonic() - began,
        )


@contextmanager
def _bench(sessions: int) -> Iterator[_Bench]:
    records: list[dict[str, Any]] = []
    gateway = EmbeddedGateway(["--max-sessions", str(sessions + 50)])
    engine = EngineClient(
        "benchmark",
        on_record=lambda row: records.append(row["call"]),
        on_figures=lambda row: None,
        on_lost=lambda engine: print("the engine died", file=sys.stderr),
    )
    try:
        url = gateway.start([_TOKEN])
        settings = make_settings({"auth_token": _TOKEN})
        engine.start(
            {
                "settings": {"auth_token": _TOKEN},
                "destination": Destination.of(url, settings).to_message(),
                "samples": [_SAMPLE],
            }
        )
        yield _Bench(engine, psutil.Process(engine.pid), psutil.Process(gateway.pid), records)
    finally:
        engine.stop()
        gateway.stop()


def _short_calls(bench: _Bench, calls: int, at_once: int) -> None:
    with ThreadPoolExecutor(at_once) as pool:
        for done in [pool.submit(bench.short_call) for _ in range(calls)]:
            done.result()


def _hold(bench: _Bench, calls: int, at_once: int, seconds: float) -> dict[str, float | int]:
    """Memory, threads, sockets and CPU of calls that are held and talk."""
    process = bench.engine_process
    rss, threads, files = process.memory_info().rss, process.num_threads(), process.num_fds()
    gateway_rss = bench.gateway_process.memory_info().rss
    specs: list[CallSpec] = []
    room = threading.Semaphore(at_once)

    def connect() -> None:
        with room:
            spec = bench.place()
            bench.talk(spec)
            specs.append(spec)

    with ThreadPoolExecutor(at_once) as pool:
        for done in [pool.submit(connect) for _ in range(calls)]:
            done.result()
    time.sleep(_SETTLE_S)
    cost = bench.cost_of(lambda: time.sleep(seconds))
    held = {
        "held_calls": len(specs),
        "rss_kb_per_call": round((process.memory_info().rss - rss) / 1000 / len(specs), 1),
        "gateway_rss_kb_per_call": round(
            (bench.gateway_process.memory_info().rss - gateway_rss) / 1000 / len(specs), 1
        ),
        "threads_at_0_calls": threads,
        "threads_at_held_calls": process.num_threads(),
        "files_per_call": round((process.num_fds() - files) / len(specs), 2),
        "engine_hold_ms": round(1000 * cost.engine_s / (len(specs) * cost.seconds), 4),
        "gateway_hold_ms": round(1000 * cost.gateway_s / (len(specs) * cost.seconds), 4),
    }
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(bench.hang_up, specs))
    return held


def measure(calls: int = 300, at_once: int = 8, held: int = 200, seconds: float = 5.0) -> dict[str, Any]:
    """Set up and tear down ``calls`` short calls, then hold ``held`` calls for ``seconds``.

    Keys: ``setup_cpu_ms`` (engine process, per call set up and torn down), ``gateway_setup_cpu_ms`` (gateway
    process), ``setups_per_core_second`` (of an engine), ``setup_ms_p50`` and ``setup_ms_p95`` (as a caller has it, of
    calls set up ``at_once``), ``rss_kb_per_call`` (1 kB is 1000 bytes), ``threads_at_0_calls``,
    ``threads_at_held_calls``, ``failed`` (calls that did not end well), and what they are made of.
    """
    with _bench(held) as bench:
        _short_calls(bench, _WARM_UP, at_once)
        idle = bench.cost_of(lambda: time.sleep(_IDLE_S))
        memory = _hold(bench, held, at_once, seconds) if held else {}
        bench.records.clear()
        short = bench.cost_of(lambda: _short_calls(bench, calls, at_once))
        records = list(bench.records)
    connected_s = sum(record["connected_ms"] or 0.0 for record in records) / 1000
    engine = short.engine_s - idle.engine_s / idle.seconds * short.seconds
    gateway = short.gateway_s - idle.gateway_s / idle.seconds * short.seconds
    engine -= connected_s * memory.get("engine_hold_ms", 0.0) / 1000
    gateway -= connected_s * memory.get("gateway_hold_ms", 0.0) / 1000
    setup = sorted(record["setup_ms"] for record in records if record["setup_ms"] is not None)
    ticks = statistics.quantiles(setup, n=20) if len(setup) > 1 else [float("nan")] * 19
    return {
        "calls": len(records),
        "at_once": at_once,
        "failed": sum(record["outcome"] != Outcome.COMPLETED for record in records),
        "setup_cpu_ms": round(1000 * engine / calls, 3),
        "gateway_setup_cpu_ms": round(1000 * gateway / calls, 3),
        "setups_per_core_second": round(calls / engine, 1),
        "setup_ms_p50": round(ticks[9], 1),
        "setup_ms_p95": round(ticks[18], 1),
        "connected_ms_mean": round(1000 * connected_s / max(1, len(records)), 1),
        "seconds": round(short.seconds, 2),
        **memory,
    }


def report(figures: dict[str, Any]) -> str:
    """The figures, for people."""
    lines = [
        f"{figures['calls']} calls set up and torn down, {figures['at_once']} at once, {figures['failed']} failed",
        f"engine:  {figures['setup_cpu_ms']:.2f} ms CPU a call, {figures['setups_per_core_second']:.0f} calls a"
        " core-second",
        f"gateway: {figures['gateway_setup_cpu_ms']:.2f} ms CPU a call",
        f"set-up as a caller has it: {figures['setup_ms_p50']:.0f} ms in the median, {figures['setup_ms_p95']:.0f} ms"
        " at p95",
    ]
    if "held_calls" in figures:
        lines += [
            f"{figures['held_calls']} calls held: {figures['rss_kb_per_call']:.0f} kB a call in the engine,"
            f" {figures['gateway_rss_kb_per_call']:.0f} kB in the gateway,"
            f" {figures['files_per_call']:.1f} file descriptors a call,"
            f" {figures['threads_at_0_calls']} threads without calls and {figures['threads_at_held_calls']} with them",
            f"holding a call: {figures['engine_hold_ms']:.2f} ms CPU a second in the engine,"
            f" {figures['gateway_hold_ms']:.2f} in the gateway",
        ]
    return "\n".join(lines)


def _main() -> int:
    parser = argparse.ArgumentParser(description="What setting a call up costs, and what a held call keeps.")
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--held", type=int, default=200, help="0 to leave this out")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long they are held")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    args = parser.parse_args()
    figures = measure(args.calls, args.at_once, args.held, args.seconds)
    print(json.dumps(figures, indent=2) if args.json else report(figures))
    return 1 if figures["failed"] else 0


if __name__ == "__main__":
    sys.exit(_main())
