"""A meter that counts runs of packets at once says the same as one that counts them one by one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.media import CLOCK_RATE, FRAME_S, FRAME_SAMPLES
from loadkit.media.bursts import LossBursts
from loadkit.media.drift import DriftMeter
from loadkit.media.meter import ReceptionMeter
from tests.media.plain_meter import PlainMeter

Arrival = tuple[int, int, int, float]
"""(source, number, timestamp, arrival)"""


class Both:
    """The meter with all that follows it, and the plain way of each."""

    def __init__(self) -> None:
        self.meter = ReceptionMeter(LossBursts(), DriftMeter())
        self.plain, self.bursts, self.drift = PlainMeter(), LossBursts(), DriftMeter()

    def packet(self, arrival: Arrival) -> None:
        ssrc, number, timestamp, now = arrival
        number, timestamp = number & 0xFFFF, timestamp & 0xFFFFFFFF
        counts = self.plain.packet(ssrc, number, timestamp, 50, now)
        assert self.meter.packet(ssrc, number, timestamp, 50, now) is counts
        if counts:
            self.bursts.packet(ssrc, number)
            self.drift.packet(ssrc, timestamp, now)

    def assert_alike(self) -> None:
        meter, plain = self.meter, self.plain
        for name in (
            "ssrc",
            "bytes_received",
            "packets_received",
            "packets_expected",
            "packets_lost",
            "packets_reordered",
            "packets_duplicated",
            "first_arrival",
            "last_arrival",
            "longest_gap",
            "highest_sequence",
        ):
            assert getattr(meter, name) == getattr(plain, name), name
        assert meter.loss_burst_mean == self.bursts.mean
        assert_close(meter.jitter, plain.jitter, 1e-8)
        assert_close(meter.clock_drift_ppm, self.drift.ppm, 0.11)


def assert_close(value: float | None, expected: float | None, tolerance: float) -> None:
    """But for rounding."""
    if value is None or expected is None:
        assert value == expected
    else:
        assert value == pytest.approx(expected, abs=tolerance)


def arrivals(
    events: list[str], first: int, stamp: int, jitters: list[float], ppm: float, start: float
) -> list[Arrival]:
    """What a path makes of a sender's packets."""
    sent: list[Arrival] = []
    late: list[Arrival] = []
    ssrc, number, time = 1, first, 0.0
    for index, event in enumerate(events):
        for _ in range(30 if event == "run" else 1):
            number, time = number + 1, time + FRAME_S / (1 + ppm * 1e-6)
            stamp += FRAME_SAMPLES
            packet = (ssrc, number, stamp, start + time + jitters[(index + number) % len(jitters)])
            if event == "lost":
                continue
            if event == "late":
                late.append(packet)
                continue
            sent.append(packet)
        match event:
            case "twice":
                sent.append(sent[-1])
            case "pause":
                time += 3.0
                stamp += 3 * CLOCK_RATE
            case "stray":
                sent.append((ssrc, number + 30_000, stamp, start + time))
            case "restart":
                number, stamp = number + 20_000, stamp + 1_234_567_890
            case "other source":
                ssrc, number, stamp = ssrc + 1, number * 7, stamp * 7
            case "gap":
                number += 500
            case "caught up":
                sent += [(s, n, t, start + time) for s, n, t, _ in late]
                late = []
    # Time does not run backwards where packets arrive.
    times = itertools.accumulate((now for *_, now in sent), max)
    return [(ssrc, number, stamp, now) for (ssrc, number, stamp, _), now in zip(sent, times, strict=True)]


EVENTS = [
    *["run"] * 6,
    "lost",
    "lost",
    "late",
    "caught up",
    "twice",
    "pause",
    "stray",
    "restart",
    "other source",
    "gap",
]


@settings(max_examples=200, deadline=None)
@given(
    events=st.lists(st.sampled_from(EVENTS), min_size=1, max_size=40),
    first=st.integers(0, 0xFFFF),
    stamp=st.one_of(st.integers(0, 2**32 - 1), st.integers(2**32 - 500_000, 2**32 - 1)),
    jitters=st.lists(st.floats(0, 0.05), min_size=1, max_size=7),
    ppm=st.floats(-500, 500),
    start=st.floats(0, 1e6),
    asked=st.integers(1, 200),
)
def test_any_mixture_of_runs_and_mishaps_is_metered_as_one_by_one(
    events: list[str], first: int, stamp: int, jitters: list[float], ppm: float, start: float, asked: int
) -> None:
    both = Both()
    both.assert_alike()
    for index, arrival in enumerate(arrivals(events, first, stamp, jitters, ppm, start)):
        both.packet(arrival)
        if index % asked == 0:
            # Whoever asks in the middle of a run changes nothing.
            both.assert_alike()
    both.assert_alike()


@settings(max_examples=100)
@given(
    packets=st.lists(
        st.tuples(st.integers(1, 2), st.integers(0, 300), st.integers(0, 2**32 - 1), st.floats(0, 0.1)),
        max_size=150,
    )
)
def test_no_order_of_numbers_and_stamps_makes_a_difference(packets: list[Arrival]) -> None:
    both, now = Both(), 50.0
    for ssrc, number, timestamp, step in packets:
        now += step
        both.packet((ssrc, number, timestamp, now))
    both.assert_alike()


def test_fraction_lost_of_a_report_is_that_of_packets_one_by_one() -> None:
    both = Both()
    for number in range(1000):
        if number % 7 and not 200 < number < 230:
            both.packet((1, number, number * FRAME_SAMPLES, number * FRAME_S))
        if number % 90 == 0:
            assert both.meter.fraction_lost() == both.plain.fraction_lost()
            assert both.meter.jitter_ticks == both.plain.jitter_ticks


def test_a_run_ends_with_each_window_of_the_drift_and_goes_on() -> None:
    both = Both()
    for number in range(3000):
        both.packet((1, number, number * FRAME_SAMPLES, 7.0 + number * FRAME_S * 1.0001))
    assert both.meter.clock_drift_ppm == pytest.approx(-100, abs=1)
    both.assert_alike()
