"""CPU, memory and punctuality of an engine that holds calls, against one echo gateway.

    python -m benchmarks.media_cost [--calls 50,100,200] [--seconds 10] [--media-path python]

The gateway's process has one core, the engine's the other. CPU is that of the whole process over a window in which
all calls are up and talk; packets are counted at both ends, and a measurement in which more than 1 % of them are
missing is none: the table says so, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.engine_calls import engine_at_gateway
from benchmarks.rows import Row
from benchmarks.table import rows_table

#: Calls that are set up in a second; the engine's core has time for the calls that are up beside it.
PER_SECOND = 25.0


async def measure(
    name: str, steps: Sequence[int], seconds: float, per_second: float = PER_SECOND, **options: Any
) -> list[Row]:
    """One engine, and a row for each number of calls, rising.

    :param options: settings of the run by name.
    """
    rows = []
    async with engine_at_gateway(**options) as (engine, gateway):
        up = 0
        for calls in steps:
            await engine.place(calls - up, per_second)
            up = calls
            rows.append(await engine.measure(name, gateway, seconds))
    return rows


def _main() -> int:
    parser = argparse.ArgumentParser(description="What an engine's calls cost while they talk.")
    parser.add_argument(
        "--calls", default="200", help="a number of calls, or several, rising, comma separated"
    )
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--per-second", type=float, default=PER_SECOND)
    parser.add_argument("--media-path", default="auto", help="auto, native, python or stock")
    args = parser.parse_args()
    steps = [int(number) for number in args.calls.split(",")]
    measuring = measure(args.media_path, steps, args.seconds, args.per_second, media_path=args.media_path)
    rows = asyncio.run(measuring)
    print(rows_table(row.document() for row in rows))
    return 1 if any(row.faults for row in rows) else 0


if __name__ == "__main__":
    sys.exit(_main())
