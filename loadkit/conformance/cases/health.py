"""``GET /health``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import ExpectationFailed, Kind, NotChecked, case, demand, shown
from loadkit.conformance.sources import HEALTH
from loadkit.conformance.target import HEALTH_PATH

#: Calls that are held to see the count change.
_CALLS = 3
_POLL_S = 0.2
#: So many equal readings one after the other mean that what was before has ended.
_STEADY_READINGS = 3


@case(
    "health.shape",
    "Health tells a status and how many sessions are held",
    expect='GET /health answers 200 and {"status": "healthy", "activeSessions": a whole number from 0 on}',
    source=HEALTH,
)
async def shape(bench: Bench) -> None:
    answer = await bench.get(HEALTH_PATH, bearer=bench.target.token)
    demand(answer.status == 200, "HTTP 200", f"HTTP {answer.status}")
    document = answer.document()
    demand(isinstance(document, dict), "a JSON object", shown(document))
    demand(document.get("status") == "healthy", 'status "healthy"', f"status {shown(document.get('status'))}")
    count = document.get("activeSessions")
    whole = isinstance(count, int) and not isinstance(count, bool) and count >= 0
    demand(whole, "activeSessions, a whole number from 0 on", shown(count))


@case(
    "health.no-token",
    "Health needs no token",
    expect="GET /health without a token answers 200",
    source=HEALTH,
)
async def no_token(bench: Bench) -> None:
    answer = await bench.get(HEALTH_PATH)
    demand(answer.status == 200, "HTTP 200 without a token", f"HTTP {answer.status}")


@case(
    "health.counts-up",
    "activeSessions rises by the sessions that are held",
    expect=f"activeSessions is {_CALLS} higher while {_CALLS} more sessions are held",
    source=HEALTH,
    alone=True,
)
async def counts_up(bench: Bench) -> None:
    before = await _steady_count(bench)
    await _hold_sessions(bench)
    expected = f"activeSessions {before + _CALLS} with {_CALLS} sessions more than the {before} before"
    await _until(bench, lambda count: count >= before + _CALLS, expected)


@case(
    "health.counts-down",
    "activeSessions falls when sessions are closed",
    expect="activeSessions is back where it was after every session was closed",
    source=HEALTH,
    alone=True,
)
async def counts_down(bench: Bench) -> None:
    before = await _steady_count(bench)
    names = await _hold_sessions(bench)
    try:
        await _until(bench, lambda count: count >= before + _CALLS, "")
    except ExpectationFailed:
        raise NotChecked("activeSessions did not rise, so it cannot fall: see health.counts-up") from None
    wire = await bench.wire()
    for name in names:
        await wire.say("close", name)
    await _until(bench, lambda count: count <= before, f"activeSessions back at {before} after each close")


async def _hold_sessions(bench: Bench) -> list[str]:
    return [str((await bench.answered(await bench.wire())).get("sessionId") or "") for _ in range(_CALLS)]


async def _count(bench: Bench) -> int:
    document = (await bench.get(HEALTH_PATH, bearer=bench.target.token)).document()
    count = document.get("activeSessions") if isinstance(document, dict) else None
    if not isinstance(count, int):
        raise NotChecked("health tells no activeSessions: see health.shape")
    return count


async def _steady_count(bench: Bench) -> int:
    """The count once nothing changes it any more; sessions of the case before may still be ending."""
    readings = [await _count(bench)]
    deadline = asyncio.get_running_loop().time() + bench.plan.wait
    while len(set(readings[-_STEADY_READINGS:])) > 1 or len(readings) < _STEADY_READINGS:
        if asyncio.get_running_loop().time() > deadline:
            raise NotChecked("activeSessions does not stand still: others are using the gateway")
        await asyncio.sleep(_POLL_S)
        readings.append(await _count(bench))
    return readings[-1]


async def _until(bench: Bench, reached: Callable[[int], bool], expected: str) -> None:
    deadline = asyncio.get_running_loop().time() + bench.plan.wait
    while not reached(count := await _count(bench)):
        if asyncio.get_running_loop().time() > deadline:
            raise ExpectationFailed(expected, f"activeSessions {count} after {bench.plan.wait:g} s")
        await asyncio.sleep(_POLL_S)


@case(
    "health.abandoned",
    "A session whose caller vanished ends by itself",
    expect="activeSessions is back within two minutes after a caller's socket was torn and none came back",
    source=HEALTH,
    kind=Kind.SHOULD,
    slow=True,
    alone=True,
    timeout=150.0,
)
async def abandoned(bench: Bench) -> None:
    before = await _steady_count(bench)
    wire = await bench.wire()
    await bench.answered(wire)
    await wire.drop()
    deadline = asyncio.get_running_loop().time() + 120
    while (count := await _count(bench)) > before:
        if asyncio.get_running_loop().time() > deadline:
            raise ExpectationFailed(f"activeSessions back at {before}", f"{count} after 120 s")
        await asyncio.sleep(1)
