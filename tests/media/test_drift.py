"""How fast another clock runs, out of packets with timestamps and arrivals."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadkit.media import CLOCK_RATE, FRAME_S, FRAME_SAMPLES
from loadkit.media.drift import DriftMeter

START = 5000.0


def feed(
    meter: DriftMeter,
    seconds: float,
    *,
    ppm: float = 0,
    jitter: float = 0,
    seed: int = 1,
    first: int = 0,
    ssrc: int = 1,
    start: float = START,
) -> None:
    """A sender whose clock is off sends a packet per 20 ms of that clock."""
    random = Random(seed)
    for number in range(round(seconds / FRAME_S)):
        sent = number * FRAME_S / (1 + ppm * 1e-6)
        # Most packets are hardly late, some are much, as on a real path.
        late = jitter * random.random() ** 4
        meter.packet(ssrc, (first + number * FRAME_SAMPLES) & 0xFFFFFFFF, start + sent + late)


@settings(max_examples=50, deadline=None)
@given(
    ppm=st.floats(-5000, 5000),
    seconds=st.floats(15, 60),
    jitter=st.floats(0, 0.03),
    first=st.integers(0, 2**32 - 1),
    seed=st.integers(0, 1000),
)
def test_drift_is_found_under_jitter(
    ppm: float, seconds: float, jitter: float, first: int, seed: int
) -> None:
    meter = DriftMeter()
    feed(meter, seconds, ppm=ppm, jitter=jitter, first=first, seed=seed)
    assert meter.ppm == pytest.approx(ppm, abs=40)


@given(ppm=st.floats(-1000, 1000), seconds=st.floats(0, 8))
def test_a_short_call_tells_nothing(ppm: float, seconds: float) -> None:
    meter = DriftMeter()
    feed(meter, seconds, ppm=ppm)
    assert meter.ppm is None


def test_a_path_that_becomes_longer_is_no_drift() -> None:
    meter = DriftMeter()
    for number in range(1000):
        later = 0.1 if number > 500 else 0
        meter.packet(1, number * FRAME_SAMPLES, START + number * FRAME_S + later)
    assert meter.ppm is None


def test_loss_order_and_duplicates_change_nothing() -> None:
    random = Random(7)
    packets = [(number * FRAME_SAMPLES, START + number * FRAME_S / 1.001) for number in range(1500)]
    packets = [packet for packet in packets if random.random() > 0.2]
    packets += random.sample(packets, 50)
    packets.sort(key=lambda packet: packet[1])
    # A packet that is overtaken arrives when the next ones do.
    for index in range(10, len(packets) - 10, 20):
        (stamp, _), (_, at) = packets[index], packets[index + 2]
        packets[index] = (stamp, at)
    meter = DriftMeter()
    for stamp, at in sorted(packets, key=lambda packet: packet[1]):
        meter.packet(1, stamp, at)
    assert meter.ppm == pytest.approx(1000, abs=20)


def test_a_source_that_starts_anew_is_followed_from_there_on() -> None:
    meter = DriftMeter()
    feed(meter, 15, ppm=500)
    feed(meter, 15, ppm=-500, ssrc=2, first=2**31, start=START + 20)
    assert meter.ppm == pytest.approx(-500, abs=5)


def test_timestamps_that_wrap_go_on() -> None:
    meter = DriftMeter()
    feed(meter, 15, ppm=200, first=2**32 - 5 * CLOCK_RATE)
    assert meter.ppm == pytest.approx(200, abs=5)


def test_a_call_of_hours_is_told_as_exactly_and_holds_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadkit.media.drift.MOST_POINTS", 16)
    meter = DriftMeter()
    feed(meter, 200, ppm=-300, jitter=0.02)
    assert len(meter._points) < 16
    assert meter.ppm == pytest.approx(-300, abs=20)
