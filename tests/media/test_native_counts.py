"""What the compiled module counted, as reports ask for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from loadkit.media import CLOCK_RATE
from loadkit.media.native_counts import NativeSource


def source(timestamp: int, due_at: float | None) -> NativeSource:
    figures: Any = SimpleNamespace(timestamp=timestamp)
    return NativeSource(7, lambda: figures, lambda: due_at)


def test_a_report_that_leaves_while_the_clock_is_late_has_the_timestamp_of_its_own_moment() -> None:
    late = source(1000, due_at=10.0)
    assert late.timestamp_at(10.0) == 1000
    assert late.timestamp_at(10.5) == 1000 + CLOCK_RATE // 2
    # Between two packets, as a rule.
    assert late.timestamp_at(9.995) == 1000 - 240


def test_timestamps_wrap_around() -> None:
    assert source(2**32 - 100, due_at=10.0).timestamp_at(10.005) == 140
    assert source(100, due_at=10.0).timestamp_at(9.995) == 2**32 - 140


def test_without_a_clock_it_is_that_of_the_next_packet() -> None:
    assert source(1000, due_at=None).timestamp_at(99.0) == 1000
