"""``python -m benchmarks.live_view``: what the live views cost the process that reports, on calls that are made up.

Two workers with two engines each tell what they tell once a second, and calls leave records at a given rate; a view is
added up twice a second, and a screen of 100 columns drawn once a second. CPU time of each part over so many seconds
of a run, in percent of a core. Nothing waits: the clock is handed in.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable

from rich.console import Console

from loadkit.latency_buckets import bucket_of
from loadkit.live.lines import line
from loadkit.live.plan import Limits, Plan
from loadkit.live.screen import screen
from loadkit.live.state import LiveState
from tests.live.told import call, engine, failure, locust

RATES = (50, 500, 1_000)


class Parts:
    """CPU seconds of each part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def measured(self, name: str, part: Callable[[], object]) -> None:
        """Run a part and add up what it took."""
        before = time.process_time()
        part()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - before


def measure(rate: int, seconds: int) -> dict[str, float]:
    """Percent of a core for each part of a run with so many calls a second; one in ten fails."""
    state = LiveState(Plan("a-run", run_time_s=3600.0, limits=Limits(10, 50, 0.9)), 0.0, 0.0)
    console = Console(file=io.StringIO(), width=100, force_terminal=True, highlight=False)
    records = [
        failure("NO_AUDIO", message="no RTP packet came") if number % 10 == 0 else call()
        for number in range(rate)
    ]
    share = max(1, rate // 4)
    setups = {str(bucket_of(60 + number)): max(1, share // 60) for number in range(60)}
    stages = {"websocket": share // 10, "connected": share * 10, "closing": share // 10}
    parts = Parts()

    def tell(now: float) -> None:
        for record in records:
            state.record(record)
        for worker in ("worker-0", "worker-1"):
            for number in (0, 1):
                row = engine(
                    f"{worker}.{number}",
                    stages=stages,
                    placed=share,
                    setup_histogram=setups,
                    turn_histogram=setups,
                )
                state.figures(row, now)
            state.figures(locust(worker), now)

    for second in range(seconds):
        now = float(second)
        parts.measured("what is told", lambda now=now: tell(now))  # type: ignore[misc]
        for half in (0.0, 0.5):
            parts.measured("the view", lambda at=now + half: state.view(at))  # type: ignore[misc]
        view = state.view(now)
        parts.measured("the screen", lambda view=view: console.print(screen(view)))  # type: ignore[misc]
        if second % 10 == 0:
            parts.measured("a line", lambda view=view: line(view))  # type: ignore[misc]
    return {name: spent / seconds * 100 for name, spent in parts.seconds.items()}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=120)
    seconds = parser.parse_args().seconds
    measure(50, 10)  # what the first time costs is not the run's
    rows = {rate: measure(rate, seconds) for rate in RATES}
    names = list(rows[RATES[0]])
    print("| calls a second | " + " | ".join(names) + " | together |")
    print("| --- |" + " --- |" * (len(names) + 1))
    for rate, row in rows.items():
        cells = [f"{row[name]:.2f} %" for name in names]
        print(f"| {rate:,} | " + " | ".join(cells) + f" | {sum(row.values()):.2f} % |")


if __name__ == "__main__":
    main()
