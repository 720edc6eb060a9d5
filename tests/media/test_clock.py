"""The one 20 ms clock: ticks that come, and a clock in the test's hand for what happens after a stall."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator

import pytest

from loadkit.lateness import bucket_of
from loadkit.media import FRAME_S, clock
from loadkit.media.clock import LATE_S, MediaClock


class Ticks:
    """Counts the ticks of one call and tells when enough have come."""

    def __init__(self, enough: int = 5) -> None:
        self.seen: list[tuple[int, int, float]] = []
        self.enough = enough
        self.came = asyncio.Event()

    def __call__(self, frames: int, skipped: int, late: float) -> None:
        self.seen.append((frames, skipped, late))
        if len(self.seen) >= self.enough:
            self.came.set()


class Time:
    """Monotonic time that stands still until the test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
async def media_clock() -> Iterator[MediaClock]:  # type: ignore[misc]
    media_clock = MediaClock()
    yield media_clock
    media_clock.close()


@pytest.fixture
def held_time(monkeypatch: pytest.MonkeyPatch) -> Time:
    held = Time()
    monkeypatch.setattr(clock, "time", held)
    return held


def slot_of(media_clock: MediaClock, tick: Ticks) -> int:
    return next(index for index, ticks in enumerate(media_clock._slots) if tick in ticks)


# On a real loop


async def test_every_registered_call_gets_its_ticks(media_clock: MediaClock) -> None:
    calls = [Ticks() for _ in range(45)]
    for call in calls:
        media_clock.add(call)
    async with asyncio.timeout(30):
        for call in calls:
            await call.came.wait()
    for call in calls:
        assert all(frames >= 1 and skipped >= 0 and late >= 0 for frames, skipped, late in call.seen)
    counted = sum(media_clock.take_lateness().values())
    assert counted == sum(frames for call in calls for frames, _, _ in call.seen)
    assert media_clock.take_lateness() == {}


async def test_removed_call_gets_no_more_ticks_and_others_go_on(media_clock: MediaClock) -> None:
    stays, goes = Ticks(enough=10), Ticks(enough=1)
    media_clock.add(stays)
    media_clock.add(goes)
    async with asyncio.timeout(30):
        await goes.came.wait()
        media_clock.remove(goes)
        seen = len(goes.seen)
        await stays.came.wait()
    assert len(goes.seen) == seen


async def test_slot_that_was_empty_ticks_again(media_clock: MediaClock) -> None:
    first, other = Ticks(enough=1), Ticks(enough=3)
    media_clock.add(first)
    async with asyncio.timeout(30):
        await first.came.wait()
        media_clock.remove(first)
        for filler in [Ticks() for _ in range(20)]:
            media_clock.add(filler)
        media_clock.add(other)
        await other.came.wait()


async def test_closed_clock_calls_nobody(media_clock: MediaClock) -> None:
    tick = Ticks()
    media_clock.add(tick)
    media_clock.close()
    assert not any(media_clock._slots)
    media_clock._fire(0)
    assert tick.seen == []


# By hand


async def test_calls_are_spread_over_the_slots(media_clock: MediaClock) -> None:
    for _ in range(45):
        media_clock.add(Ticks())
    assert Counter(len(ticks) for ticks in media_clock._slots) == {4: 5, 5: 5}


async def test_new_calls_fill_the_slots_that_others_left(media_clock: MediaClock) -> None:
    calls = [Ticks() for _ in range(40)]
    for call in calls:
        media_clock.add(call)
    media_clock.remove(calls[7])
    new = Ticks()
    media_clock.add(new)
    assert slot_of(media_clock, new) == 7
    media_clock.remove(Ticks())


async def test_slots_are_two_milliseconds_apart(held_time: Time) -> None:
    media_clock = MediaClock()
    held_time.now += 1.0005
    for _ in range(20):
        media_clock.add(Ticks())
    steps = [b - a for a, b in itertools.pairwise(media_clock._due)]
    assert all(step % FRAME_S == pytest.approx(0.002) for step in steps)
    assert all(0 < due - held_time.now <= FRAME_S + 1e-9 for due in media_clock._due)
    media_clock.close()


async def test_punctual_slot_sends_one_frame(held_time: Time) -> None:
    media_clock, tick = MediaClock(), Ticks()
    media_clock.add(tick)
    for _ in range(3):
        held_time.now = media_clock._due[0]
        media_clock._fire(0)
    assert [(frames, skipped) for frames, skipped, _ in tick.seen] == [(1, 0)] * 3
    assert media_clock.frames_late == media_clock.frames_skipped == 0
    assert media_clock.take_lateness() == {bucket_of(0): 3}
    media_clock.close()


async def test_slot_that_fires_early_is_not_late(held_time: Time) -> None:
    media_clock, tick = MediaClock(), Ticks()
    media_clock.add(tick)
    held_time.now = media_clock._due[0] - 0.001
    media_clock._fire(0)
    assert tick.seen == [(1, 0, 0.0)]
    media_clock.close()


async def test_missed_frames_are_sent_at_once(held_time: Time) -> None:
    media_clock, tick, other = MediaClock(), Ticks(), Ticks()
    media_clock.add(tick)
    media_clock._slots[0].append(other)
    due = media_clock._due[0]
    held_time.now = due + 0.0672
    media_clock._fire(0)
    ((frames, skipped, late),) = tick.seen
    assert (frames, skipped) == (4, 0)
    assert late == pytest.approx(0.0672)
    assert other.seen == tick.seen
    assert media_clock._due[0] == pytest.approx(due + 4 * FRAME_S)
    # 67.2, 47.2, 27.2 and 7.2 ms late, for two calls.
    assert media_clock.frames_late == 6
    assert media_clock.take_lateness() == {bucket_of(late): 2 for late in (67.2, 47.2, 27.2, 7.2)}
    media_clock.close()


async def test_long_stall_is_caught_up_by_100_ms_and_the_rest_is_skipped(held_time: Time) -> None:
    media_clock, tick = MediaClock(), Ticks()
    media_clock.add(tick)
    due = media_clock._due[0]
    held_time.now = due + 1.005
    media_clock._fire(0)
    assert [(frames, skipped) for frames, skipped, _ in tick.seen] == [(5, 46)]
    assert media_clock.frames_skipped == 46
    # Nothing is lost from the count of time: 51 frames were due.
    assert media_clock.due_at(0) == media_clock._due[0] == pytest.approx(due + 51 * FRAME_S)
    held_time.now = media_clock._due[0]
    media_clock._fire(0)
    assert tick.seen[-1][:2] == (1, 0)
    media_clock.close()


async def test_late_is_more_than_half_a_frame(held_time: Time) -> None:
    media_clock, tick = MediaClock(), Ticks()
    media_clock.add(tick)
    held_time.now = media_clock._due[0] + LATE_S - 0.001
    media_clock._fire(0)
    assert media_clock.frames_late == 0
    held_time.now = media_clock._due[0] + LATE_S + 0.001
    media_clock._fire(0)
    assert media_clock.frames_late == 1
    media_clock.close()


async def test_call_may_leave_during_its_own_tick(held_time: Time) -> None:
    media_clock, after = MediaClock(), Ticks()
    seen = []

    def leave(frames: int, skipped: int, late: float) -> None:
        seen.append(frames)
        media_clock.remove(leave)

    media_clock.add(leave)
    media_clock._slots[0].append(after)
    for _ in range(2):
        held_time.now = media_clock._due[0]
        media_clock._fire(0)
    assert seen == [1]
    assert len(after.seen) == 2
    media_clock.close()


async def test_call_that_fails_costs_no_other_call_its_ticks(
    held_time: Time, caplog: pytest.LogCaptureFixture
) -> None:
    media_clock, before, after = MediaClock(), Ticks(), Ticks()
    failures = []

    def fail(frames: int, skipped: int, late: float) -> None:
        failures.append(frames)
        raise RuntimeError("the transport is closed")

    media_clock._slots[0] += [before, fail, after]
    media_clock._due[0] = held_time.now
    for _ in range(3):
        held_time.now = media_clock._due[0]
        media_clock._fire(0)
    assert len(before.seen) == len(after.seen) == 3
    assert failures == [1]
    assert "the transport is closed" in caplog.text
    media_clock.close()


# Batches


class Batch:
    """Sends for many calls and tells when enough has been sent."""

    def __init__(self, enough: int = 5, *, fails: bool = False) -> None:
        self.seen: list[tuple[int, int, int, float]] = []
        self.enough = enough
        self.fails = fails
        self.came = asyncio.Event()

    def __call__(self, slot: int, frames: int, skipped: int, late: float) -> None:
        self.seen.append((slot, frames, skipped, late))
        if len(self.seen) >= self.enough:
            self.came.set()
        if self.fails:
            raise RuntimeError("the batch fails")


async def test_a_batch_is_called_once_for_all_its_calls_in_a_slot(media_clock: MediaClock) -> None:
    batch = Batch(enough=40)
    slots = Counter(media_clock.join(batch) for _ in range(25))
    assert sorted(slots.values()) == [2] * 5 + [3] * 5
    async with asyncio.timeout(30):
        await batch.came.wait()
    # Each call counts in the lateness of packets, though the batch is called once.
    sent = sum(slots[slot] * frames for slot, frames, _, _ in batch.seen)
    assert sum(media_clock.take_lateness().values()) == sent


async def test_calls_of_batches_and_others_share_the_slots(media_clock: MediaClock) -> None:
    batch = Batch()
    joined = {media_clock.join(batch) for _ in range(5)}
    ticks = [Ticks() for _ in range(5)]
    for tick in ticks:
        media_clock.add(tick)
    assert joined.isdisjoint({slot_of(media_clock, tick) for tick in ticks})


async def test_a_batch_that_all_calls_left_is_called_no_more(media_clock: MediaClock) -> None:
    batch, witness = Batch(enough=1), Ticks(enough=3)
    slot = media_clock.join(batch)
    async with asyncio.timeout(30):
        await batch.came.wait()
        media_clock.leave(batch, slot)
        media_clock.leave(batch, slot)
        seen = len(batch.seen)
        media_clock.add(witness)
        await witness.came.wait()
    assert len(batch.seen) == seen


async def test_a_batch_that_fails_is_told_and_called_again(
    media_clock: MediaClock, caplog: pytest.LogCaptureFixture
) -> None:
    batch = Batch(enough=2, fails=True)
    media_clock.join(batch)
    async with asyncio.timeout(30):
        await batch.came.wait()
    assert "a batch of calls could not be sent" in caplog.text
