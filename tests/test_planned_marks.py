"""``--mark``: when and what, and every fault named before the run begins."""

from __future__ import annotations

import pytest

from loadkit.errors import SettingsError
from loadkit.planned_marks import PlannedMark, parse_mark
from loadkit.settings import make_settings


@pytest.mark.parametrize(
    ("given", "mark"),
    [
        ("600s:failover", PlannedMark(600, "failover")),
        ('10m:"failover"', PlannedMark(600, "failover")),
        ("1h30m: node 2, zone b: drained ", PlannedMark(5400, "node 2, zone b: drained")),
        ("0:start", PlannedMark(0, "start")),
        ('5:say "hi"', PlannedMark(5, 'say "hi"')),
        ("5:a\x1bb", PlannedMark(5, "a\\x1bb")),
    ],
)
def test_a_mark_is_a_time_a_colon_and_a_text(given: str, mark: PlannedMark) -> None:
    assert parse_mark(given) == mark


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("600s", "has no colon"),
        ("soon:failover", "'soon' is not a duration"),
        (":failover", "'' is not a duration"),
        ("600s:", "needs a text"),
        ("600s:''", "needs a text"),
        ("600s:" + "x" * 201, "at most 200 characters, this one has 201"),
    ],
)
def test_a_fault_is_named_with_what_was_given(given: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as raised:
        make_settings({"mark": given})
    assert sentence in str(raised.value)
    assert "--mark" in str(raised.value)


def test_marks_are_one_a_line_and_come_back_from_a_record_as_they_were() -> None:
    settings = make_settings({"mark": "5s:a, b\n\n10s:c:d\n"})
    assert settings.mark == ("5s:a, b", "10s:c:d")
    assert make_settings({"mark": settings.public()["mark"]}).mark == settings.mark


def test_a_thousand_marks_are_enough() -> None:
    with pytest.raises(SettingsError, match="at most 1,000 marks, these are 1,001"):
        make_settings({"mark": "\n".join(f"{second}s:x" for second in range(1_001))})
