"""Every metric of a run, once, for Prometheus and OpenTelemetry alike.

Names, units (UCUM) and kinds are OpenTelemetry's; the name for Prometheus follows from them by the rules of the
OpenTelemetry specification ("Prometheus and OpenMetrics Compatibility"): ``loadkit.call.setup.duration`` in ``s`` is
``loadkit_call_setup_duration_seconds``. ``docs/metrics.md`` is made from this table.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.StrEnum):
    """What a metric is."""

    COUNTER = "counter"
    """Only grows, until the run is over."""
    GAUGE = "gauge"
    """What was measured last; gone when nothing was for :data:`GAUGE_LIVES_S`."""
    HISTOGRAM = "histogram"
    """How many values lie below each edge."""


#: A process that is gone must not go on to show its last figures.
GAUGE_LIVES_S = 10.0

#: What calls are told apart by.
CALL_LABELS = ("scenario", "mode", "ice_path")
#: Different combinations of these that are kept apart; calls of all others are counted under :data:`OTHER`.
MOST_CALL_KINDS = 50
OTHER = "(other)"
#: Different error codes that are kept apart: a gateway can send any number of them.
MOST_CODES = 50
#: Processes that are told one by one; figures of others are left out.
MOST_PROCESSES = 200
#: Characters of a label.
LONGEST_LABEL = 100

#: Seconds; a set-up may take 30 s (``--connect-timeout``) before it is given up.
_SETUP_EDGES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 30.0)
#: Seconds; the limits that people set, 0.8, 1.2, 1.5 and 2.5, are edges, so that the share within one can be read off.
_TURN_EDGES = (0.2, 0.3, 0.5, 0.65, 0.8, 1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0)

_SUFFIXES = {"s": "_seconds", "By": "_bytes", "1": "_ratio"}


@dataclass(frozen=True)
class Metric:
    """One metric."""

    name: str
    kind: Kind
    unit: str
    """UCUM: ``s``, ``By``, ``1`` for a share, ``{call}`` and the like for counts of things."""
    labels: tuple[str, ...]
    meaning: str
    edges: tuple[float, ...] = ()
    """Upper edges of a histogram's buckets, in the unit."""

    @property
    def prometheus_name(self) -> str:
        """As it stands on the page for Prometheus; a histogram has ``_bucket``, ``_sum`` and ``_count`` of it."""
        total = "_total" if self.kind is Kind.COUNTER else ""
        return self.name.replace(".", "_") + _SUFFIXES.get(self.unit, "") + total


def _counter(name: str, unit: str, meaning: str, *labels: str) -> Metric:
    return Metric(name, Kind.COUNTER, unit, labels, meaning)


def _gauge(name: str, unit: str, meaning: str, *labels: str) -> Metric:
    return Metric(name, Kind.GAUGE, unit, labels, meaning)


RUN_INFO = _gauge("loadkit.run.info", "", "always 1; its labels say which run it is", "run_id", "version")
RUN_EXIT_CODE = _gauge("loadkit.run.exit_code", "", "exit code of the run, once its report is written")

CALLS_ACTIVE = _gauge("loadkit.calls.active", "{call}", "calls in progress in an engine", "process")
CALLS_STARTED = _counter("loadkit.calls.started", "{call}", "calls that engines were given to place")
CALLS_ENDED = _counter(
    "loadkit.calls.ended",
    "{call}",
    "calls that have left their record: completed, failed, hung_up or cancelled",
    "outcome",
    *CALL_LABELS,
)
CALLS_FAILED = _counter(
    "loadkit.calls.failed", "{call}", "failed calls by stage and error code", "stage", "code"
)
SETUP_DURATION = Metric(
    "loadkit.call.setup.duration",
    Kind.HISTOGRAM,
    "s",
    CALL_LABELS,
    "intended start of a call → media can flow; counted when the call has ended",
    _SETUP_EDGES,
)
TURN_LATENCY = Metric(
    "loadkit.turn.latency",
    Kind.HISTOGRAM,
    "s",
    CALL_LABELS,
    "end of the caller's speech → first agent speech heard; counted when the call has ended",
    _TURN_EDGES,
)
TURNS_UNANSWERED = _counter(
    "loadkit.turns.unanswered", "{turn}", "turns without a reply in time", *CALL_LABELS
)

PACKETS_SENT = _counter("loadkit.rtp.packets.sent", "{packet}", "RTP packets sent by the engines")
PACKETS_RECEIVED = _counter("loadkit.rtp.packets.received", "{packet}", "RTP packets received by the engines")
PACKETS_LOST = _counter(
    "loadkit.rtp.packets.lost", "{packet}", "RTP packets expected less received, of calls that have ended"
)

ARRIVALS_INTENDED = _counter("loadkit.arrivals.intended", "{call}", "arrivals whose moment came")
ARRIVALS_DROPPED = _counter(
    "loadkit.arrivals.dropped", "{call}", "arrivals never started: max_concurrent or no_engine", "reason"
)

_PROCESS = ("process", "kind")
GENERATOR_PROCESSES = _gauge(
    "loadkit.generator.processes", "{process}", "processes of the generator that told figures of late", "kind"
)
GENERATOR_CPU = _gauge(
    "loadkit.generator.cpu.utilization", "1", "CPU of a process, 1 is one core, over a second", *_PROCESS
)
GENERATOR_MEMORY = _gauge("loadkit.generator.memory.usage", "By", "resident memory of a process", *_PROCESS)
GENERATOR_FILES = _gauge(
    "loadkit.generator.open_files", "{file}", "open file descriptors of a process", *_PROCESS
)
GENERATOR_LOOP_LAG = _gauge(
    "loadkit.generator.loop.lag", "s", "longest stop of a process's loop within a second", *_PROCESS
)
GENERATOR_LATENESS = _gauge(
    "loadkit.generator.packet.lateness.p99",
    "s",
    "within this time of their moment on the 20 ms clock left 99 % of an engine's packets of a second",
    *_PROCESS,
)
PACKETS_SKIPPED = _counter(
    "loadkit.generator.packets.skipped", "{packet}", "packets never sent because an engine had stalled"
)
PACKETS_LATE = _counter(
    "loadkit.generator.packets.late", "{packet}", "packets sent more than 10 ms after their moment"
)

METRICS: tuple[Metric, ...] = tuple(value for value in list(vars().values()) if isinstance(value, Metric))
