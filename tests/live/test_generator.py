"""The generator in a live view: judged by the limits of the run, over its last ten seconds."""

from __future__ import annotations

from loadkit import lateness
from loadkit.live.generator import Generator
from loadkit.live.plan import Limits
from tests.live.told import engine, locust

LIMITS = Limits(late_ms=10, loop_lag_ms=50, cpu_share=0.9)
TOO_LATE = str(lateness.bucket_of(25))


def test_packets_that_are_late_make_it_unfit_by_name_of_the_worker() -> None:
    generator = Generator(LIMITS)
    generator.row(engine("worker-0.0"), 1.0)
    generator.row(engine("worker-1.0", late_histogram={"3": 95, TOO_LATE: 5}), 1.0)
    view = generator.view(1.0)
    assert view["status"] == "over a limit"
    assert [(w["worker"], w["over"]) for w in view["workers"]] == [
        ("worker-0", []),
        ("worker-1", ["late_ms"]),
    ]
    assert view["late_ms_p99"] == 25


def test_a_packet_that_was_never_sent_was_late() -> None:
    generator = Generator(LIMITS)
    generator.row(engine(frames_skipped=2), 1.0)
    assert generator.view(1.0)["status"] == "over a limit"


def test_cpu_and_lag_count_in_most_of_the_last_ten_seconds() -> None:
    generator = Generator(LIMITS)
    for second in range(20):
        generator.row(engine(cpu_share=0.99 if second < 15 else 0.1, loop_lag_ms=1.0), second)
    assert generator.view(20.0)["status"] == "fit", "five of the last ten seconds are not most of them"
    for second in range(20, 26):
        generator.row(engine(loop_lag_ms=80.0), second)
    assert generator.view(26.0)["processes"][0]["over"] == ["loop_lag_ms"]


def test_a_locust_process_is_judged_unless_it_is_the_master() -> None:
    generator = Generator(LIMITS)
    generator.row(engine("worker-0.0"), 1.0)
    generator.row(locust("master", cpu_share=1.0), 1.0)
    assert generator.view(1.0)["status"] == "fit"
    generator.row(locust("worker-0", cpu_share=1.0), 1.0)
    view = generator.view(1.0)
    assert view["status"] == "over a limit"
    assert {w["worker"]: w["locust_cpu_share"] for w in view["workers"]}["worker-0"] == 1.0


def test_without_limits_nothing_is_judged() -> None:
    generator = Generator(Limits())
    generator.row(engine(cpu_share=1.0, late_histogram={TOO_LATE: 100}), 1.0)
    assert generator.view(1.0)["status"] == "not judged"


def test_a_process_that_is_gone_for_a_minute_is_forgotten() -> None:
    generator = Generator(LIMITS)
    generator.row(engine("worker-0.0"), 0.0)
    generator.row(engine("worker-1.0"), 58.0)
    assert [w["silent"] for w in generator.view(59.0)["workers"]] == [True, False]
    assert [w["worker"] for w in generator.view(61.0)["workers"]] == ["worker-1"]
