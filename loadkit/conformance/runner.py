"""Runs the cases, each under its time-out, and puts away what they opened."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import Case, ExpectationFailed, NotChecked, Result, Verdict
from loadkit.conformance.target import Target

logger = logging.getLogger(__name__)

#: Called with each result as it is there.
Listener = Callable[[Result], None]


async def run_cases(
    cases: Sequence[Case],
    target: Target,
    *,
    jobs: int = 1,
    time_limit: float = 900.0,
    told: Listener = lambda _result: None,
    stop: asyncio.Event | None = None,
) -> list[Result]:
    """Run all cases; the results are in the order of the cases.

    Cases that must be alone go first, one by one.

    :param jobs: cases at the same time.
    :param time_limit: seconds after which no case is begun any more; the rest are errors.
    :param stop: when it is set, cases in work are broken off; they and the rest are errors, and what was decided
        is kept.
    """
    results: dict[str, Result] = {}
    checking = asyncio.create_task(_check(cases, target, jobs, time_limit, results, told))
    stopping = asyncio.create_task((stop or asyncio.Event()).wait())
    try:
        await asyncio.wait({checking, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        checking.cancel()
        await asyncio.wait({checking, stopping})
    if not checking.cancelled():
        checking.result()
    broken_off = "not done: the run was interrupted"
    return [results.get(case.id) or Result(case, Verdict.ERROR, 0.0, reason=broken_off) for case in cases]


async def _check(
    cases: Sequence[Case],
    target: Target,
    jobs: int,
    time_limit: float,
    results: dict[str, Result],
    told: Listener,
) -> None:
    ends_at = time.monotonic() + time_limit

    async def one(case: Case) -> None:
        if time.monotonic() >= ends_at:
            result = Result(case, Verdict.ERROR, 0.0, reason=f"not begun: {time_limit:g} s were over")
        else:
            result = await run_case(case, target)
        results[case.id] = result
        told(result)

    for case in cases:
        if case.alone:
            await one(case)
    waiting = iter([case for case in cases if not case.alone])

    async def work() -> None:
        for case in waiting:
            await one(case)

    async with asyncio.TaskGroup() as group:
        for _ in range(jobs):
            group.create_task(work())


async def run_case(case: Case, target: Target) -> Result:
    """Run one case; whatever it does ends in a result. The token is in none."""
    started = time.monotonic()
    if case.slow and not target.plan.slow:
        return Result(case, Verdict.SKIP, 0.0, reason="it takes long: say --slow")
    bench = Bench(target)
    try:
        result = await _judge(case, bench)
    finally:
        await bench.clean_up()
    result = replace(result, seconds=time.monotonic() - started)
    return _scrubbed(result, target)


async def _judge(case: Case, bench: Bench) -> Result:
    try:
        async with asyncio.timeout(case.timeout):
            await case.check(bench)
    except ExpectationFailed as exc:
        return Result(case, Verdict.FAIL, 0.0, expected=exc.expected, seen=exc.seen)
    except NotChecked as exc:
        return Result(case, Verdict.SKIP, 0.0, reason=exc.reason)
    except TimeoutError:
        seen = f"it was not done within {case.timeout:g} s"
        return Result(case, Verdict.FAIL, 0.0, expected=case.expectation, seen=seen)
    except Exception as exc:
        # The other cases go on; this one says nothing about the gateway.
        logger.debug("case %s failed by itself", case.id, exc_info=True)
        return Result(case, Verdict.ERROR, 0.0, reason=f"{type(exc).__name__}: {exc}")
    return Result(case, Verdict.PASS, 0.0)


def _scrubbed(result: Result, target: Target) -> Result:
    def scrubbed(text: str | None) -> str | None:
        return None if text is None else target.scrub(text)

    return replace(
        result,
        expected=scrubbed(result.expected),
        seen=scrubbed(result.seen),
        reason=scrubbed(result.reason),
    )
