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


@pytest.mark.parametrize(
    ("count", "text"),
    [(20, ", 95 % within 200 ms, the slowest after 300 ms"), (19, ", the slowest after 300 ms")],
)
def test_what_95_percent_stay_within_is_said_of_20_values_and_more(count: int, text: str) -> None:
    assert wording.slow_end({"count": count, "p95": 200.0, "max": 300.0}) == text


def test_opinions_name_the_worst_twentieth_only_when_there_is_one() -> None:
    mos = {"count": 20, "p50": 4.4, "p5": 4.31, "min": 4.05}
    assert wording.opinions(mos) == "4.40 in the middle, 4.31 or less in the worst 5 %, 4.05 at worst"
    assert wording.opinions({**mos, "p5": 4.4}) == "4.40 or more in all but the worst 5 %, 4.05 at worst"
    assert wording.opinions({**mos, "count": 19}) == "4.40 in the middle, 4.05 at worst"
    assert wording.opinions({**mos, "min": 4.4}) == "4.40 in the middle and at worst"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(None, "ms", "–"), (0.002, "%", "0.002 %"), (1234.5, "ms", "1,234 ms"), (4.05, "", "4.05")],
)
def test_a_threshold_s_value_keeps_what_it_is_judged_by(value: float | None, unit: str, text: str) -> None:
    assert wording.in_unit(value, unit) == text


def test_a_sentence_begins_with_a_capital_and_keeps_all_others() -> None:
    assert wording.capital("3 looks: HTTP 404") == "3 looks: HTTP 404"
    assert wording.capital("not told: HTTP 404") == "Not told: HTTP 404"
    assert wording.capital("") == ""


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
