"""Standard output, whatever it is: a terminal with colours, a pipe, one that knows only ASCII, or none any more."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from typing import TextIO

#: Columns when standard output is no terminal.
_PIPE_WIDTH = 80
_NARROWEST, _WIDEST = 60, 110

_COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}

#: What the lines hold beyond ASCII, in plain letters.
_PLAIN = str.maketrans(
    {"→": "->", "←": "<-", "−": "-", "–": "-", "—": "-", "…": "...", "·": "-", "≤": "<=", "×": "x"}
)


class Terminal:
    """Prints lines.

    :param environment: for ``NO_COLOR`` (no-color.org) and ``TERM``.
    """

    def __init__(self, stream: TextIO | None = None, environment: Mapping[str, str] = os.environ) -> None:
        self._stream = sys.stdout if stream is None else stream
        is_terminal = self._stream.isatty()
        no_colour = environment.get("NO_COLOR") or environment.get("TERM") == "dumb"
        self._colours = is_terminal and not no_colour
        self._encoding = self._stream.encoding or "ascii"
        columns = shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns if is_terminal else _PIPE_WIDTH
        #: Columns of a line.
        self.width = min(max(columns, _NARROWEST), _WIDEST)
        #: Nobody reads any more (a closed pipe), or the disk is full: nothing is printed.
        self.gone = False

    def painted(self, text: str, colour: str | None) -> str:
        """The text in a colour, where there are colours."""
        return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if colour and self._colours else text

    def print(self, text: str = "") -> None:
        """One line or more; what this terminal cannot show is written in other letters or as escapes."""
        if self.gone:
            return
        try:
            text.encode(self._encoding)
        except UnicodeEncodeError:
            plain = text.translate(_PLAIN)
            text = plain.encode(self._encoding, "backslashreplace").decode(self._encoding)
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except OSError:
            self.gone = True
            self._silence()

    def _silence(self) -> None:
        """Python flushes standard output once more when it ends, and would complain there."""
        if self._stream is sys.stdout:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)
