"""A real HTTP server that takes OTLP as a collector does, and keeps what it was sent."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, Metric, NumberDataPoint

Attributes = frozenset[tuple[str, str]]


class Collector:
    """What came, newest last."""

    def __init__(self) -> None:
        self.requests: list[ExportMetricsServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        #: Answer to give, and an event to wait for before it is given.
        self.status = 200
        self.go = threading.Event()
        self.go.set()
        self.arrived = threading.Event()
        self.url = ""

    @property
    def resource(self) -> dict[str, str]:
        """Attributes of the newest resource."""
        return dict(_attributes(self.requests[-1].resource_metrics[0].resource.attributes))

    def metrics(self) -> dict[str, Metric]:
        """Name → metric of the newest request."""
        (resource,) = self.requests[-1].resource_metrics
        return {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}

    def numbers(self, name: str) -> dict[Attributes, float]:
        """Attributes → value of a counter or gauge in the newest request."""
        metric = self.metrics()[name]
        points = metric.sum.data_points if metric.HasField("sum") else metric.gauge.data_points
        return {_attributes(point.attributes): _value(point) for point in points}

    def histograms(self, name: str) -> list[HistogramDataPoint]:
        """Points of a histogram in the newest request."""
        return list(self.metrics()[name].histogram.data_points)


def _value(point: NumberDataPoint) -> float:
    return float(point.as_int if point.HasField("as_int") else point.as_double)


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return frozenset((pair.key, pair.value.string_value) for pair in pairs)


@contextmanager
def collector() -> Iterator[Collector]:
    """One on a free port of 127.0.0.1."""
    kept = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.requests.append(ExportMetricsServiceRequest.FromString(body))
            kept.headers.append({name.lower(): value for name, value in self.headers.items()})
            kept.paths.append(self.path)
            kept.arrived.set()
            kept.go.wait(30)
            answer = ExportMetricsServiceResponse().SerializeToString()
            self.send_response(kept.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        kept.go.set()
        server.shutdown()
        server.server_close()
