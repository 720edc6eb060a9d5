"""Text that others wrote, as Markdown that shows it and does nothing else.

GitHub and GitLab act on text in more ways than CommonMark has marks: names after ``@`` are told, ``#1`` and ``!1``
become links and leave a note at what they name, addresses become links without brackets, ``:tada:`` a picture, ``$``
begins a formula. A backslash helps against the first kind; most of the others look at the text that is left when
backslashes are gone. So a WORD JOINER, which has no width and forbids a line break, parts a mark from what would make
it active, and a dollar sign is a wide one. Within code, nobody looks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from loadkit.printable import printable

_JOINER = "\u2060"
#: GitHub looks for formulas in what is left of all marks and escapes.
_DOLLAR = "\N{FULLWIDTH DOLLAR SIGN}"
#: What is a mark anywhere in a line. Text that stays readable as it is serves those who read it in a log.
_MARKS = re.compile(r"([\\`*_\[\]<>&|~!#])")
#: What is a mark at the beginning of a line: items of lists, lines under headings.
_AT_THE_START = re.compile(r"\A(\d*)(?=[-+=.):])")
_ACTIVE = re.compile(
    r"([@#!~&^:](?=\S))"  # mentions, references, addresses, short codes
    r"|(%(?=[\w\"]))"
    r"|(\bwww(?=\.))"
    r"|(\bGH(?=-\d))",
    re.IGNORECASE,
)
_LONGEST = 300


def prose(text: str, limit: int = _LONGEST) -> str:
    """The text on one line, for a sentence or a cell of a table: no link, image, mention, HTML, mark or column."""
    parted = _ACTIVE.sub(lambda found: found[0] + _JOINER, printable(text, limit).replace("$", _DOLLAR))
    return _AT_THE_START.sub(r"\1\\", _MARKS.sub(r"\\\1", parted))


def code(text: str, limit: int = _LONGEST) -> str:
    """The text as code, in a paragraph; in a cell of a table: :func:`cell_code`."""
    shown = printable(text, limit)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    pad = " " if not shown or shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def cell_code(text: str, limit: int = _LONGEST) -> str:
    """As :func:`code`; a column is parted off first, and the backslash that prevents it is not shown."""
    return code(text.replace("\\|", "\\ |"), limit).replace("|", "\\|")


def table(head: tuple[str, ...], columns: str, rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines of a table of cells that are Markdown already.

    :param columns: a letter for each: ``l`` for text, ``r`` for numbers, which stand to the right.
    """
    under = tuple("---:" if column == "r" else "---" for column in columns)
    return [_row(cells) for cells in (head, under, *rows)]


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"
