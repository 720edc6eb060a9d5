"""Faults of a gateway that grows old: it leaks sessions, and its answers get later."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from loadkit.gateway.app import Gateway
from loadkit.gateway.faults.grammar import read_faults
from loadkit.gateway.faults.kinds import Leak, Slowdown
from loadkit.gateway.faults.plan import ChosenFault
from loadkit.gateway.faults.planned_faults import PlannedFaults
from loadkit.gateway.faults.stall import Stalls
from loadkit.gateway.settings import GatewaySettings
from tests.gateway.callers import RawSocket, offer
from tests.waiting import until


@asynccontextmanager
async def _gateway(**settings: Any) -> AsyncIterator[Gateway]:
    """One that may hold sessions for ever: those of the fixture must not."""
    gateway = Gateway(GatewaySettings(**settings))
    await gateway.start()
    yield gateway
    await gateway.close()


def test_both_are_read_from_options() -> None:
    faults, mistakes = read_faults(None, ["leak share=20% memory=1000", "slowdown per-minute=1ms"])
    assert mistakes == []
    leak, slowdown = faults
    assert isinstance(leak, Leak)
    assert (leak.share, leak.memory) == (0.2, 1000)
    assert isinstance(slowdown, Slowdown)
    assert slowdown.per_minute == 0.001


async def test_a_share_of_the_sessions_that_have_ended_stays_counted() -> None:
    async with _gateway(fault=("leak share=30% memory=1000",)) as gateway, RawSocket(gateway) as socket:
        for _ in range(10):
            await socket.send(offer())
            answer = await socket.receive("answer")
            await socket.send(json.dumps({"type": "close", "sessionId": answer["sessionId"]}))
        await until(lambda: gateway.active_sessions == 3)


async def test_leaked_sessions_fill_the_gateway() -> None:
    async with (
        _gateway(fault=("leak memory=0",), max_sessions=1) as gateway,
        RawSocket(gateway) as socket,
        RawSocket(gateway) as later,
    ):
        await socket.send(offer())
        answer = await socket.receive("answer")
        await socket.send(json.dumps({"type": "close", "sessionId": answer["sessionId"]}))
        await until(lambda: not gateway._sessions)
        assert (await later.refusal(offer()))[0] == "HANDLER_ERROR"


async def test_an_answer_is_later_the_older_the_gateway_is() -> None:
    ages = iter([60.0, 600.0])
    waits = []

    class Planned(PlannedFaults):
        async def _accept_later(self, session: object, accept: object, seconds: float) -> None:
            waits.append(seconds)

    fault = ChosenFault(read_faults(None, ["slowdown per-minute=1ms"])[0][0], "seed")
    faults = Planned([fault], Stalls([]), age_s=lambda: next(ages))
    for _ in range(2):
        faults.offer_received(_Session(), lambda: None)
    await until(lambda: len(waits) == 2)
    assert waits == [0.001, 0.01]


class _Session:
    session_id = "s"
    socket = None

    def fail(self, code: str, message: str) -> None: ...
    def hang_up(self, reason: str) -> None: ...
    def drop(self, reason: str) -> None: ...
    async def flush(self) -> None: ...
