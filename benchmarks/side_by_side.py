"""``make bench``: what a call costs each kind of caller, side by side, at the same echo gateway.

    python -m benchmarks.side_by_side [--short] [--only PART …] [--out FILE]

Every caller is a process of its own on one core, the gateway one on the other. CPU is that of the caller's whole
process tree over a window in which all its calls are up; packets are counted at both ends. A part that fails is named
and has no figures. Prints a table and writes ``benchmarks/results.json``; with ``--only`` the other parts stay there
as they were, with their dates. Takes under ten minutes; ``--short`` under one, with figures that are good for nothing
but to see that it works, and writes no file unless ``--out`` names one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import media_cost
from benchmarks.caller_process import CallerFailed
from benchmarks.machine import machine
from benchmarks.process_calls import measure_process
from benchmarks.results import NAMES, RESULTS, VERSION, headline, read, write
from benchmarks.shown import show
from benchmarks.table import run_table
from loadkit.call.media_path import why_not_native

_ROOT = Path(__file__).resolve().parents[1]
_SETUP_S = 120
#: A part that takes longer is left out.
_LONGEST_S = 240
#: Calls that the Python path holds on one core with room to spare.
_MOST_IN_PYTHON = 200
#: Length of a window while calls are added.
_SHOWN_S = 5.0


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    aiortc_calls: int
    stock_calls: int
    floor_calls: int
    steps: Sequence[int]
    """Calls of the fast path, rising."""
    shown: tuple[int, int, int] | None
    """First, step and last number of calls on one core; None to leave it out."""
    setups: int
    seconds: float
    """Length of a window."""


FULL = Size(10, 10, 200, (50, 100, 200), (250, 50, 900), 300, 8.0)
SHORT = Size(3, 3, 10, (5, 10), None, 10, 2.0)

Part = Callable[[Size], Awaitable[dict[str, Any]]]


class LeftOut(Exception):
    """A part cannot be measured here; the sentence says why."""


async def _aiortc(size: Size) -> dict[str, Any]:
    return await _process("aiortc", "benchmarks.aiortc_caller", size.aiortc_calls, size.seconds)


async def _aiortc_pre_encoded(size: Size) -> dict[str, Any]:
    module = "benchmarks.aiortc_caller"
    return await _process("aiortc_pre_encoded", module, size.aiortc_calls, size.seconds, "--pre-encoded")


async def _floor(size: Size) -> dict[str, Any]:
    return await _process("floor", "benchmarks.floor_caller", size.floor_calls, size.seconds)


async def _floor_ahead(size: Size) -> dict[str, Any]:
    ahead = str(size.seconds + 4)
    module = "benchmarks.floor_caller"
    return await _process("floor_ahead", module, size.floor_calls, size.seconds, "--ahead", ahead)


async def _floor_shared(size: Size) -> dict[str, Any]:
    return await _process(
        "floor_shared", "benchmarks.floor_caller", size.floor_calls, size.seconds, "--shared"
    )


async def _process(name: str, module: str, calls: int, seconds: float, *arguments: str) -> dict[str, Any]:
    return (await measure_process(NAMES[name], module, calls, seconds, *arguments)).document()


async def _stock(size: Size) -> dict[str, Any]:
    rows = await media_cost.measure(NAMES["stock"], [size.stock_calls], size.seconds, media_path="stock")
    return {"rows": [row.document() for row in rows]}


async def _python(size: Size) -> dict[str, Any]:
    # An engine whose core is full takes minutes to say so: begin where it is not.
    return await _fast("python", replace(size, shown=size.shown and (_MOST_IN_PYTHON, *size.shown[1:])))


async def _native(size: Size) -> dict[str, Any]:
    reason = why_not_native()
    if reason is not None:
        raise LeftOut(reason)
    return await _fast("native", size)


async def _fast(path: str, size: Size) -> dict[str, Any]:
    rows = await media_cost.measure(NAMES[path], size.steps, size.seconds, media_path=path)
    part: dict[str, Any] = {"rows": [row.document() for row in rows]}
    if size.shown is not None:
        shown = await show(NAMES[path], *size.shown, _SHOWN_S, media_path=path)
        part["shown"] = shown.document()
    return part


async def _setup(size: Size) -> dict[str, Any]:
    # In a process of its own: it uses threads, and both cores.
    command = [
        sys.executable,
        "-m",
        "benchmarks.setup_cost",
        "--json",
        "--calls",
        str(size.setups),
        "--held",
        "0",
    ]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=_ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=_SETUP_S
    )
    try:
        figures: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise CallerFailed(f"benchmarks.setup_cost ended with code {done.returncode}") from None
    if figures["failed"]:
        raise CallerFailed(f"{figures['failed']} of {figures['calls']} calls failed")
    return figures


PARTS: dict[str, Part] = {
    "aiortc": _aiortc,
    "aiortc_pre_encoded": _aiortc_pre_encoded,
    "stock": _stock,
    "python": _python,
    "native": _native,
    "floor": _floor,
    "floor_ahead": _floor_ahead,
    "floor_shared": _floor_shared,
    "setup": _setup,
}


async def measure(
    size: Size, names: Sequence[str], before: dict[str, Any], say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure these parts, one after the other; the others stay as they were."""
    if before.get("version") != VERSION:
        before = {}
    parts: dict[str, Any] = dict(before.get("parts", {}))
    left_out: dict[str, str] = dict(before.get("left_out", {}))
    for name in names:
        began = time.monotonic()
        parts.pop(name, None)
        left_out.pop(name, None)
        try:
            async with asyncio.timeout(_LONGEST_S):
                measured = await PARTS[name](size)
        except Exception as exc:  # noqa: BLE001 - told as left out, and the other parts go on
            left_out[name] = " ".join(str(exc).split()) or type(exc).__name__
            say(f"{name}: LEFT OUT: {left_out[name]}")
            continue
        parts[name] = {"measured_at": datetime.now(UTC).isoformat(timespec="seconds"), **measured}
        say(f"{name}: measured in {time.monotonic() - began:.0f} s")
    return {"version": VERSION, **headline(parts), "machine": machine(), "left_out": left_out, "parts": parts}


def _main() -> int:
    parser = argparse.ArgumentParser(description="What a call costs each kind of caller, side by side.")
    parser.add_argument("--short", action="store_true", help="a few calls for a moment, to see that it works")
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--out", type=Path, help="where the figures are written, in place of results.json")
    args = parser.parse_args()
    out: Path | None = args.out or (None if args.short else RESULTS)
    before = read(out) if args.only and out is not None and out.exists() else {}
    document = asyncio.run(
        measure(
            SHORT if args.short else FULL,
            args.only or list(PARTS),
            before,
            lambda line: print(line, flush=True),
        )
    )
    if out is not None:
        write(document, out)
    print(run_table(document))
    return 1 if document["left_out"] else 0


if __name__ == "__main__":
    sys.exit(_main())
