"""Marks that are planned before a run: ``600s:failover`` makes the mark *failover* 600 s after its start.

    plan      = mark *( LF mark )              several, one a line, as in the environment
    mark      = duration ":" text
    duration  = what every option takes: 600, 600s, 10m, 1h30m, 250ms
    text      = 1 to 200 characters, which may hold commas, colons and blanks; quotes around all of it are left out

The duration ends at the first colon, so the text may hold more of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from loadkit.printable import printable
from loadkit.settings_model import parse_duration

#: Characters of a mark, and marks of a run: each is written to ``run.json`` and drawn in every picture.
LONGEST_TEXT = 200
MOST_MARKS = 1000


@dataclass(frozen=True)
class PlannedMark:
    """A mark that is to be made."""

    at_s: float
    """Seconds after the start of the run."""
    text: str


def parse_mark(given: str) -> PlannedMark:
    """One mark.

    :raises ValueError: what is wrong, in a sentence.
    """
    when, colon, text = given.partition(":")
    if not colon:
        raise ValueError(f"{given!r} has no colon: write when, a colon, and a text, as in 600s:failover")
    try:
        at_s = parse_duration(when)
    except ValueError as error:
        raise ValueError(f"{error}, before the colon of {given!r}") from None
    return PlannedMark(at_s, checked_text(_unquoted(text.strip())))


def checked_text(text: str) -> str:
    """The text of a mark, on one line and without control characters.

    :raises ValueError: it is empty or too long.
    """
    text = text.strip()
    if not text:
        raise ValueError("a mark needs a text that says what happened")
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"a mark has at most {LONGEST_TEXT} characters, this one has {len(text):,}")
    return printable(text, LONGEST_TEXT)


def marks_of(given: Any) -> tuple[str, ...]:
    """Marks as they are given, checked: a text with one a line, or several of them.

    :raises ValueError: one of them cannot be used; the text says which.
    """
    texts = [given] if isinstance(given, str) else list(given)
    marks = [line.strip() for text in texts for line in str(text).splitlines() if line.strip()]
    for mark in marks:
        parse_mark(mark)
    if len(marks) > MOST_MARKS:
        raise ValueError(f"a run has at most {MOST_MARKS:,} marks, these are {len(marks):,}")
    return tuple(marks)


#: A repeatable setting; in records and the environment one a line.
MarksSetting = Annotated[tuple[str, ...], BeforeValidator(marks_of), PlainSerializer("\n".join)]


def _unquoted(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text
