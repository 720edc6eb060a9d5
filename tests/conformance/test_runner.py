"""How cases are chosen and run, whatever they do."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import Case, ExpectationFailed, Kind, NotChecked, Verdict
from loadkit.conformance.cases import CASES
from loadkit.conformance.runner import run_case, run_cases
from loadkit.conformance.selection import select
from loadkit.conformance.target import Plan, Target, open_target
from loadkit.errors import SettingsError
from loadkit.gateway.app import Gateway
from loadkit.gateway.settings import GatewaySettings
from tests.waiting import until

from .results import a_case

TOKEN = "s3cret-token"


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    started = Gateway(GatewaySettings(tokens=(SecretStr(TOKEN),)))
    await started.start()
    yield started
    await started.close()


@pytest.fixture
async def target(gateway: Gateway) -> AsyncIterator[Target]:
    async with open_target(Plan(gateway.url), TOKEN, ssl_context=ssl.create_default_context()) as opened:
        yield opened


def checking(check: Any, **fields: Any) -> Case:
    return replace(a_case("area.name"), check=check, **fields)


async def test_a_case_that_returns_passes(target: Target) -> None:
    result = await run_case(a_case("a.b"), target)
    assert (result.verdict, result.expected, result.seen, result.reason) == (Verdict.PASS, None, None, None)


@pytest.mark.parametrize(
    ("raised", "verdict", "texts"),
    [
        (ExpectationFailed("one", "two"), Verdict.FAIL, ("one", "two", None)),
        (NotChecked("no TURN"), Verdict.SKIP, (None, None, "no TURN")),
        (KeyError("a"), Verdict.ERROR, (None, None, "KeyError: 'a'")),
    ],
)
async def test_what_a_case_raises_decides(
    target: Target, raised: Exception, verdict: Verdict, texts: tuple[str | None, ...]
) -> None:
    async def check(bench: Bench) -> None:
        raise raised

    result = await run_case(checking(check), target)
    assert result.verdict is verdict
    assert (result.expected, result.seen, result.reason) == texts


async def test_a_case_without_end_fails_at_its_time_out(target: Target) -> None:
    async def check(bench: Bench) -> None:
        await asyncio.Event().wait()

    result = await run_case(checking(check, timeout=0.1), target)
    assert (result.verdict, result.seen) == (Verdict.FAIL, "it was not done within 0.1 s")


async def test_the_token_is_in_no_result(target: Target) -> None:
    async def check(bench: Bench) -> None:
        raise ExpectationFailed(f"not {TOKEN}", f"error X: your token {TOKEN} is bad")

    result = await run_case(checking(check), target)
    assert (result.expected, result.seen) == ("not ***", "error X: your token *** is bad")


async def test_what_a_case_leaves_open_is_closed(gateway: Gateway, target: Target) -> None:
    benches = []

    async def check(bench: Bench) -> None:
        benches.append(bench)
        await bench.call()
        await bench.answered(await bench.wire())
        assert gateway.active_sessions == 2
        raise RuntimeError("left in the middle")

    assert (await run_case(checking(check), target)).verdict is Verdict.ERROR
    await until(lambda: not gateway.active_sessions)
    assert all(wire.close_code == 1000 for bench in benches for wire in bench._wires)


async def test_a_slow_case_is_left_out_unless_asked_for(target: Target) -> None:
    result = await run_case(replace(a_case("a.b"), slow=True), target)
    assert (result.verdict, result.reason) == (Verdict.SKIP, "it takes long: say --slow")


async def test_results_come_in_the_order_of_the_cases_and_lonely_ones_are_alone(target: Target) -> None:
    running: set[str] = set()
    together: list[set[str]] = []
    both = asyncio.Event()

    def case(name: str, alone: bool) -> Case:
        async def check(bench: Bench) -> None:
            running.add(name)
            together.append(set(running))
            if {"a", "c"} <= running:
                both.set()
            if name in ("a", "c"):
                await both.wait()
            running.discard(name)

        return replace(a_case(f"area.{name}"), check=check, alone=alone)

    cases = [case("a", False), case("b", True), case("c", False), case("d", False)]
    told: list[str] = []
    results = await run_cases(cases, target, jobs=2, told=lambda result: told.append(result.case.id))
    assert [result.case.id for result in results] == ["area.a", "area.b", "area.c", "area.d"]
    assert sorted(told) == sorted(case.id for case in cases)
    assert {"b"} in together
    assert max(map(len, together)) == 2


async def test_what_is_not_begun_in_time_is_an_error_not_a_pass(target: Target) -> None:
    (result,) = await run_cases([a_case("a.b")], target, time_limit=0.0)
    assert (result.verdict, result.reason) == (Verdict.ERROR, "not begun: 0 s were over")


def test_the_cases_are_what_the_commands_and_pages_count_on() -> None:
    ids = [case.id for case in CASES]
    assert len(set(ids)) == len(ids) > 150
    assert all(case.id.count(".") == 1 and case.title and case.expectation and case.source for case in CASES)
    assert all(case.timeout <= 180 for case in CASES)


def test_cases_are_selected_by_id_by_area_and_by_pattern() -> None:
    chosen = select(CASES, only=["ping", "offer.mode-agent*", "health.shape"], skip=["ping.in-session"])
    ids = {case.id for case in chosen}
    assert {"ping.without-session", "offer.mode-agent_v1", "health.shape"} <= ids
    assert not {"ping.in-session", "health.no-token", "offer.answered"} & ids
    assert {case.kind for case in select(CASES, kind=Kind.SHOULD)} == {Kind.SHOULD}


def test_a_pattern_that_no_case_has_is_told() -> None:
    with pytest.raises(SettingsError) as caught:
        select(CASES, only=["pong"], skip=["hostile.nothing"])
    assert caught.value.faults == [
        "--only 'pong': no case is called so; --list shows all",
        "--skip 'hostile.nothing': no case is called so; --list shows all",
    ]
    with pytest.raises(SettingsError, match="no case is left"):
        select(CASES, only=["ping"], skip=["ping"])
