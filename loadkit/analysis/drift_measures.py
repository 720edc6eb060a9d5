"""What is looked at for drift: each measure with its unit, which way is worse, and what change is of no interest."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """One measure; a change up to the larger of its two floors is of no interest."""

    name: str
    label: str
    unit: str
    """As in the summary: ms, share, MOS, sessions, B, files, tasks, 1/s."""
    floor: float
    """In its unit, over the whole run."""
    relative_floor: float
    """Share of what the first quarter had."""
    worse: int = 1
    """1 when a rise is worse, -1 when a fall is, 0 for what is neither."""
    judged: bool = True
    """Whether the run's drift is judged by it."""
    latency: bool = False
    """Whether a generator that is late makes it longer."""


MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        # A twentieth of what ITU-T G.114 calls unacceptable one way, and of a quick set-up.
        Measure("setup_ms", "set-up time", "ms", 20.0, 0.05, latency=True),
        Measure("turn_latency_ms", "turn latency", "ms", 30.0, 0.05, latency=True),
        Measure("failed", "failed calls", "share", 0.01, 0.10),
        # A tenth is less than listeners in a panel tell apart.
        Measure("mos", "MOS", "MOS", 0.1, 0.0, -1),
        Measure("sessions_unaccounted", "sessions beyond our calls", "sessions", 3.0, 0.0),
        Measure("sessions_left", "sessions left after the last call", "sessions", 0.5, 0.0),
        Measure("active_sessions", "activeSessions", "sessions", 3.0, 0.10, 0, judged=False),
        Measure("calls_per_s", "calls started", "1/s", 0.1, 0.10, 0, judged=False),
        # Allocators take memory in steps of megabytes and keep it.
        Measure("rss_bytes", "memory", "B", 8e6, 0.05),
        Measure("open_files", "descriptors", "files", 10.0, 0.10),
        Measure("tasks", "tasks", "tasks", 10.0, 0.10),
        # Half of what makes a generator unfit; that is where it is judged.
        Measure("late_ms_p99", "lateness p99", "ms", 5.0, 0.0, judged=False),
    )
}
