"""What becomes of packets, by figures and seeds, without a network and without a clock."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.gateway.faults.impairment import DriftingStamps, GilbertElliott, Impairment, Window
from loadkit.gateway.faults.kinds import Choppy
from loadkit.media import CLOCK_RATE, FRAME_S, FRAME_SAMPLES

PACKETS = 20_000
seeds = st.integers(0, 2**32).map(str)


def lost_packets(loss: float, burst: float | None, seed: str) -> list[bool]:
    model = GilbertElliott(loss, burst, Random(seed))
    return [model.lost() for _ in range(PACKETS)]


def mean_burst(lost: list[bool]) -> float:
    bursts = [sum(1 for _ in run) for bad, run in itertools.groupby(lost) if bad]
    return sum(bursts) / len(bursts)


def deliver(seed: str, packets: int = 1000, **figures: Any) -> list[tuple[float, ...]]:
    """Delays of packets that are sent 20 ms apart."""
    impairment = Impairment(Choppy(**figures), seed)
    sent = [100 + number * FRAME_S for number in range(packets)]
    return [tuple(due - at for due in impairment.deliver(at)) for at in sent]


def order_of_arrival(seed: str, **figures: Any) -> list[int]:
    impairment = Impairment(Choppy(**figures), seed)
    arrivals = [(due, number) for number in range(1000) for due in impairment.deliver(100 + number * FRAME_S)]
    return [number for _, number in sorted(arrivals)]


# Loss


@settings(max_examples=40, deadline=None)
@given(loss=st.floats(0.02, 0.5), burst=st.floats(1, 8), seed=seeds)
def test_loss_and_bursts_are_as_asked_for(loss: float, burst: float, seed: str) -> None:
    burst = max(burst, loss / (1 - loss) + 0.05)
    lost = lost_packets(loss, burst, seed)
    # The fewer bursts there are, the less can be expected of their mean: five standard errors.
    bursts = PACKETS * loss / burst
    assert sum(lost) / PACKETS == pytest.approx(loss, rel=8 / bursts**0.5)
    assert mean_burst(lost) == pytest.approx(burst, rel=6 / bursts**0.5)


@settings(max_examples=20, deadline=None)
@given(loss=st.floats(0.02, 0.5), seed=seeds)
def test_loss_without_bursts_is_left_to_chance(loss: float, seed: str) -> None:
    lost = lost_packets(loss, None, seed)
    after_lost = [second for first, second in itertools.pairwise(lost) if first]
    for sample in (lost, after_lost):
        assert sum(sample) / len(sample) == pytest.approx(loss, abs=3 / len(sample) ** 0.5)


@given(seed=seeds)
def test_the_first_packet_is_as_likely_lost_as_any(seed: str) -> None:
    random = Random(seed)
    first = [GilbertElliott(0.5, 10, random).lost() for _ in range(400)]
    assert 120 < sum(first) < 280


def test_nothing_is_lost_without_a_loss() -> None:
    assert not any(lost_packets(0, None, "1"))


@given(seed=seeds)
def test_which_packets_are_lost_does_not_hang_on_the_other_figures(seed: str) -> None:
    alone = deliver(seed, loss=0.2, packets=200)
    among = deliver(seed, loss=0.2, delay=0.05, jitter=0.03, reorder=0.1, duplicate=0.1, packets=200)
    assert [not due for due in alone] == [not due for due in among]


@given(seed=seeds)
def test_the_same_seed_makes_the_same_pattern_and_another_one_another(seed: str) -> None:
    figures = {"loss": 0.1, "jitter": 0.05, "reorder": 0.1, "duplicate": 0.1}
    assert deliver(seed, packets=300, **figures) == deliver(seed, packets=300, **figures)
    assert deliver(seed, packets=300, **figures) != deliver(seed + "'", packets=300, **figures)


# Delay and order


@given(seed=seeds, delay=st.floats(0, 1), jitter=st.floats(0, 0.2))
def test_packets_are_late_within_the_figures_and_in_order(seed: str, delay: float, jitter: float) -> None:
    delays = [late for (late,) in deliver(seed, packets=200, delay=delay, jitter=jitter)]
    assert all(delay - 1e-6 <= late <= delay + jitter + 1e-6 for late in delays)
    arrivals = [number * FRAME_S + late for number, late in enumerate(delays)]
    assert all(second >= first - 1e-6 for first, second in itertools.pairwise(arrivals))


@settings(deadline=None)
@given(seed=seeds, share=st.floats(0.02, 0.5), jitter=st.floats(0, 0.1))
def test_the_asked_share_of_packets_is_overtaken(seed: str, share: float, jitter: float) -> None:
    highest, overtaken = -1, 0
    for number in order_of_arrival(seed, reorder=share, jitter=jitter):
        overtaken += number < highest
        highest = max(highest, number)
    assert overtaken / 1000 == pytest.approx(share, abs=0.08)


@given(seed=seeds)
def test_the_asked_share_of_packets_comes_twice(seed: str) -> None:
    copies = [len(due) for due in deliver(seed, duplicate=0.2)]
    assert set(copies) == {1, 2}
    assert sum(copies) / 1000 - 1 == pytest.approx(0.2, abs=0.08)


def test_without_figures_every_packet_arrives_at_once() -> None:
    assert deliver("1") == [(0.0,)] * 1000


# Clocks


@given(
    first=st.integers(0, 2**32 - 1),
    ppm=st.floats(-50_000, 50_000),
    steps=st.lists(st.integers(-3, 10), max_size=100),
)
def test_stamps_run_at_the_rate_that_is_asked_for(first: int, ppm: float, steps: list[int]) -> None:
    stamps = DriftingStamps(ppm)
    assert stamps.stamp(first) == first
    ticks = 0
    for step in steps:
        ticks += step * FRAME_SAMPLES
        stamped = stamps.stamp((first + ticks) & 0xFFFFFFFF)
        moved = (stamped - first + 0x80000000) % 0x100000000 - 0x80000000
        assert moved == pytest.approx(ticks * (1 + ppm / 1e6), abs=0.51)


def test_stamps_of_an_hour_are_ahead_by_the_drift() -> None:
    stamps = DriftingStamps(100)
    for second in range(3601):
        stamp = stamps.stamp((4_000_000_000 + second * CLOCK_RATE) & 0xFFFFFFFF)
    ahead = (stamp - 4_000_000_000 - 3600 * CLOCK_RATE) & 0xFFFFFFFF
    assert ahead == round(3600 * CLOCK_RATE * 100e-6)


def test_a_window_begins_and_ends() -> None:
    window = Window(2, 3)
    assert [window.holds(at) for at in (-1, 0, 1.9, 2, 4.9, 5)] == [False, False, False, True, True, False]
    assert Window(0, None).holds(-0.1)
    assert Window(1, None).holds(1e6)
