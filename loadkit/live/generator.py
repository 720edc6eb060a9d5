"""The generator while it runs: every engine and Locust process against the limits, over its last ten seconds.

The limits are those of ``docs/fitness.md``, in a piece of a run: more than one packet in a hundred late or never
sent, or more than half of the seconds with too much loop lag or CPU. The verdict at the end looks at the whole run.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from loadkit import lateness
from loadkit.live.plan import Limits

Row = Mapping[str, Any]

#: Rows of a process that are looked at, one a second.
ROWS = 10
#: A process that has not told of itself for so long holds no calls that anybody knows of.
SILENT_S = 5.0
#: One that is gone for so long is left out.
GONE_S = 60.0
#: Processes that a view has each by itself; it has all workers.
MOST_PROCESSES = 64
#: Packets in a hundred that may be late.
_LATE_SHARE = 0.01


@dataclass(slots=True)
class _Second:
    seconds: float
    cpu_share: float | None
    loop_lag_ms: float | None
    late: Counter[int]
    skipped: int


@dataclass(slots=True)
class _Process:
    name: str
    worker: str
    kind: str
    heard_at: float = 0.0
    stages: dict[str, int] = field(default_factory=dict)
    seconds: deque[_Second] = field(default_factory=lambda: deque(maxlen=ROWS))


class Generator:
    """The processes of one run.

    :param limits: what is judged.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._processes: dict[str, _Process] = {}

    def row(self, row: Row, now: float) -> None:
        """A process tells of its last second."""
        name, kind = str(row["engine"]), str(row.get("kind") or "engine")
        process = self._processes.get(name)
        if process is None:
            worker = str(row.get("worker") or name.rpartition(".")[0])
            process = self._processes[name] = _Process(name, worker, kind)
        process.heard_at = now
        process.stages = dict(row.get("stages") or {})
        late = Counter({int(bucket): count for bucket, count in (row.get("late_histogram") or {}).items()})
        process.seconds.append(
            _Second(
                row.get("seconds") or 1.0,
                row.get("cpu_share"),
                row.get("loop_lag_ms"),
                late,
                row.get("frames_skipped") or 0,
            )
        )

    def stages(self, now: float) -> Counter[str]:
        """Calls in progress by stage, of all engines that still tell of themselves."""
        counts: Counter[str] = Counter()
        for process in self._processes.values():
            if now - process.heard_at <= SILENT_S:
                counts.update(process.stages)
        return counts

    def view(self, now: float) -> dict[str, Any]:
        """``processes``, ``workers`` with the worst of each, and the worst and a ``status`` of all."""
        gone = [name for name, process in self._processes.items() if now - process.heard_at > GONE_S]
        for name in gone:
            del self._processes[name]
        processes = [self._shown(process, now) for process in self._processes.values()]
        processes.sort(key=lambda shown: (shown["worker"], shown["kind"], shown["name"]))
        engines = [shown for shown in processes if shown["kind"] == "engine"]
        return {
            "limits": {
                "late_ms": self._limits.late_ms,
                "loop_lag_ms": self._limits.loop_lag_ms,
                "cpu_share": self._limits.cpu_share,
            },
            "status": _status(processes, self._limits),
            "late_ms_p99": _worst(engines, "late_ms_p99"),
            "loop_lag_ms": _worst(processes, "loop_lag_ms"),
            "cpu_share": _worst(engines, "cpu_share"),
            "workers": _by_worker(processes),
            "processes": processes[:MOST_PROCESSES],
        }

    def _shown(self, process: _Process, now: float) -> dict[str, Any]:
        late = lateness.added_up(second.late for second in process.seconds)
        lags = [s.loop_lag_ms for s in process.seconds if s.loop_lag_ms is not None]
        shares = [(s.cpu_share, s.seconds) for s in process.seconds if s.cpu_share is not None]
        spent = sum(seconds for _, seconds in shares)
        silent = now - process.heard_at
        return {
            "name": process.name,
            "worker": process.worker,
            "kind": process.kind,
            "calls": sum(process.stages.values()) if silent <= SILENT_S else 0,
            "late_ms_p99": lateness.percentile_shown(late, 99),
            "loop_lag_ms": max(lags, default=None),
            "cpu_share": round(sum(c * s for c, s in shares) / spent, 3) if spent else None,
            "silent_s": round(silent, 1) if silent > SILENT_S else None,
            "over": self._over(process, late, lags, [share for share, _ in shares]),
        }

    def _over(
        self, process: _Process, late: Counter[int], lags: list[float], shares: list[float]
    ) -> list[str]:
        """The limits that it is over."""
        limits, over = self._limits, []
        skipped = sum(second.skipped for second in process.seconds)
        due = late.total() + skipped
        if limits.late_ms is not None and due and process.kind == "engine":
            bucket = lateness.bucket_of(limits.late_ms)
            too_late = skipped + sum(count for index, count in late.items() if index > bucket)
            if too_late / due > _LATE_SHARE:
                over.append("late_ms")
        if limits.loop_lag_ms is not None and _mostly_over(lags, limits.loop_lag_ms):
            over.append("loop_lag_ms")
        if limits.cpu_share is not None and _mostly_over(shares, limits.cpu_share):
            over.append("cpu_share")
        return over


def _mostly_over(values: list[float], limit: float) -> bool:
    return bool(values) and sum(value > limit for value in values) > len(values) / 2


def _worst(processes: Iterable[dict[str, Any]], name: str) -> float | None:
    return max((shown[name] for shown in processes if shown[name] is not None), default=None)


def _status(processes: list[dict[str, Any]], limits: Limits) -> str:
    """``fit``, ``over a limit``, ``silent``, ``not judged``, or ``unknown`` before figures."""
    placing = [shown for shown in processes if shown["worker"] != "master"]
    if not placing:
        return "unknown"
    if any(shown["over"] for shown in placing):
        return "over a limit"
    if any(shown["silent_s"] is not None for shown in placing):
        return "silent"
    return "not judged" if limits == Limits() else "fit"


def _by_worker(processes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    workers: dict[str, list[dict[str, Any]]] = {}
    for shown in processes:
        workers.setdefault(shown["worker"], []).append(shown)
    rows = []
    for name, own in workers.items():
        engines = [shown for shown in own if shown["kind"] == "engine"]
        rows.append(
            {
                "worker": name,
                "engines": len(engines),
                "calls": sum(shown["calls"] for shown in own),
                "late_ms_p99": _worst(engines, "late_ms_p99"),
                "loop_lag_ms": _worst(own, "loop_lag_ms"),
                "cpu_share": _worst(engines, "cpu_share"),
                "locust_cpu_share": _worst((s for s in own if s["kind"] == "locust"), "cpu_share"),
                "silent": all(shown["silent_s"] is not None for shown in own),
                "over": sorted({limit for shown in own for limit in shown["over"]}),
            }
        )
    return rows
