"""Failed calls by code, and the newest of them. A gateway that sends ten thousand codes fills a line, no memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from loadkit.errors import CODES
from loadkit.printable import printable

#: Codes that loadkit does not know and that are counted each by itself; further ones are counted together.
MOST_CODES = 100
#: Failures that are kept with their message.
NEWEST = 20
#: Codes of a view, the most frequent first.
SHOWN_CODES = 30
_CODE_LENGTH = 80
_MESSAGE_LENGTH = 300


@dataclass(slots=True)
class CodeCount:
    """Failures of one code."""

    code: str
    """As it can be shown."""
    calls: int
    first_at: float
    """Unix seconds."""
    last_at: float
    stage: str
    """Where the last one failed."""
    message: str
    """Of the first one, as it came, cut off."""


class Failures:
    """Of one run."""

    def __init__(self) -> None:
        self.total = 0
        self._codes: dict[str, CodeCount] = {}
        self._unknown = 0
        self._others = 0
        self._newest: deque[tuple[float, str, str, str]] = deque(maxlen=NEWEST)

    def add(self, code: str, stage: str, message: str, at: float) -> None:
        """A call has failed.

        :param at: Unix seconds.
        """
        self.total += 1
        # One more than is shown, so that what is cut off is said to be.
        code, message = code[: _CODE_LENGTH + 1], message[: _MESSAGE_LENGTH + 1]
        self._newest.append((at, stage, code, message))
        known = self._codes.get(code)
        if known is not None:
            known.calls += 1
            known.last_at, known.stage = at, stage
        elif code in CODES or self._unknown < MOST_CODES:
            self._unknown += code not in CODES
            self._codes[code] = CodeCount(_cut(code, _CODE_LENGTH), 1, at, at, stage, message)
        else:
            self._others += 1

    def codes(self) -> list[CodeCount]:
        """Every code that is counted by itself, in the order in which they came."""
        return list(self._codes.values())

    def view(self) -> dict[str, Any]:
        """Totals by code, the most frequent first, and the newest failures, newest first; all text printable."""
        ranked = sorted(self._codes.values(), key=lambda count: (-count.calls, count.first_at))
        shown, rest = ranked[:SHOWN_CODES], ranked[SHOWN_CODES:]
        return {
            "total": self.total,
            "codes": [
                {
                    "code": c.code,
                    "calls": c.calls,
                    "stage": c.stage,
                    "last_at": c.last_at,
                    "meaning": _meaning(c),
                }
                for c in shown
            ],
            "other_codes_calls": self._others + sum(count.calls for count in rest),
            "newest": [
                {
                    "at": at,
                    "stage": stage,
                    "code": _cut(code, _CODE_LENGTH),
                    "message": _cut(message, _MESSAGE_LENGTH),
                }
                for at, stage, code, message in reversed(self._newest)
            ],
        }


def _meaning(count: CodeCount) -> str:
    known = CODES.get(count.code)
    return known.meaning if known else "a code of the gateway's own"


def _cut(text: str, limit: int) -> str:
    return printable(text[:limit]) + ("…" if len(text) > limit else "")
