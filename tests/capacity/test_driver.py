"""A search over steps whose records are those of a gateway, or a generator, with a known limit."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from loadkit.capacity.document import document, exit_code, sentence
from loadkit.capacity.driver import Driver, Outcome, Stop, hold_for, unreachable
from loadkit.capacity.locust_run import StepPlan
from loadkit.capacity.options import By, CapacityOptions, LoadUnit
from loadkit.capacity.search import Bounds, Ending, Trial
from loadkit.errors import ExitCode
from loadkit.thresholds import parse_threshold
from tests.capacity.fake_gateway import (
    EndedProcess,
    FakeLoadTest,
    Silent,
    call_minutes,
    calls_at,
    load_test,
    loads,
    options,
    summary_of,
)


@pytest.fixture(autouse=True)
def _without_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadkit.capacity.driver.write_reports", summary_of)


def searched(test: FakeLoadTest, asked: CapacityOptions, call_s: float | None = 5.0) -> Outcome:
    return Driver(asked, test, Silent(), call_s).run()


def told(outcome: Outcome, asked: CapacityOptions) -> dict[str, Any]:
    return document(outcome, asked, capacity_id="search", host=None, command=[], started_at=0.0, ended_at=1.0)


def test_a_limit_is_found_and_told(tmp_path: Path) -> None:
    asked = options("failed < 1%", "setup_ms p95 < 800")
    outcome = searched(load_test(tmp_path, limit=37), asked)
    assert (outcome.ending, outcome.bounds.low, outcome.bounds.high) == (Ending.FOUND, 37, 38)
    result = told(outcome, asked)["result"]
    assert result["sentence"] == "37 calls held, 38 calls did not."
    assert result["carried"] == pytest.approx(37, abs=0.5)
    assert result["exit_code"] == ExitCode.PASSED


def test_a_limit_below_the_start_is_found(tmp_path: Path) -> None:
    outcome = searched(load_test(tmp_path, limit=5, slow=True), options("setup_ms p95 < 800", start=20))
    assert loads(outcome.steps)[:3] == [20, 10, 5]
    assert (outcome.bounds.low, outcome.bounds.high) == (5, 6)


def test_without_a_limit_up_to_the_highest_load_allowed_that_is_said(tmp_path: Path) -> None:
    asked = options(max_calls=30)
    outcome = searched(load_test(tmp_path, limit=1000), asked)
    assert loads(outcome.steps) == [10, 20, 30, 30]
    sentence = told(outcome, asked)["result"]["sentence"]
    assert sentence == "At least 30 calls: no limit was found up to there, which is as much as was allowed."
    assert exit_code(outcome, None) == ExitCode.PASSED


def test_when_all_calls_fail_not_even_one_held(tmp_path: Path) -> None:
    # Only set-up times are asked for, and there are none: failures made that, so it is no lack of data.
    asked = options("setup_ms p95 < 800", start=4, hold=130.0)
    outcome = searched(load_test(tmp_path, limit=0), asked)
    assert outcome.ending is Ending.NOT_EVEN_ONE
    assert told(outcome, asked)["result"]["sentence"] == "Not even 1 call held."
    assert exit_code(outcome, None) == ExitCode.FAILED


def test_an_unfit_generator_is_not_blamed_on_the_gateway(tmp_path: Path) -> None:
    asked = options("setup_ms p95 < 800", resolution=0.2)
    outcome = searched(load_test(tmp_path, limit=25, slow=True, generator=25), asked)
    assert outcome.ending is Ending.GENERATOR
    assert outcome.bounds.high_is is Trial.UNFIT
    sentence = told(outcome, asked)["result"]["sentence"]
    assert sentence.startswith("At least 25 calls; the generator was the limit at ")
    assert exit_code(outcome, None) == ExitCode.UNFIT
    assert "ms late or never" in " ".join(outcome.steps[-1].result.reasons)


def test_a_border_that_contradicts_itself_below_the_generators_limit_is_not_the_gateways() -> None:
    outcome = Outcome(Ending.GENERATOR, Bounds(12, 13, Trial.UNFIT, 10, 14))
    assert sentence(outcome, options()) == (
        "At least 12 calls; the generator was the limit at 13 calls, which says nothing about the gateway. "
        "The border contradicted itself when it was tried again: all trials agree up to 10 calls."
    )


def test_what_the_gateway_itself_refuses_no_generator_can_have_brought_about(tmp_path: Path) -> None:
    outcome = searched(load_test(tmp_path, limit=10, generator=10), options(factor=1.3))
    assert outcome.ending is Ending.FOUND
    assert (outcome.bounds.low, outcome.bounds.high) == (10, 11)


@pytest.mark.parametrize(
    ("at_least", "code", "words"),
    [(30.0, ExitCode.PASSED, "was reached"), (40.0, ExitCode.FAILED, "was not reached")],
)
def test_a_load_to_reach_is_tried_first_and_decides_the_exit_code(
    tmp_path: Path, at_least: float, code: ExitCode, words: str
) -> None:
    asked = options(at_least=at_least, factor=1.2)
    outcome = searched(load_test(tmp_path, limit=37), asked)
    assert loads(outcome.steps)[0] == at_least
    assert exit_code(outcome, told(outcome, asked)["result"]["at_least_reached"]) == code
    assert f"of --at-least: {words}." in told(outcome, asked)["result"]["sentence"]


def test_with_too_few_values_the_search_ends_and_says_what_to_do(tmp_path: Path) -> None:
    asked = options("setup_ms p99 < 800", start=2)
    outcome = searched(load_test(tmp_path, limit=100), asked)
    assert outcome.ending is Stop.NO_DATA
    assert "setup_ms p99 < 800 ms: too few, " in outcome.reason
    assert "give it a longer --hold" in outcome.reason
    assert exit_code(outcome, None) == ExitCode.NO_DATA


@pytest.mark.parametrize(
    ("process", "reason", "code"),
    [
        (EndedProcess(-9), "step 2 (20 calls) was killed by signal 9", ExitCode.NO_DATA),
        (
            EndedProcess(99, "it is odd"),
            "step 2 (20 calls) ended with exit code 99: it is odd",
            ExitCode.NO_DATA,
        ),
        (
            EndedProcess(2, "no such sample"),
            "step 2 (20 calls) could not begin: no such sample",
            ExitCode.BAD_SETTINGS,
        ),
        (
            EndedProcess(5, "not up"),
            "step 2 (20 calls) could not begin: not up",
            ExitCode.GATEWAY_UNREACHABLE,
        ),
        (EndedProcess(1, "no module x"), "step 2 (20 calls) left no records: no module x", ExitCode.NO_DATA),
    ],
)
def test_a_step_that_does_not_come_to_its_end_ends_the_search_with_what_is_known(
    tmp_path: Path, process: EndedProcess, reason: str, code: ExitCode
) -> None:
    asked = options()
    outcome = searched(load_test(tmp_path, limit=100, processes={2: process}), asked)
    assert outcome.reason == reason
    assert told(outcome, asked)["result"]["sentence"].startswith(
        "At least 10 calls held. The search ended early: "
    )
    assert exit_code(outcome, None) == code


def test_a_step_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadkit.capacity.driver._OVERTIME_S", -1e6)
    process = EndedProcess(None)
    outcome = searched(load_test(tmp_path, processes={1: process}), options())
    assert outcome.reason == "step 1 (10 calls) did not end in time and was ended"
    assert process.killed


def test_ctrl_c_keeps_the_steps_before(tmp_path: Path) -> None:
    class Interrupting(Silent):
        def begun(self, step: StepPlan) -> None:
            if step.number == 3:
                raise KeyboardInterrupt

    asked = options()
    outcome = Driver(asked, load_test(tmp_path, limit=1000), Interrupting(), 5.0).run()
    assert (outcome.ending, loads(outcome.steps)) == (Stop.INTERRUPTED, [10, 20])
    assert told(outcome, asked)["result"]["sentence"].startswith(
        "At least 20 calls held. The search ended early"
    )
    assert exit_code(outcome, None) == ExitCode.INTERRUPTED


def test_no_step_is_begun_for_which_there_is_no_time(tmp_path: Path) -> None:
    outcome = searched(load_test(tmp_path, limit=1000), options(max_time=1.0))
    assert (outcome.ending, loads(outcome.steps)) == (Stop.TIME, [10])
    assert exit_code(outcome, None) == ExitCode.NO_DATA


def test_the_steps_share_one_budget_of_call_minutes(tmp_path: Path) -> None:
    asked, test = options(), load_test(tmp_path, limit=1000)
    first = Driver(asked, test, Silent(), 5.0, 1e6)._plan(10)
    minutes = call_minutes(calls_at(10, first, lambda _: {}))
    # The second step, of twice as many calls, has a tenth less than it takes.
    outcome = Driver(asked, test, Silent(), 5.0, 2.9 * minutes).run()
    assert (outcome.ending, loads(outcome.steps)) == (Stop.BUDGET, [10])
    assert outcome.reason.endswith("were used up in step 2 (20 calls), which is not counted")
    assert exit_code(outcome, None) == ExitCode.NO_DATA


def test_no_step_is_begun_when_the_call_minutes_are_used_up(tmp_path: Path) -> None:
    asked, test = options(), load_test(tmp_path, limit=1000)
    first = Driver(asked, test, Silent(), 5.0, 1e6)._plan(10)
    minutes = call_minutes(calls_at(10, first, lambda _: {}))
    outcome = Driver(asked, test, Silent(), 5.0, minutes).run()
    assert (outcome.ending, loads(outcome.steps)) == (Stop.BUDGET, [10])
    assert outcome.reason == f"--max-call-minutes {minutes:g} are used up"


def test_a_gateway_that_went_away_is_not_taken_for_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([None, None, "Connection refused"])
    monkeypatch.setattr("loadkit.capacity.driver.unreachable", lambda _host: next(answers))
    outcome = searched(load_test(tmp_path, limit=10, host="ws://127.0.0.1:9"), options())
    assert outcome.ending is Stop.UNREACHABLE
    assert outcome.reason == "nothing answers at ws://127.0.0.1:9 after step 2 (20 calls): Connection refused"
    assert (outcome.bounds.low, outcome.bounds.high) == (10, 20)


def test_an_address_is_tried_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadkit.capacity.driver.time.sleep", lambda _seconds: None)
    tried: list[Any] = []

    def refuse(address: Any, timeout: float) -> socket.socket:
        tried.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    assert unreachable("wss://gateway.example.com/x", refuse) == "Connection refused"
    assert tried == [("gateway.example.com", 443)] * 3


@pytest.mark.parametrize(
    ("load", "call_s", "slo", "hold"),
    [
        (10, 10.0, "setup_ms p95 < 1", 30.0),  # 30 calls in 30 s
        (4, 10.0, "setup_ms p95 < 1", 60.0),
        (1, 10.0, "setup_ms p95 < 1", 120.0),  # four times as long at most
        (1, 10.0, "failed < 1%", 30.0),
        (1, 10.0, "turn_latency_ms p95 < 1", 30.0),
        (4, None, "setup_ms p95 < 1", 30.0),
        (40, 0.2, "setup_ms p99 < 1", 30.0),
    ],
)
def test_a_load_is_held_long_enough_for_its_thresholds(
    load: float, call_s: float | None, slo: str, hold: float
) -> None:
    asked = options(slo, hold=30.0)
    assert hold_for(load, asked, [parse_threshold(slo)], call_s) == hold


def test_each_step_is_a_locust_command_without_a_secret(tmp_path: Path) -> None:
    test = load_test(tmp_path, token="s3cret", host="ws://127.0.0.1:1", options=["--call-mode=end-to-end"])
    step = StepPlan(number=3, load=40, hold_s=30, ramp_s=10, drain_s=15)
    command = " ".join(test.command(step))
    assert (
        "--headless --only-summary --host ws://127.0.0.1:1 -u 40 -r 4 --back-to-back -t 42s --stop-timeout 15"
        in command
    )
    assert command.endswith(
        f"--reports-dir {tmp_path} --run-id step-03-40 --no-report --live off --call-mode=end-to-end"
    )
    assert "s3cret" not in command


def test_a_rate_is_counted_in_tenths_of_a_call_a_second(tmp_path: Path) -> None:
    unit = LoadUnit(By.RATE)
    assert (unit.number(2.5), unit.load(25), unit.text(2.5)) == (25, 2.5, "2.5 calls/s")
    assert options(by="rate").plan().start == 10
    step = StepPlan(number=1, load=2.5, hold_s=30, ramp_s=10, drain_s=15)
    command = " ".join(load_test(tmp_path, unit=unit, most_calls=200).command(step))
    assert "--arrival-rate 2.5/s --max-concurrent 200 -t 42s" in command
    assert "--back-to-back" not in command
