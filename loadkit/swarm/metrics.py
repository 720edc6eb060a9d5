"""Metrics of the runs of this process: the page for Prometheus, which outlives a run, and what hears each run."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING, Any

import gevent.pywsgi

from loadkit import __version__
from loadkit.errors import ExitCode, SettingsError
from loadkit.settings import Settings, flag
from loadkit.swarm.run_listener import RunListener

if TYPE_CHECKING:
    from loadkit.metrics.otlp import OtlpSink
    from loadkit.metrics.prometheus import MetricsPage
    from loadkit.metrics.run_metrics import RunMetrics, Sink
    from loadkit.swarm.run import Run

logger = logging.getLogger(__name__)

Row = dict[str, Any]


class Metrics:
    """What was asked for, on the process that reports; the client libraries are imported only then.

    :raises SettingsError: the port is in use, or a collector cannot be addressed.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._page: MetricsPage | None = None
        self._server: gevent.pywsgi.WSGIServer | None = None
        self._sends = settings.otlp_endpoint is not None or _environment_asks()
        if self._sends:
            from loadkit.metrics.otlp import check_otlp

            check_otlp(settings.otlp_endpoint)
        if settings.prometheus_port is not None:
            self._serve(settings.prometheus_host, settings.prometheus_port)

    def _serve(self, host: str, port: int) -> None:
        from loadkit.metrics.prometheus import PATH, MetricsPage

        self._page = MetricsPage()
        server = gevent.pywsgi.WSGIServer((host, port), self._page, log=None, error_log=None)
        try:
            server.start()
        except OSError as exc:
            raise SettingsError(
                [f"{flag('prometheus_port')} {port}: {host} cannot be listened at: {exc.strerror or exc}"]
            ) from exc
        self._server = server
        shown = f"[{host}]" if ":" in host else host
        logger.info("metrics for Prometheus: http://%s:%d%s", shown, server.server_port, PATH)

    def _new_otlp(self, run_id: str) -> OtlpSink:
        from loadkit.metrics.otlp import OtlpSink

        attributes = {"service.name": "loadkit", "service.version": __version__, "loadkit.run.id": run_id}
        return OtlpSink(self._settings.otlp_endpoint, attributes)

    def listeners(self) -> list[RunListener]:
        """What hears the next run; nothing when nobody asked for metrics."""
        return [_Listener(self)] if self._sends or self._page is not None else []

    def begin(self, run_id: str) -> tuple[RunMetrics, OtlpSink | None]:
        """The metrics of a run that begins, shown from now on."""
        from loadkit.metrics.run_metrics import RunMetrics

        sinks: list[Sink] = []
        otlp = self._new_otlp(run_id) if self._sends else None
        if otlp is not None:
            sinks.append(otlp)
            logger.info("metrics are sent to %s", otlp.where)
        shown = None
        if self._page is not None:
            from loadkit.metrics.prometheus import PrometheusSink

            shown = PrometheusSink()
            sinks.append(shown)
        metrics = RunMetrics(run_id, __version__, sinks, time.monotonic)
        if otlp is not None:
            otlp.show_gauges(metrics)
        if shown is not None and self._page is not None:
            shown.show_gauges(metrics)
            self._page.show(shown)
        return metrics, otlp

    def stop(self) -> None:
        """Close the page."""
        if self._server is not None:
            self._server.stop(timeout=0.5)
            self._server = None


def _environment_asks() -> bool:
    if not any(name.startswith("OTEL_EXPORTER_OTLP_") for name in os.environ):
        return False
    from loadkit.metrics.otlp import otlp_is_wanted

    return otlp_is_wanted(None)


class _Listener(RunListener):
    """One run."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._run: RunMetrics | None = None
        self._otlp: OtlpSink | None = None

    def began(self, run: Run) -> None:
        self._run, self._otlp = self._metrics.begin(run.path.name)

    def record(self, call: Row, turns: list[Row]) -> None:
        if self._run is not None:
            self._run.record(call, turns)

    def figures(self, row: Row) -> None:
        if self._run is not None:
            self._run.figures(row)

    def arrivals(self, row: Row) -> None:
        if self._run is not None:
            self._run.arrivals(row)

    def ended(self, exit_code: ExitCode) -> None:
        if self._run is not None:
            self._run.ended(int(exit_code))
        if self._otlp is not None:
            self._otlp.close()
