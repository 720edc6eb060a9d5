"""Metrics as Prometheus reads them, by its own client library."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from loadkit.metrics.definitions import METRICS, Kind, Metric
from loadkit.metrics.run_metrics import Labels, RunMetrics

PATH = "/metrics"

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class PrometheusSink:
    """The metrics of one run."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._counters: dict[Metric, Counter] = {}
        self._histograms: dict[Metric, Histogram] = {}
        for metric in METRICS:
            name, labels = metric.prometheus_name, metric.labels
            if metric.kind is Kind.COUNTER:
                counter = Counter(name.removesuffix("_total"), metric.meaning, labels, registry=self.registry)
                self._counters[metric] = counter
            elif metric.kind is Kind.HISTOGRAM:
                self._histograms[metric] = Histogram(
                    name, metric.meaning, labels, buckets=metric.edges, registry=self.registry
                )

    def show_gauges(self, run: RunMetrics) -> None:
        """From now on, the page has this run's gauges, too."""
        self.registry.register(_Gauges(run))

    def add(self, metric: Metric, labels: Labels, amount: float) -> None:
        """A counter grows."""
        counter = self._counters[metric]
        (counter.labels(*labels) if labels else counter).inc(amount)

    def observe(self, metric: Metric, labels: Labels, value: float) -> None:
        """A histogram gets a value."""
        self._histograms[metric].labels(*labels).observe(value)


class _Gauges(Collector):
    """Asked at each reading of the page."""

    def __init__(self, run: RunMetrics) -> None:
        self._run = run

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing is read to see which names there are."""
        return [_family(metric) for metric in METRICS if metric.kind is Kind.GAUGE]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Every gauge as it is now."""
        for metric in METRICS:
            if metric.kind is Kind.GAUGE:
                family = _family(metric)
                for labels, value in self._run.gauges(metric):
                    family.add_metric(labels, value)
                yield family


def _family(metric: Metric) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.prometheus_name, metric.meaning, labels=metric.labels)


class MetricsPage:
    """The WSGI application: the metrics of the current run, or of the last one."""

    def __init__(self) -> None:
        self._app = make_wsgi_app(CollectorRegistry())

    def show(self, sink: PrometheusSink) -> None:
        """From now on, the page has the metrics of this run."""
        self._app = make_wsgi_app(sink.registry)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != PATH:
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"The metrics are at {PATH}.\n".encode()]
        page: Iterable[bytes] = self._app(environ, start_response)
        return page
