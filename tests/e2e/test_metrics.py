"""A run is told to Prometheus and to a collector while it goes."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import urllib.request
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from loadkit.errors import ExitCode
from tests.collector import collector
from tests.e2e.processes import Command, assert_no_secret, headless, locust, summary, wait_until

_SECRET = "s3cret-of-the-collector"


def page_of(command: Command) -> str:
    """Address of the page, out of the log."""
    command.wait_for("metrics for Prometheus")
    found = re.search(r"http://127\.0\.0\.1:\d+/metrics", command.output)
    assert found is not None
    return found[0]


def read(url: str) -> dict[str, Metric]:
    """Name → metric of the page; nothing when it is gone."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        text = opener.open(url, timeout=150).read().decode()
    except (OSError, http.client.HTTPException):
        return {}
    return {metric.name: metric for metric in text_string_to_metric_families(text)}


def total(metrics: dict[str, Metric], name: str, sample: str) -> float:
    return (
        sum(each.value for each in metrics[name].samples if each.name == sample) if name in metrics else 0.0
    )


def with_a_call(page: str) -> dict[str, Metric] | None:
    """The page once a call of it has ended: told by its record, and those in progress by a row of its engine."""
    metrics = read(page)
    setups = "loadkit_call_setup_duration_seconds"
    there = (
        total(metrics, "loadkit_calls_ended", "loadkit_calls_ended_total"),
        total(metrics, setups, f"{setups}_count"),
        "loadkit_calls_active" in metrics and metrics["loadkit_calls_active"].samples,
    )
    return metrics if all(there) else None


def test_prometheus_and_a_collector_hear_of_a_run_while_it_goes(tmp_path: Path) -> None:
    options = [*headless(2, 120), "--call-duration", "1s", "--prometheus-port", "0"]
    environment = {"OTEL_EXPORTER_OTLP_HEADERS": f"api-key={_SECRET}", "OTEL_METRIC_EXPORT_INTERVAL": "500"}
    environment |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    with collector() as receiver:
        options += ["--otlp-endpoint", receiver.url]
        with locust(tmp_path, *options, **environment) as command:
            page = page_of(command)
            metrics = wait_until(lambda: with_a_call(page), "a call is on the page, and who held it")
            wait_until(lambda: receiver.requests, "the collector hears of the run while it goes on")
            command.children("")
            command.signal(signal.SIGTERM)
            assert command.wait() == ExitCode.INTERRUPTED, command.output
            command.assert_no_process_left()
        told = summary(tmp_path)["calls"]
        # The last values come when the report is written.
        assert sum(receiver.numbers("loadkit.calls.ended").values()) == told["total"]
        assert (
            sum(point.count for point in receiver.histograms("loadkit.call.setup.duration"))
            == told["connected"]
        )
        assert receiver.numbers("loadkit.run.exit_code") == {frozenset(): ExitCode.INTERRUPTED}
        assert receiver.headers[-1]["api-key"] == _SECRET
        assert receiver.resource["loadkit.run.id"] == "run"
    processes = {sample.labels["process"] for sample in metrics["loadkit_calls_active"].samples}
    assert processes == {"local.0"}
    assert _SECRET not in command.output
    assert_no_secret(tmp_path, command.output)
    assert not [path.name for path in (tmp_path / "run").iterdir() if _SECRET.encode() in path.read_bytes()]


def test_a_port_in_use_ends_the_command_before_the_run(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with locust(tmp_path, *headless(1, 5), "--prometheus-port", str(port)) as command:
            assert command.wait() == ExitCode.BAD_SETTINGS, command.output
            command.assert_no_process_left()
    assert (
        f"--prometheus-port {port}: 127.0.0.1 cannot be listened at: Address already in use" in command.output
    )
    assert "Traceback" not in command.output
    assert not (tmp_path / "run").exists()
