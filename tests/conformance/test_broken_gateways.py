"""A gateway that is broken in one thing fails the cases that are about it, and no other.

Each is checked by its own areas and by a core of cases that need most of a gateway; a handful by all cases.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import pytest

from loadkit.conformance.case import Case, Verdict
from loadkit.conformance.cases import CASES, rtcp
from loadkit.conformance.runner import run_cases
from loadkit.conformance.target import Plan, open_target
from loadkit.gateway.app import Gateway
from loadkit.gateway.settings import GatewaySettings

from .breakages import BROKEN, TOKEN, Broken, break_media
from .proxy import Proxy

CORE = ("health.shape", "offer.answered", "ping.without-session", "hostile.not-json", "media.connects")
CHECKED_BY_ALL = (
    "HealthWantsAToken",
    "NoEndOfCandidates",
    "TwoSsrcs",
    "ErrorsSayNothing",
)
#: Its callers cannot hear each other out in a second on a busy machine.
WAIT_S = 4.0


def cases_for(broken: Broken) -> list[Case]:
    """The areas of what is broken, and the core."""
    areas = {case_id.partition(".")[0] for case_id in broken.breaks}
    return [case for case in CASES if case.area in areas or case.id in CORE]


async def failures(broken: Broken, cases: Sequence[Case], monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Ids of the cases that fail against a broken gateway; no case may go wrong by itself."""
    break_media(broken, monkeypatch)
    monkeypatch.setattr(rtcp, "_REPORT_S", 8.0)
    # Nothing answers at that TURN server, and whether one does is for the real one's test.
    chosen = [case for case in cases if case.id != "ice-servers.turn-allocates"]
    settings = {
        "tokens": (TOKEN,),
        "turn_urls": ("turn:127.0.0.1:9",),
        "turn_secret": "north",
        # Breakages take the place of what Python does to packets.
        "media_path": "python",
        **broken.settings,
    }
    gateway = Gateway(GatewaySettings(**settings))
    await gateway.start()
    try:
        async with Proxy(gateway.url, broken.breakage()).running() as proxy:
            plan = Plan(proxy.url, wait=WAIT_S, production=broken.production)
            async with open_target(plan, TOKEN, ssl_context=ssl.create_default_context()) as target:
                results = await run_cases(chosen, target, jobs=broken.jobs)
    finally:
        await gateway.close()
    errors = {result.case.id: result.reason for result in results if result.verdict is Verdict.ERROR}
    assert not errors
    return {result.case.id for result in results if result.verdict is Verdict.FAIL}


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
async def test_it_fails_exactly_what_is_broken(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await failures(broken, cases_for(broken), monkeypatch) == broken.breaks


@pytest.mark.parametrize(
    "broken", [b for b in BROKEN if b.name in CHECKED_BY_ALL], ids=lambda broken: broken.name
)
async def test_of_all_cases_it_fails_exactly_what_is_broken(
    broken: Broken, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await failures(broken, CASES, monkeypatch) == broken.breaks


async def test_a_proxy_that_breaks_nothing_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await failures(Broken("Nothing", frozenset()), CASES, monkeypatch) == set()


def test_what_is_said_to_break_are_cases() -> None:
    known = {case.id for case in CASES}
    assert all(broken.breaks <= known for broken in BROKEN)
    assert len({broken.name for broken in BROKEN}) == len(BROKEN) >= 12
