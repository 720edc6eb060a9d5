"""Text from a gateway, made fit to be shown: on one line, without control characters, not endless."""

from __future__ import annotations

import re
import unicodedata

#: Cc controls (ESC moves a terminal's cursor), Cf format (bidirectional overrides disguise text),
#: Cs surrogates, Co private use, Zl and Zp line ends that JavaScript once took for its own.
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

#: What XML 1.0 section 2.2 does not allow, escaped or not.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def xml_text(text: str) -> str:
    """The text with a replacement character for each one that no XML document can hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


#: Distinct codes that are kept apart; a gateway can send any number of them.
MOST_CODES = 100
#: What the others are called together.
OTHER_CODES = "(other codes)"


class FewCodes:
    """Codes from a gateway as names, printable, and at most so many different ones: tables do not grow with a run."""

    def __init__(self, most: int = MOST_CODES) -> None:
        self._most = most
        self._known: set[str] = set()

    def name(self, code: str) -> str:
        """What to count the code as."""
        name = printable(code, 60)
        if name not in self._known:
            if len(self._known) >= self._most:
                return OTHER_CODES
            self._known.add(name)
        return name


def printable(text: str, limit: int = 300) -> str:
    """The text with unseen characters written as escapes, cut to ``limit`` characters with a note of the rest."""
    head = text[:limit]
    shown = "".join(_escaped(char) if unicodedata.category(char) in _UNSEEN else char for char in head)
    left_out = len(text) - len(head)
    return f"{shown}… ({left_out:,} more characters)" if left_out else shown


def _escaped(char: str) -> str:
    return char.encode("ascii", "backslashreplace").decode() if ord(char) > 0x7F else repr(char)[1:-1]
