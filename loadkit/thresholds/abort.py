"""When a run is hopeless, as text: ``failed > 20% for 60s``, ``setup_ms p95 > 5s where mode = echo for 2m``.

    condition  =  threshold "for" duration     the grammar of :mod:`~loadkit.thresholds.grammar`, saying what is bad
    duration   =  1 s to 1 h: 30s, 2m, 1h      (:func:`~loadkit.settings_model.parse_duration`)

When one is met: :mod:`loadkit.analysis.abort_window`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from loadkit.settings_model import parse_duration
from loadkit.thresholds.grammar import ThresholdError, parse_threshold
from loadkit.thresholds.threshold import Threshold

#: Values that a window needs, so that two unlucky calls end no run.
ENOUGH = 10
_LONGEST_S = 3_600.0
_FOR = re.compile(r"(?<!\S)for(?!\S)")


@dataclass(frozen=True)
class AbortCondition:
    """A condition that was understood; ``str()`` writes it in one form."""

    threshold: Threshold
    seconds: float
    """Length of the window."""

    def __str__(self) -> str:
        return f"{self.threshold} for {self.seconds:g}s"

    @property
    def needs(self) -> int:
        """Values that the window must have."""
        return 1 if self.threshold.aggregate == "count" else max(ENOUGH, self.threshold.needs)


def normal_condition(text: str) -> str:
    """A condition as it is written when it is understood.

    :raises ValueError: it is none; the error names the place, and leaves out the text.
    """
    try:
        return str(parse_condition(text))
    except ThresholdError as exc:
        raise ValueError(exc.place_and_reason) from None


def parse_condition(text: str) -> AbortCondition:
    """Read one condition.

    :raises ThresholdError: it is none; the error names where and what may stand there.
    """
    words = list(_FOR.finditer(text))
    begin = words[-1].start() if words else len(text)
    try:
        threshold = parse_threshold(text[:begin])
    except ThresholdError as exc:
        raise ThresholdError(text, exc.position, exc.reason) from None
    if not words:
        end = len(text.rstrip()) + 1
        raise ThresholdError(text, end, "it is not said for how long: write 'for 60s' after it")
    rest = text[words[-1].end() :]
    at = words[-1].end() + len(rest) - len(rest.lstrip()) + 1
    try:
        seconds = parse_duration(rest)
    except ValueError:
        raise ThresholdError(text, at, f"{rest.strip()!r} is no duration; write 30s, 2m or 1h") from None
    if not 1 <= seconds <= _LONGEST_S:
        raise ThresholdError(text, at, f"a window is 1 s to 1 h long, and not {rest.strip()}")
    return AbortCondition(threshold, seconds)
