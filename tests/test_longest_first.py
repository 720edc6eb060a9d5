"""The order of test files names files that are there."""

from __future__ import annotations

from pathlib import Path

from tests.longest_first import LONGEST_FIRST, place_of

ROOT = Path(__file__).resolve().parents[1]


def test_what_comes_first_is_there_and_once() -> None:
    assert [path for path in LONGEST_FIRST if not (ROOT / path).is_file()] == []
    assert len(set(LONGEST_FIRST)) == len(LONGEST_FIRST)


def test_a_quick_file_comes_behind_all_that_take_long() -> None:
    places = [place_of(f"{path}::test_something[a::b]") for path in LONGEST_FIRST]
    assert places == sorted(places)
    assert place_of("tests/test_longest_first.py::test_a") > max(places)
