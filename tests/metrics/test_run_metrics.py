from __future__ import annotations

import re
from collections import Counter
from typing import Any

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from loadkit.metrics import definitions as d
from loadkit.metrics.definitions import METRICS, Kind, Metric
from loadkit.metrics.prometheus import MetricsPage, PrometheusSink
from loadkit.metrics.run_metrics import Labels, RunMetrics
from loadkit.printable import OTHER_CODES
from tests.synthetic import HOSTILE_CODES, call_row, failed_row, figures_row, locust_row, turn_row


class Ticks:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Kept:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.counters: Counter[tuple[str, Labels]] = Counter()
        self.observed: dict[tuple[str, Labels], list[float]] = {}

    def add(self, metric: Metric, labels: Labels, amount: float) -> None:
        assert len(labels) == len(metric.labels)
        self.counters[metric.name, labels] += int(amount)

    def observe(self, metric: Metric, labels: Labels, value: float) -> None:
        self.observed.setdefault((metric.name, labels), []).append(value)

    def labels(self, metric: Metric) -> set[Labels]:
        return {labels for name, labels in [*self.counters, *self.observed] if name == metric.name}


def run_metrics(*sinks: Any, clock: Any = None) -> RunMetrics:
    return RunMetrics("run-1", "0.1.0", sinks, clock or Ticks())


def test_a_record_counts_its_call_and_its_turns_in_seconds() -> None:
    kept = Kept()
    run = run_metrics(kept)
    call = call_row(1, setup_ms=1_500.0, packets_lost=3)
    answered = turn_row(call["call_id"], 1, turn_latency_ms=800.0)
    unanswered = turn_row(call["call_id"], 2, turn_latency_ms=None, no_response=True)
    run.record(call, [answered, unanswered])
    run.record(failed_row(2), [])
    kind = ("talk", "echo", "any")
    assert kept.counters["loadkit.calls.ended", ("completed", *kind)] == 1
    # A call that failed before it connected has no path: it is another kind.
    assert sum(kept.counters["loadkit.calls.ended", labels] for labels in kept.labels(d.CALLS_ENDED)) == 2
    assert kept.counters["loadkit.calls.failed", ("answer", "ANSWER_TIMEOUT")] == 1
    assert kept.observed["loadkit.call.setup.duration", kind] == [1.5]
    assert kept.observed["loadkit.turn.latency", kind] == [0.8]
    assert kept.counters["loadkit.turns.unanswered", kind] == 1
    assert kept.counters["loadkit.rtp.packets.lost", ()] == 3


def test_labels_are_bounded_whatever_a_gateway_sends() -> None:
    kept = Kept()
    run = run_metrics(kept)
    for number in range(1_000):
        call = failed_row(number, f"CODE-{number}")
        run.record({**call, "scenario": f"s{number}", "mode": f"m{number}"}, [])
        run.figures(figures_row(0, f"local.{number}"))
    for code in HOSTILE_CODES:
        run.record(failed_row(0, code), [])
    assert len(kept.labels(d.CALLS_FAILED)) == d.MOST_CODES + 1
    assert kept.counters["loadkit.calls.failed", ("answer", OTHER_CODES)] == 1_000 - d.MOST_CODES + 5
    assert len(kept.labels(d.CALLS_ENDED)) == d.MOST_CALL_KINDS + 1
    assert len(list(run.gauges(d.GENERATOR_CPU))) == d.MOST_PROCESSES
    assert all(len(label) < 200 for labels in kept.labels(d.CALLS_FAILED) for label in labels)


def test_figures_are_gauges_per_process_and_what_was_not_measured_is_not_there() -> None:
    clock = Ticks()
    kept = Kept()
    run = run_metrics(kept, clock=clock)
    run.figures(figures_row(1, calls=50, placed=7, late_ms_p99=4.0, loop_lag_ms=2.0))
    run.figures(locust_row(1))
    assert dict(run.gauges(d.CALLS_ACTIVE)) == {("local.0",): 50}
    assert dict(run.gauges(d.GENERATOR_LATENESS)) == {("local.0", "engine"): 0.004}
    assert dict(run.gauges(d.GENERATOR_PROCESSES)) == {("engine",): 1, ("locust",): 1}
    assert kept.counters["loadkit.rtp.packets.sent", ()] == 2_500
    assert kept.counters["loadkit.calls.started", ()] == 7
    run.figures(figures_row(2, late_ms_p99=None))
    assert dict(run.gauges(d.GENERATOR_LATENESS)) == {}


def test_a_process_that_says_nothing_any_more_goes() -> None:
    clock = Ticks()
    run = run_metrics(clock=clock)
    run.figures(figures_row(1, "local.0"))
    clock.now += d.GAUGE_LIVES_S - 1
    run.figures(figures_row(2, "local.1"))
    clock.now += 2
    assert [labels for labels, _ in run.gauges(d.CALLS_ACTIVE)] == [("local.1",)]
    assert dict(run.gauges(d.RUN_INFO)) == {("run-1", "0.1.0"): 1}


def test_every_metric_is_on_the_page_under_its_name() -> None:
    sink = PrometheusSink()
    run = run_metrics(sink)
    sink.show_gauges(run)
    row = failed_row(1, HOSTILE_CODES[0], message="x")
    run.record(call_row(0), [turn_row("call-000000", 1), turn_row("call-000000", 2, no_response=True)])
    run.record(row, [])
    run.figures(figures_row(1, late_ms_p99=3.0))
    run.arrivals({"intended": 10, "dropped_max_concurrent": 1, "dropped_no_engine": 0})
    run.ended(0)
    text = generate_latest(sink.registry).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    for metric in METRICS:
        family = families[metric.prometheus_name.removesuffix("_total")]
        assert family.type == str(metric.kind)
        assert family.samples, metric.name
        assert all(set(sample.labels) - {"le"} == set(metric.labels) for sample in family.samples)
    assert len(families) == len(METRICS)
    (reasons,) = [families[name] for name in families if name == "loadkit_arrivals_dropped"]
    assert {s.labels["reason"]: s.value for s in reasons.samples} == {"max_concurrent": 1, "no_engine": 0}
    codes = {sample.labels["code"] for sample in families["loadkit_calls_failed"].samples}
    assert codes == {HOSTILE_CODES[0]}


def test_the_page_is_at_one_address() -> None:
    page = MetricsPage()
    told: list[str] = []
    (body,) = page({"PATH_INFO": "/"}, lambda status, headers: told.append(status))
    assert told == ["404 Not Found"]
    assert b"/metrics" in body


def test_names_are_those_of_their_systems() -> None:
    for metric in METRICS:
        assert re.fullmatch(r"loadkit(\.[a-z0-9_]+)+", metric.name)
        assert metric.prometheus_name.endswith("_total") is (metric.kind is Kind.COUNTER)
        assert list(metric.edges) == sorted(set(metric.edges))
        assert bool(metric.edges) is (metric.kind is Kind.HISTOGRAM)
