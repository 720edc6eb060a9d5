"""What arrived of a stream, against models that are too simple to be wrong."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.media import CLOCK_RATE, FRAME_S, FRAME_SAMPLES
from loadkit.media.meter import ReceptionMeter

SSRC = 0x1234


def feed(meter: ReceptionMeter, numbers: Sequence[int], *, ssrc: int = SSRC, at: float = 1000.0) -> float:
    """Let packets with these (unwrapped) numbers arrive, 20 ms apart; returns when the next would."""
    for number in numbers:
        meter.packet(ssrc, number & 0xFFFF, (number * FRAME_SAMPLES) & 0xFFFFFFFF, 50, at)
        at += FRAME_S
    return at


class Model:
    """The four counts by sets and lists; numbers are unwrapped, so nothing can wrap."""

    def __init__(self, numbers: Sequence[int]) -> None:
        seen: set[int] = set()
        highest = min(numbers, default=0) - 1
        self.duplicates = self.reordered = 0
        for number in numbers:
            if number in seen:
                self.duplicates += 1
            elif number < highest:
                self.reordered += 1
            seen.add(number)
            highest = max(highest, number)
        self.received = len(seen)
        self.lost = max(seen) - min(seen) + 1 - len(seen) if seen else 0


def assert_like_the_model(meter: ReceptionMeter, numbers: Sequence[int]) -> None:
    model = Model(numbers)
    assert meter.packets_received == model.received
    assert meter.packets_lost == model.lost
    assert meter.packets_duplicated == model.duplicates
    assert meter.packets_reordered == model.reordered
    assert meter.bytes_received == 50 * model.received


@given(start=st.integers(0, 0xFFFF), lost=st.lists(st.booleans(), min_size=1, max_size=300))
def test_any_pattern_of_loss_is_counted(start: int, lost: list[bool]) -> None:
    numbers = [start + index for index, gone in enumerate(lost) if not gone]
    meter = ReceptionMeter()
    feed(meter, numbers)
    assert_like_the_model(meter, numbers)


@given(
    start=st.integers(0xFFFF - 60, 0xFFFF),
    fates=st.lists(
        st.tuples(st.integers(0, 2), st.floats(0, 40, allow_nan=False), st.floats(0, 40, allow_nan=False)),
        min_size=1,
        max_size=200,
    ),
)
def test_any_mix_of_loss_duplicates_and_reordering_is_counted(
    start: int, fates: list[tuple[int, float, float]]
) -> None:
    # Each packet arrives 0, 1 or 2 times, each copy delayed by up to 40 packets.
    arrivals: list[tuple[float, int]] = []
    for index, (copies, *delays) in enumerate(fates):
        arrivals += [(index + delay, start + index) for delay in delays[:copies]]
    numbers = [number for _, number in sorted(arrivals)]
    meter = ReceptionMeter()
    feed(meter, numbers)
    assert_like_the_model(meter, numbers)


@settings(max_examples=30)
@given(st.permutations(range(65500, 65560)))
def test_any_permutation_within_the_window_loses_nothing(numbers: list[int]) -> None:
    meter = ReceptionMeter()
    feed(meter, numbers)
    assert (meter.packets_received, meter.packets_lost, meter.packets_duplicated) == (60, 0, 0)
    assert_like_the_model(meter, numbers)


def test_sequence_numbers_wrap_more_than_once() -> None:
    numbers = [number for number in range(65530, 65530 + 2 * 65536 + 10) if number % 1000]
    meter = ReceptionMeter()
    feed(meter, numbers)
    assert_like_the_model(meter, numbers)
    assert meter.highest_sequence == numbers[-1]


def test_timestamps_wrap_without_jitter() -> None:
    meter = ReceptionMeter()
    timestamp = 2**32 - 3 * FRAME_SAMPLES
    for number in range(10):
        meter.packet(SSRC, number, (timestamp + number * FRAME_SAMPLES) % 2**32, 50, 5.0 + number * FRAME_S)
    assert meter.jitter == pytest.approx(0, abs=1e-6)


def test_before_the_first_packet_nothing_is_measured() -> None:
    meter = ReceptionMeter()
    assert meter.ssrc is None
    assert meter.first_arrival is None and meter.last_arrival is None
    assert meter.longest_gap is None
    assert meter.jitter is None
    assert (meter.packets_received, meter.packets_expected, meter.packets_lost) == (0, 0, 0)
    assert meter.fraction_lost() == 0


def test_one_packet_makes_neither_jitter_nor_a_gap() -> None:
    meter = ReceptionMeter()
    feed(meter, [7], at=3.5)
    assert meter.first_arrival == meter.last_arrival == 3.5
    assert meter.longest_gap is None
    assert meter.jitter is None
    assert (meter.packets_received, meter.packets_expected) == (1, 1)


def test_packet_says_whether_it_is_a_duplicate() -> None:
    meter = ReceptionMeter()
    assert meter.packet(SSRC, 10, 0, 50, 1.0)
    assert not meter.packet(SSRC, 10, 0, 50, 1.02)
    assert meter.packet(SSRC, 12, 1920, 50, 1.04)
    assert meter.packet(SSRC, 11, 960, 50, 1.06)
    assert not meter.packet(SSRC, 11, 960, 50, 1.08)


# A source that starts anew


def test_new_ssrc_goes_on_in_the_same_totals() -> None:
    meter = ReceptionMeter()
    at = feed(meter, [1, 2, 4])
    feed(meter, [40_000, 40_001, 40_003], ssrc=SSRC + 1, at=at)
    assert meter.ssrc == SSRC + 1
    assert meter.packets_received == 6
    assert meter.packets_lost == 2
    assert meter.packets_reordered == meter.packets_duplicated == 0


def test_jump_of_more_than_3000_is_a_source_that_started_anew() -> None:
    meter = ReceptionMeter()
    at = feed(meter, [1, 2, 4])
    feed(meter, [20_000, 20_001, 20_002, 20_005], at=at)
    assert meter.packets_received == 7
    assert meter.packets_lost == 1 + 2
    assert meter.highest_sequence == 20_005


def test_jump_of_less_than_3000_is_loss() -> None:
    meter = ReceptionMeter()
    feed(meter, [1, 3000])
    assert meter.packets_lost == 2998


def test_one_stray_packet_is_no_new_start() -> None:
    # RFC 3550 A.1: only a second packet in sequence proves that the source started anew.
    meter = ReceptionMeter()
    at = feed(meter, [*range(1000, 1200)])
    at = feed(meter, [1030], at=at)
    feed(meter, [*range(1200, 1300)], at=at)
    assert meter.packets_expected == 300
    assert meter.packets_received == 301
    assert meter.highest_sequence == 1299


def test_packet_that_is_two_seconds_late_makes_no_loss() -> None:
    meter = ReceptionMeter()
    at = feed(meter, [number for number in range(1000, 1200) if number != 1030])
    assert meter.packets_lost == 1
    at = feed(meter, [1030], at=at)
    feed(meter, [*range(1200, 1300)], at=at)
    assert meter.packets_lost == 0
    assert meter.packets_received == 300


def test_new_start_does_not_count_as_jitter() -> None:
    meter = ReceptionMeter()
    for number in range(20):
        meter.packet(SSRC, number, number * FRAME_SAMPLES, 50, 1 + number * FRAME_S)
    for number in range(20):
        # The clock of the new source has nothing to do with the old one.
        meter.packet(SSRC, 30_000 + number, 2**31 + number * FRAME_SAMPLES, 50, 1.4 + number * FRAME_S)
    assert meter.jitter == pytest.approx(0, abs=1e-6)


# Jitter and gaps


def jitter_of_rfc_3550(arrivals: Sequence[tuple[float, int]]) -> float:
    """RFC 3550 A.8 on (arrival in seconds, timestamp), on floats; seconds."""
    jitter = 0.0
    transit = None
    for arrival, timestamp in arrivals:
        before, transit = transit, arrival * CLOCK_RATE - timestamp
        if before is not None:
            d = abs(transit - before)
            jitter += (1.0 / 16.0) * (d - jitter)
    return jitter / CLOCK_RATE


@given(delays=st.lists(st.floats(0, 0.5, allow_nan=False), min_size=2, max_size=200))
def test_jitter_is_that_of_rfc_3550(delays: list[float]) -> None:
    arrivals = [(100 + index * FRAME_S + delay, index) for index, delay in enumerate(delays)]
    arrivals.sort()
    meter = ReceptionMeter()
    for arrival, index in arrivals:
        meter.packet(SSRC, index, index * FRAME_SAMPLES, 50, arrival)
    expected = jitter_of_rfc_3550([(arrival, index * FRAME_SAMPLES) for arrival, index in arrivals])
    assert meter.jitter == pytest.approx(expected, abs=1e-7)
    assert meter.jitter_ticks == pytest.approx(expected * CLOCK_RATE, abs=1.01)


def test_longest_gap_is_between_two_arrivals_of_any_kind() -> None:
    meter = ReceptionMeter()
    for number, at in ((1, 1.0), (2, 1.02), (2, 1.5), (3, 1.51), (4, 1.6)):
        meter.packet(SSRC, number, number * FRAME_SAMPLES, 50, at)
    assert meter.longest_gap == pytest.approx(0.48)
    assert meter.first_arrival == 1.0
    assert meter.last_arrival == 1.6


# Receiver reports


def test_fraction_lost_is_that_of_the_interval() -> None:
    meter = ReceptionMeter()
    at = feed(meter, range(100, 200))
    assert meter.fraction_lost() == 0
    at = feed(meter, range(200, 300, 2), at=at)
    # 99 were expected since (up to 298), and 49 of them are lost.
    assert meter.fraction_lost() == (49 << 8) // 99
    at = feed(meter, range(299, 400), at=at)
    assert meter.fraction_lost() == 0
    assert meter.fraction_lost() == 0


@given(st.lists(st.lists(st.booleans(), max_size=60), max_size=8))
def test_fraction_lost_follows_any_pattern(intervals: list[list[bool]]) -> None:
    meter = ReceptionMeter()
    feed(meter, [0])
    meter.fraction_lost()
    number, highest, at = 0, 0, 1001.0
    for interval in intervals:
        before, received = highest, 0
        for gone in interval:
            number += 1
            if not gone:
                at = feed(meter, [number], at=at)
                highest, received = number, received + 1
        expected = highest - before
        lost = expected - received
        assert meter.fraction_lost() == (min(255, lost * 256 // expected) if expected and lost > 0 else 0)


def test_late_packets_never_make_a_fraction_below_0() -> None:
    meter = ReceptionMeter()
    at = feed(meter, [1, 5])
    meter.fraction_lost()
    feed(meter, [2, 3, 4], at=at)
    assert meter.fraction_lost() == 0
    assert meter.packets_lost == 0


def test_packet_before_the_first_moves_the_start_back() -> None:
    meter = ReceptionMeter()
    feed(meter, [0, 65535 - 65536, 65533 - 65536])
    assert meter.packets_received == 3
    assert meter.packets_lost == 1
    assert meter.packets_reordered == 2
