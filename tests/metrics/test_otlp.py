from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from loadkit.errors import SettingsError
from loadkit.metrics.definitions import METRICS, SETUP_DURATION
from loadkit.metrics.otlp import OtlpSink, check_otlp, metrics_url, otlp_is_wanted
from loadkit.metrics.run_metrics import RunMetrics
from tests.collector import Collector, collector
from tests.e2e.processes import free_port
from tests.synthetic import call_row, failed_row, figures_row, turn_row

ATTRIBUTES = {"service.name": "loadkit", "service.version": "0.1.0", "loadkit.run.id": "run-1"}
SECRET = "Bearer s3cret-d41d8cd9"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def receiver() -> Iterator[Collector]:
    with collector() as kept:
        yield kept


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What a log would show. Not caplog, which also sees what is kept from the log."""
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    root, handler = logging.getLogger(), Lines()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)


def run_of(sink: OtlpSink) -> RunMetrics:
    run = RunMetrics("run-1", "0.1.0", [sink], lambda: 0.0)
    sink.show_gauges(run)
    return run


def test_every_metric_is_sent_at_the_end_at_the_latest(receiver: Collector) -> None:
    sink = OtlpSink(receiver.url, ATTRIBUTES)
    run = run_of(sink)
    run.record(call_row(0, setup_ms=80.0), [turn_row("x", 1), turn_row("x", 2, no_response=True)])
    run.record(failed_row(1), [])
    run.figures(figures_row(1, calls=50, late_ms_p99=4.0, placed=2))
    run.arrivals({"intended": 10, "dropped_max_concurrent": 1, "dropped_no_engine": 0})
    run.ended(1)
    sink.close(timeout=60)
    assert receiver.paths == ["/v1/metrics"]
    sent = receiver.metrics()
    assert {(name, metric.unit) for name, metric in sent.items()} == {(m.name, m.unit) for m in METRICS}
    assert receiver.resource | ATTRIBUTES == receiver.resource
    failed = frozenset({("stage", "answer"), ("code", "ANSWER_TIMEOUT")})
    assert receiver.numbers("loadkit.calls.failed") == {failed: 1}
    assert receiver.numbers("loadkit.calls.active") == {frozenset({("process", "local.0")}): 50}
    assert receiver.numbers("loadkit.run.exit_code") == {frozenset(): 1}
    (setup,) = receiver.histograms("loadkit.call.setup.duration")
    assert setup.count == 1
    assert setup.sum == pytest.approx(0.08)
    assert tuple(setup.explicit_bounds) == SETUP_DURATION.edges


def test_headers_come_from_the_environment_and_are_in_no_log(
    receiver: Collector, monkeypatch: pytest.MonkeyPatch, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization={SECRET.replace(' ', '%20')},{SECRET}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "soak-of-tonight")
    monkeypatch.setenv("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "process")
    monkeypatch.setattr("sys.argv", ["locust", "--auth-token", SECRET])
    assert otlp_is_wanted(None)
    check_otlp(None)
    sink = OtlpSink(None, ATTRIBUTES)
    run_of(sink)
    receiver.status = 400
    sink.close(timeout=60)
    assert receiver.headers[0]["authorization"] == SECRET
    assert receiver.resource["service.name"] == "soak-of-tonight"
    assert SECRET not in str(receiver.requests)
    printed = "\n".join([*told, *capsys.readouterr()])
    assert "no header" in printed
    assert "cannot be sent" in printed
    assert "s3cret" not in printed


def test_a_collector_that_is_gone_is_told_once_and_once_that_it_is_back(
    receiver: Collector, told: list[str]
) -> None:
    sink = OtlpSink(receiver.url, ATTRIBUTES)
    run_of(sink)
    for status in (400, 400, 200, 200):
        receiver.status = status
        sink._reader.collect()
    sink.close(timeout=60)
    gone, back = (line for line in told if line.startswith("metrics"))
    assert gone.startswith(f"metrics cannot be sent to {receiver.url}/v1/metrics (")
    assert back.endswith("again")


def test_a_collector_that_hangs_does_not_hold_up_the_end(receiver: Collector) -> None:
    sink = OtlpSink(receiver.url, ATTRIBUTES)
    run_of(sink)
    receiver.go.clear()
    # Comes back, though the collector does not answer before the test is over.
    sink.close(timeout=0.2)
    assert receiver.arrived.wait(60)


def test_nobody_there_is_no_error(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
    port = free_port()
    sink = OtlpSink(f"http://127.0.0.1:{port}", ATTRIBUTES)
    run_of(sink)
    sink.close(timeout=60)
    (line,) = (line for line in told if line.startswith("metrics"))
    where = f"http://127.0.0.1:{port}/v1/metrics"
    assert line == f"metrics cannot be sent to {where} (Connection refused); the run goes on without them"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_METRIC_EXPORT_INTERVAL", "soon"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
    ],
)
def test_a_variable_that_cannot_be_used_is_refused_before_the_run(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="OTEL_"):
        check_otlp("http://127.0.0.1:4318")


def test_what_the_sdk_passes_over_is_told(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")
    check_otlp("http://127.0.0.1:4318")
    assert [line for line in told if "OpenTelemetry's settings" in line and "'soon'" in line]


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "True"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_METRICS_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "a=b"}, False),
    ],
)
def test_the_environment_asks_for_it_as_opentelemetry_says(environment: dict[str, str], wanted: bool) -> None:
    assert otlp_is_wanted(None, environment) is wanted
    assert otlp_is_wanted("http://127.0.0.1:4318", environment)


def test_the_path_is_added_once() -> None:
    for given in ("http://127.0.0.1:4318", "http://127.0.0.1:4318/", "http://127.0.0.1:4318/v1/metrics"):
        assert metrics_url(given) == "http://127.0.0.1:4318/v1/metrics"
    assert metrics_url(None) is None
