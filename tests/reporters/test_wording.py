from __future__ import annotations

import pytest

from loadkit.reporters import wording


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0 ms"),
        (0.004, "0.00 ms"),
        (9.994, "9.99 ms"),
        (9.996, "10.0 ms"),
        (99.96, "100 ms"),
        (12345.6, "12,346 ms"),
    ],
)
def test_milliseconds(value: float | None, text: str) -> None:
    assert wording.milliseconds(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0 %"),
        (0.00001, "< 0.1 %"),
        (0.25, "25 %"),
        (0.1234, "12.3 %"),
        (0.99999, "> 99.9 %"),
        (1.0, "100 %"),
    ],
)
def test_shares_are_never_rounded_to_none_or_all(value: float | None, text: str) -> None:
    assert wording.share(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0, "0 s"),
        (2.5, "2.5 s"),
        (59.7, "1 min"),
        (110, "1 min 50 s"),
        (3_600, "1 h"),
        (3_605, "1 h"),
        (259_200 + 7_300, "3 d 2 h"),
    ],
)
def test_lengths(seconds: float | None, text: str) -> None:
    assert wording.length(seconds) == text


def test_sizes_moments_and_plurals() -> None:
    assert [wording.size(value) for value in (None, 12, 95_000_000, 2.5e9)] == [
        "–",
        "12 B",
        "95.0 MB",
        "2.50 GB",
    ]
    assert wording.moment(0) == "1970-01-01 00:00:00 UTC"
    assert wording.moment(1e30) == "–"
    assert [wording.plural(number, "call") for number in (0, 1, 2_000)] == [
        "0 calls",
        "1 call",
        "2,000 calls",
    ]
