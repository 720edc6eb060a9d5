"""What an engine costs and how punctual it is, once a second."""

from __future__ import annotations

import time
from typing import Any

import psutil

from loadkit.media.clock import MediaClock


class FigureTaker:
    """Takes a row of figures; each covers the time since the one before."""

    def __init__(self, clock: MediaClock) -> None:
        self._clock = clock
        self._process = psutil.Process()
        self._cpu = self._cpu_time()
        self._at = time.monotonic()
        self._late = 0
        self._skipped = 0

    def take(self, calls: int, loop_lag: float, now: float, unix_now: float) -> dict[str, Any]:
        """One row.

        :param calls: calls in progress.
        :param loop_lag: seconds by which the event loop came late to this very call.
        """
        cpu, clock = self._cpu_time(), self._clock
        row = {
            "at": round(unix_now, 3),
            "pid": self._process.pid,
            "calls": calls,
            "cpu_share": round((cpu - self._cpu) / max(1e-3, now - self._at), 4),
            "rss_bytes": self._process.memory_info().rss,
            "open_files": self._process.num_fds() if hasattr(self._process, "num_fds") else None,
            "frames_late": clock.frames_late - self._late,
            "frames_skipped": clock.frames_skipped - self._skipped,
            "loop_lag_ms": round(max(0.0, loop_lag) * 1000, 3),
            "late_histogram": {str(bucket): count for bucket, count in clock.take_lateness().items()},
        }
        self._cpu, self._at = cpu, now
        self._late, self._skipped = clock.frames_late, clock.frames_skipped
        return row

    def _cpu_time(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)
