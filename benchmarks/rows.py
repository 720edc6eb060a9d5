"""One measurement of one kind of caller: what it cost, and whether its figures mean anything."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from loadkit.lateness import EDGES_MS

#: Share of packets that may be missing: those on their way at the edges of the window.
TOLERANCE = 0.01
PACKETS_PER_SECOND = 50
#: Share of a core that everything else may use beside a measurement.
QUIET = 0.1


@dataclass(frozen=True)
class Row:
    """A window of time in which all calls were up and talked."""

    name: str
    calls: int
    seconds: float
    cpu_share: float
    """Of the caller's processes; 1.0 is a core."""
    gateway_share: float
    due: int
    """Packets that the calls have to send in the window."""
    sent: int
    """Those that the caller says it sent in it."""
    received: int
    """Those that came back to it."""
    at_gateway: int
    """Those that the gateway had."""
    echoed: int
    """Those that it sent back."""
    threads: int
    others_share: float = 0.0
    """CPU of everything else on the machine, which takes caches from both, and time that the host kept from it."""
    threads_per_call: float | None = None
    """None when the process was not looked at before its calls, as those below."""
    rss_kb_per_call: float | None = None
    parent_share: float | None = None
    """CPU of the process that commands an engine."""
    late_ms_p50: float | None = None
    late_ms_p99: float | None = None
    late_ms_max: float | None = None
    frames_skipped: int | None = None
    loop_lag_ms: float | None = None
    failures: dict[str, int] = field(default_factory=dict)
    """Calls that failed, by error code and message."""

    @property
    def faults(self) -> list[str]:
        """Why the figures mean nothing; empty when they do."""
        found = [f"{count} calls failed: {code}" for code, count in self.failures.items()]
        for what, count, of_what, whole in (
            ("sent", self.sent, "due", self.due),
            ("that reached the gateway", self.at_gateway, "sent", self.sent),
            ("echoed", self.echoed, "that reached the gateway", self.at_gateway),
            ("that came back", self.received, "echoed", self.echoed),
        ):
            if abs(count - whole) > TOLERANCE * whole:
                found.append(f"packets {what}: {count:,}, {of_what}: {whole:,}")
        return found

    @property
    def disturbed(self) -> bool:
        """Whether the figures are those of a machine with other work on it, and so too high."""
        return self.others_share > QUIET

    @property
    def ms_per_call_second(self) -> float | None:
        """Milliseconds of CPU that a call costs in a second; None when the measurement is not valid."""
        return None if self.faults else 1000 * self.cpu_share / self.calls

    @property
    def calls_per_core(self) -> float | None:
        """An extrapolation: calls over CPU share; None when the measurement is not valid."""
        return None if self.faults or not self.cpu_share else self.calls / self.cpu_share

    def document(self) -> dict[str, Any]:
        """For results.json."""
        document = asdict(self)
        for name, digits in (
            ("seconds", 2),
            ("cpu_share", 4),
            ("gateway_share", 4),
            ("others_share", 4),
            ("parent_share", 4),
        ):
            document[name] = _rounded(document[name], digits)
        for name in ("rss_kb_per_call", "threads_per_call"):
            document[name] = _rounded(document[name], 2)
        document["ms_per_call_second"] = _rounded(self.ms_per_call_second, 4)
        document["calls_per_core"] = _rounded(self.calls_per_core, 1)
        # JSON has no infinity: what was later than the last edge is told as that.
        for name in ("late_ms_p50", "late_ms_p99", "late_ms_max"):
            document[name] = None if document[name] is None else min(document[name], EDGES_MS[-1])
        document["disturbed"] = self.disturbed
        document["faults"] = self.faults
        return document


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
