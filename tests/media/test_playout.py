"""A listener's playout buffer, by its definition."""

from __future__ import annotations

from loadkit.media import CLOCK_RATE
from loadkit.media.playout import Playout


def late_of(delays_s: list[float]) -> int:
    """Packets too late of a stream with these delays."""
    playout = Playout()
    for delay in delays_s:
        playout.packet(delay * CLOCK_RATE)
    return playout.late


def test_a_packet_is_late_when_it_comes_60_ms_after_the_quickest() -> None:
    assert late_of([0.0, 0.059, 0.0, 0.062, 0.0]) == 1


def test_the_first_packets_of_a_slow_beginning_are_not_late() -> None:
    assert late_of([0.5, 0.3, 0.1, 0.1]) == 0


def test_a_clock_that_drifts_by_1000_ppm_is_followed() -> None:
    assert late_of([0.02 * 0.0009 * number for number in range(50_000)]) == 0


def test_a_way_that_became_longer_for_good_costs_200_ms() -> None:
    assert late_of([0.0] * 50 + [0.3] * 500) == 10


def test_a_spike_of_delay_does_not_move_the_playout() -> None:
    assert late_of([0.0] * 50 + [0.1] * 3 + [0.0] * 50 + [0.1]) == 4


def test_a_source_that_starts_anew_is_not_late() -> None:
    playout = Playout()
    playout.packet(0.0)
    playout.anew()
    playout.packet(1e6)
    assert playout.late == 0


def test_a_timestamp_that_wraps_is_not_late() -> None:
    playout = Playout()
    playout.packet(0.0)
    playout.packet(float(1 << 32))
    assert playout.late == 0
