"""What is looked at twice a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from loadkit.media.watches import INTERVAL_S, Watches
from tests.waiting import until


@pytest_asyncio.fixture
async def watches() -> AsyncIterator[Watches]:
    watches = Watches()
    yield watches
    watches.close()


async def test_each_watch_is_called_at_its_interval_until_it_is_removed(watches: Watches) -> None:
    looks: list[float] = []
    twice = asyncio.Event()

    def look(now: float) -> None:
        looks.append(now)
        if len(looks) == 2:
            watches.remove(look)
            twice.set()

    watches.add(look)
    async with asyncio.timeout(20):
        await twice.wait()
    assert looks[1] - looks[0] > INTERVAL_S / 2
    assert watches._watches == 0


async def test_a_watch_that_fails_is_called_no_more_and_the_others_go_on(
    watches: Watches, caplog: pytest.LogCaptureFixture
) -> None:
    failures = 0
    seen = asyncio.Event()

    def fails(_now: float) -> None:
        nonlocal failures
        failures += 1
        raise RuntimeError("the handler is closed")

    def looks(_now: float) -> None:
        seen.set()

    watches.add(fails)
    watches.add(looks)
    async with asyncio.timeout(20):
        await seen.wait()
        seen.clear()
        await seen.wait()
    assert failures == 1
    assert "a watch over a call failed" in caplog.text


async def test_nothing_is_waited_for_while_there_is_nothing_to_look_at(watches: Watches) -> None:
    def look(_now: float) -> None:
        raise AssertionError("it was removed")

    watches.add(look)
    watches.remove(look)
    watches.remove(look)
    async with asyncio.timeout(20):
        while watches._timer is not None:  # noqa: ASYNC110 - a timer tells nobody that it has run out
            await asyncio.sleep(0.01)


async def test_it_is_known_when_the_process_stood_still(watches: Watches) -> None:
    watches.stand_stills.awake(time.monotonic())
    began = time.monotonic()
    assert not list(watches.stand_stills.after(0.0)), "nobody looks yet"
    watches.add(lambda _now: None)
    time.sleep(0.45)  # noqa: ASYNC251 - the loop is to stand still
    await until(lambda: list(watches.stand_stills.after(began)))
    found = next(watches.stand_stills.after(began))
    assert found.long
    assert watches.stand_stills.catching_up(found.until, long=True)
