"""What is taken for the limit when calls are added on one core."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.shown import GATEWAY, INVALID, LATENESS, limit_of

from .test_rows import GOOD

PUNCTUAL = replace(GOOD, late_ms_p99=1.0)


def test_a_punctual_step_whose_packets_are_all_there_has_no_limit() -> None:
    assert limit_of(PUNCTUAL) is None
    assert limit_of(replace(PUNCTUAL, late_ms_p99=5.0)) is None


def test_a_full_gateway_is_the_limit_even_when_the_engine_is_late_too() -> None:
    assert limit_of(replace(PUNCTUAL, gateway_share=0.96, late_ms_p99=20.0)) == GATEWAY


def test_a_gateway_that_is_nearly_full_is_the_limit_when_packets_are_missing() -> None:
    assert limit_of(replace(PUNCTUAL, gateway_share=0.9)) is None
    assert limit_of(replace(PUNCTUAL, gateway_share=0.9, at_gateway=4000, echoed=4000)) == GATEWAY


def test_an_engine_that_is_late_is_the_limit() -> None:
    assert limit_of(replace(PUNCTUAL, late_ms_p99=5.5)) == LATENESS
    assert limit_of(replace(PUNCTUAL, late_ms_p99=None)) == LATENESS


def test_missing_packets_are_a_limit() -> None:
    assert limit_of(replace(PUNCTUAL, received=4000)) == INVALID
