"""What a process costs, with every process that it has started or without."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Cost:
    """Totals at one moment."""

    at: float
    """Monotonic seconds."""
    cpu_s: float
    """User and system time since the start."""
    rss_bytes: int
    threads: int

    def share_since(self, before: Cost) -> float:
        """CPU seconds per second between two moments: 1.0 is a whole core."""
        return (self.cpu_s - before.cpu_s) / (self.at - before.at)


def cpu_s(process: psutil.Process) -> float:
    """User and system time of one process since its start."""
    times = process.cpu_times()
    return float(times.user + times.system)


def cost_of(pid: int, *, children: bool = True) -> Cost:
    """Now.

    :param children: with what it has started.
    """
    process = psutil.Process(pid)
    processes = [process, *(process.children(recursive=True) if children else [])]
    return Cost(
        at=time.monotonic(),
        cpu_s=sum(cpu_s(each) for each in processes),
        rss_bytes=sum(each.memory_info().rss for each in processes),
        threads=sum(each.num_threads() for each in processes),
    )


def machine_busy_s() -> float:
    """CPU seconds that all processes of the machine have used, and those that its host has kept from it."""
    times = psutil.cpu_times()
    steal: float = getattr(times, "steal", 0.0)
    return float(times.user + times.nice + times.system + steal)
