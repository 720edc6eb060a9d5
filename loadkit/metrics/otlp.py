"""Metrics sent to an OpenTelemetry collector, as OTLP over HTTP, by OpenTelemetry's own SDK.

Beside ``--otlp-endpoint``, the SDK takes what the specification names: ``OTEL_EXPORTER_OTLP_HEADERS``,
``OTEL_EXPORTER_OTLP_CERTIFICATE``, ``OTEL_EXPORTER_OTLP_COMPRESSION``, ``OTEL_EXPORTER_OTLP_TIMEOUT``,
``OTEL_METRIC_EXPORT_INTERVAL``, ``OTEL_RESOURCE_ATTRIBUTES``, ``OTEL_SERVICE_NAME`` and the ``…_METRICS_…`` forms.

A collector that is gone must neither hold up a run nor fill its log. The SDK logs each attempt, and headers that it
cannot read word by word, secrets and all; so its loggers are kept to themselves here, and one sentence is told when
sending begins to fail and one when it works again.
"""

from __future__ import annotations

import logging
import math
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from loadkit.errors import SettingsError
from loadkit.metrics.definitions import METRICS, Kind, Metric
from loadkit.metrics.run_metrics import Labels, RunMetrics
from loadkit.printable import printable

logger = logging.getLogger(__name__)

#: Unless ``OTEL_METRIC_EXPORT_INTERVAL`` says another; that of the specification, 60 s, is longer than many runs.
_INTERVAL_MS = 10_000.0
#: The end of a run waits so long for the last values to be sent.
LAST_S = 5.0
#: And so long for a collector that was gone the last time.
_LAST_TRY_S = 1.0
_PATH = "/v1/metrics"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
#: A resource detector that the environment may ask for tells the command line as it is, token and all.
_NEVER_TOLD = ("process.command", "process.command_line", "process.command_args")


def otlp_is_wanted(endpoint: str | None, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether metrics are to be sent: an endpoint is named, by us or by OpenTelemetry's own variables."""
    off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    off = off or environment.get("OTEL_METRICS_EXPORTER", "").strip().lower() == "none"
    return endpoint is not None or (not off and any(environment.get(name, "").strip() for name in _ENDPOINTS))


def metrics_url(endpoint: str | None) -> str | None:
    """Where metrics are posted to; ``None`` leaves it to the SDK, which reads its variables.

    :param endpoint: the collector, as in ``OTEL_EXPORTER_OTLP_ENDPOINT``: ``http://127.0.0.1:4318``.
    """
    if endpoint is None:
        return None
    base = endpoint.rstrip("/")
    return base if base.endswith(_PATH) else f"{base}{_PATH}"


def check_otlp(endpoint: str | None) -> None:
    """See that metrics can be sent as far as that can be seen without sending any; tell what the SDK passes over.

    :raises SettingsError: one of OpenTelemetry's variables cannot be used.
    """
    _keep_to_itself()
    try:
        _Exporter(metrics_url(endpoint)).shutdown()
        _resource({})
        if not 0 < _interval_ms() < math.inf:
            raise ValueError("OTEL_METRIC_EXPORT_INTERVAL")
    except Exception as exc:  # noqa: BLE001 - whatever the SDK makes of a variable
        # Its texts may quote a variable, and a header is a secret.
        raise SettingsError(
            [f"one of OpenTelemetry's environment variables (OTEL_…) cannot be used: {type(exc).__name__}"]
        ) from None
    for words in _last_words:
        logger.warning("OpenTelemetry's settings: %s", printable(words, 200))
    _last_words.clear()


def _interval_ms() -> float:
    return float(os.environ.get("OTEL_METRIC_EXPORT_INTERVAL") or _INTERVAL_MS)


class OtlpSink:
    """The metrics of one run, sent every ten seconds and once more at its end; :func:`check_otlp` comes before."""

    def __init__(self, endpoint: str | None, attributes: Mapping[str, str]) -> None:
        _keep_to_itself()
        self._exporter = _Exporter(metrics_url(endpoint))
        # It asks for the first time when the interval is over: show_gauges() comes before.
        self._reader = PeriodicExportingMetricReader(self._exporter, export_interval_millis=_interval_ms())
        self._provider = MeterProvider(
            metric_readers=[self._reader], resource=_resource(attributes), shutdown_on_exit=False
        )
        self.where = self._exporter.where
        self._run: RunMetrics | None = None
        self._counters: dict[Metric, Counter] = {}
        self._histograms: dict[Metric, Histogram] = {}
        self._make_instruments(attributes.get("service.version"))

    def _make_instruments(self, version: str | None) -> None:
        meter = self._provider.get_meter("loadkit", version)
        for metric in METRICS:
            about = {"unit": metric.unit, "description": metric.meaning}
            match metric.kind:
                case Kind.COUNTER:
                    self._counters[metric] = meter.create_counter(metric.name, **about)
                case Kind.HISTOGRAM:
                    self._histograms[metric] = meter.create_histogram(
                        metric.name, explicit_bucket_boundaries_advisory=metric.edges, **about
                    )
                case Kind.GAUGE:
                    meter.create_observable_gauge(metric.name, [self._asked(metric)], **about)

    def _asked(self, metric: Metric) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            if self._run is not None:
                for labels, value in self._run.gauges(metric):
                    yield Observation(value, dict(zip(metric.labels, labels, strict=True)))

        return observe

    def show_gauges(self, run: RunMetrics) -> None:
        """From now on, this run's gauges are sent, too."""
        self._run = run

    def add(self, metric: Metric, labels: Labels, amount: float) -> None:
        """A counter grows."""
        self._counters[metric].add(amount, dict(zip(metric.labels, labels, strict=True)))

    def observe(self, metric: Metric, labels: Labels, value: float) -> None:
        """A histogram gets a value."""
        self._histograms[metric].record(value, dict(zip(metric.labels, labels, strict=True)))

    def close(self, timeout: float = LAST_S) -> None:
        """Send the last values, for at most so many seconds."""
        if self._exporter.failing:
            timeout = min(timeout, _LAST_TRY_S)
        closing = threading.Thread(target=self._reader.shutdown, args=(timeout * 1000,), daemon=True)
        closing.start()
        closing.join(timeout)


class _Exporter(OTLPMetricExporter):
    """Tells once that a collector is gone, and once that it is back."""

    def __init__(self, url: str | None) -> None:
        super().__init__(url)
        self.where = _shown(self._endpoint)
        self.failing = False

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Send; whether it worked."""
        _last_words.clear()
        result = super().export(metrics_data, timeout_millis, **kwargs)
        failed = result is not MetricExportResult.SUCCESS
        if failed and not self.failing:
            logger.warning("metrics cannot be sent to %s%s; the run goes on without them", self.where, _why())
        elif self.failing and not failed:
            logger.info("metrics are sent to %s again", self.where)
        self.failing = failed
        return result


#: What the SDK said of the last attempt.
_last_words: list[str] = []
_REASONS = re.compile(r"\[Errno -?\d+\] ([\w ]+)|(code: \d+, reason: .+)")
_HEADERS_LOGGER = "opentelemetry.util.re"


def _why() -> str:
    """In brackets, the reason out of what the SDK said; nothing when it said nothing."""
    for words in _last_words:
        if found := _REASONS.search(words):
            return f" ({printable(found[1] or found[2], 100)})"
    return f" ({printable(_last_words[0], 200)})" if _last_words else ""


class _LastWords(logging.Handler):
    """Keeps what the SDK logs from the log, for the sentence that is told."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == _HEADERS_LOGGER:
            logger.warning(
                "OTEL_EXPORTER_OTLP_HEADERS holds what is no header (name=value), which is left out"
            )
        else:
            _last_words.append(record.getMessage())
            del _last_words[:-5]


def _keep_to_itself() -> None:
    sdk = logging.getLogger("opentelemetry")
    if not any(isinstance(handler, _LastWords) for handler in sdk.handlers):
        sdk.handlers = [_LastWords()]
        sdk.propagate = False


def _shown(url: str) -> str:
    """Without what could be a secret."""
    parts = urlsplit(url)
    host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    return f"{parts.scheme}://{host}{parts.path}"


def _resource(attributes: Mapping[str, str]) -> Resource:
    own = dict(attributes)
    if os.environ.get("OTEL_SERVICE_NAME") or "service.name=" in os.environ.get(
        "OTEL_RESOURCE_ATTRIBUTES", ""
    ):
        own.pop("service.name", None)
    found = Resource.create(own)
    told = {name: value for name, value in found.attributes.items() if name not in _NEVER_TOLD}
    return Resource(told, found.schema_url)
