"""Records and figures of a run become values of metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from loadkit.metrics import definitions as d
from loadkit.metrics.definitions import Kind, Metric
from loadkit.printable import OTHER_CODES, printable
from loadkit.records import Outcome

Row = Mapping[str, Any]
#: Values of a metric's labels, in their order.
Labels = tuple[str, ...]


class Sink(Protocol):
    """Where values of counters and histograms go; gauges are asked for (:meth:`RunMetrics.gauges`)."""

    def add(self, metric: Metric, labels: Labels, amount: float) -> None:
        """A counter grows."""

    def observe(self, metric: Metric, labels: Labels, value: float) -> None:
        """A histogram gets a value."""


class RunMetrics:
    """Turns what a run is told into values, with a bounded number of different labels, whatever a gateway sends.

    :param clock: monotonic seconds.
    """

    def __init__(self, run_id: str, version: str, sinks: Sequence[Sink], clock: Callable[[], float]) -> None:
        self._sinks = sinks
        self._clock = clock
        self._kinds = _Bound(d.MOST_CALL_KINDS, (d.OTHER,) * len(d.CALL_LABELS))
        self._codes = _Bound(d.MOST_CODES, (OTHER_CODES,))
        self._processes: dict[str, str] = {}
        #: Metric → labels → value and when it was measured; None for what does not age.
        self._gauges: dict[Metric, dict[Labels, tuple[float, float | None]]] = {}
        self._keep(d.RUN_INFO, (_label(run_id), version), 1.0)
        # So that a rate can be read from the first failure on, and a page shows 0 rather than nothing.
        for metric in d.METRICS:
            if metric.kind is Kind.COUNTER and not metric.labels:
                self._add(metric, (), 0)

    def record(self, call: Row, turns: Sequence[Row]) -> None:
        """A call has left its record."""
        kind = self._kinds.of(tuple(_label(call.get(name)) for name in d.CALL_LABELS))
        self._add(d.CALLS_ENDED, (_label(call.get("outcome")), *kind), 1)
        if call.get("outcome") == Outcome.FAILED:
            (code,) = self._codes.of((_label(call.get("error_code") or "UNKNOWN"),))
            self._add(d.CALLS_FAILED, (_label(call.get("failed_stage") or "unknown"), code), 1)
        if (setup := call.get("setup_ms")) is not None:
            self._observe(d.SETUP_DURATION, kind, setup / 1000)
        # Duplicates make the loss of RFC 3550 negative, and a counter never falls.
        self._add(d.PACKETS_LOST, (), max(0, call.get("packets_lost") or 0))
        for turn in turns:
            if (latency := turn.get("turn_latency_ms")) is not None:
                self._observe(d.TURN_LATENCY, kind, latency / 1000)
            if turn.get("no_response"):
                self._add(d.TURNS_UNANSWERED, kind, 1)

    def figures(self, row: Row) -> None:
        """A process of the generator told its figures of a second."""
        kind, name = str(row.get("kind")), _label(row.get("engine"))
        for metric, column in (
            (d.CALLS_STARTED, "placed"),
            (d.PACKETS_SENT, "packets_sent"),
            (d.PACKETS_RECEIVED, "packets_received"),
            (d.PACKETS_SKIPPED, "frames_skipped"),
            (d.PACKETS_LATE, "frames_late"),
        ):
            self._add(metric, (), max(0, row.get(column) or 0))
        if name not in self._processes and len(self._processes) >= d.MOST_PROCESSES:
            return
        self._processes[name] = kind
        if kind == "engine":
            self._measure(d.CALLS_ACTIVE, (name,), row.get("calls"))
        for metric, column, scale in (
            (d.GENERATOR_CPU, "cpu_share", 1.0),
            (d.GENERATOR_MEMORY, "rss_bytes", 1.0),
            (d.GENERATOR_FILES, "open_files", 1.0),
            (d.GENERATOR_LOOP_LAG, "loop_lag_ms", 1e-3),
            (d.GENERATOR_LATENESS, "late_ms_p99", 1e-3),
        ):
            value = row.get(column)
            self._measure(metric, (name, kind), None if value is None else value * scale)

    def arrivals(self, row: Row) -> None:
        """The arrivals of a second."""
        self._add(d.ARRIVALS_INTENDED, (), row.get("intended") or 0)
        for reason in ("max_concurrent", "no_engine"):
            self._add(d.ARRIVALS_DROPPED, (reason,), row.get(f"dropped_{reason}") or 0)

    def ended(self, exit_code: int) -> None:
        """The report is written."""
        self._keep(d.RUN_EXIT_CODE, (), float(exit_code))

    def gauges(self, metric: Metric) -> Iterator[tuple[Labels, float]]:
        """Labels and value of what was measured of late."""
        if metric is d.GENERATOR_PROCESSES:
            yield from self._process_counts()
            return
        oldest = self._clock() - d.GAUGE_LIVES_S
        values = self._gauges.get(metric, {})
        for labels, (value, at) in list(values.items()):
            if at is None or at >= oldest:
                yield labels, value
            else:
                del values[labels]

    def _process_counts(self) -> Iterator[tuple[Labels, float]]:
        kinds = [labels[1] for labels, _ in self.gauges(d.GENERATOR_CPU)]
        for kind in sorted(set(kinds)):
            yield (kind,), float(kinds.count(kind))

    def _add(self, metric: Metric, labels: Labels, amount: float) -> None:
        for sink in self._sinks:
            sink.add(metric, labels, amount)

    def _observe(self, metric: Metric, labels: Labels, value: float) -> None:
        for sink in self._sinks:
            sink.observe(metric, labels, value)

    def _measure(self, metric: Metric, labels: Labels, value: float | None) -> None:
        """What was not measured this time is not shown as what it was the last time."""
        values = self._gauges.setdefault(metric, {})
        if value is None:
            values.pop(labels, None)
        else:
            values[labels] = (float(value), self._clock())

    def _keep(self, metric: Metric, labels: Labels, value: float) -> None:
        self._gauges.setdefault(metric, {})[labels] = (value, None)


class _Bound:
    """So many different labels, first come, first kept; all others are one."""

    def __init__(self, most: int, other: Labels) -> None:
        self._most = most
        self._other = other
        self._known: set[Labels] = set()

    def of(self, labels: Labels) -> Labels:
        if labels in self._known:
            return labels
        if len(self._known) >= self._most:
            return self._other
        self._known.add(labels)
        return labels


def _label(value: object) -> str:
    return "" if value is None else printable(str(value), d.LONGEST_LABEL)
