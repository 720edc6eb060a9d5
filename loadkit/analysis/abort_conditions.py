"""When a run is hopeless, as text: ``failed > 20% for 60s``, ``setup_ms p95 > 5000 for 2m``.

    condition  =  threshold "for" duration     the grammar of :mod:`~loadkit.analysis.thresholds`, saying what is bad
    duration   =  1 s to 1 h: 30s, 2m, 1h      (:func:`~loadkit.settings_model.parse_duration`)

The calls that ended within the last ``duration`` are the window. A condition is met when it holds over the whole
window, and in each quarter of it that has enough values to be judged by itself, so that a burst ends no run; and when
the run has been going for as long as the window is. Enough are :data:`ENOUGH` values, or as many as a percentile needs
when those are more.

``count`` is of the whole window alone, and needs no more than itself: ``failed count > 100 for 60s`` is met when the
hundred-and-first call has failed within a minute.

A window is kept in :data:`_SLICES` slices, each a histogram whose buckets are 2 % wide, so that its memory does not
grow with the rate of calls. A percentile is therefore off by 1 % at most; a share, a count, a mean, and what is
most or least, are exact, but for the slice of the window that is just leaving it.
"""

from __future__ import annotations

import math
import re
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from loadkit.analysis.thresholds import FAILED, Threshold, ThresholdError, parse_threshold, percentile_of
from loadkit.records import Outcome
from loadkit.settings_model import parse_duration

Row = Mapping[str, Any]

#: Values that a window needs, so that two unlucky calls end no run.
ENOUGH = 10
_SLICES, _PARTS = 60, 4
_LONGEST_S = 3_600.0
_WIDTH = math.log(1.02)
_FOR = re.compile(r"\bfor\b")


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


def parse_conditions(texts: Sequence[str]) -> tuple[list[AbortCondition], list[str]]:
    """Those that are right, each once, and a sentence for each one that is wrong."""
    found: dict[AbortCondition, None] = {}
    faults = []
    for text in texts:
        try:
            found[parse_condition(text)] = None
        except ThresholdError as exc:
            faults.append(str(exc))
    return list(found), faults


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
        raise ThresholdError(
            text, len(text.rstrip()) + 1, "it is not said for how long: write 'for 60s' after it"
        )
    rest = text[words[-1].end() :]
    at = words[-1].end() + len(rest) - len(rest.lstrip()) + 1
    try:
        seconds = parse_duration(rest)
    except ValueError:
        raise ThresholdError(text, at, f"{rest.strip()!r} is no duration; write 30s, 2m or 1h") from None
    if not 1 <= seconds <= _LONGEST_S:
        raise ThresholdError(text, at, f"a window is 1 s to 1 h long, and not {rest.strip()}")
    return AbortCondition(threshold, seconds)


@dataclass(frozen=True)
class Met:
    """A condition that is met."""

    condition: AbortCondition
    value: float
    """Over the window, in the unit of the measure."""
    count: int
    """Values in the window."""

    @property
    def sentence(self) -> str:
        """What was met, in words."""
        told = self.condition.threshold.value_text(float(f"{self.value:.4g}"))
        return f"{self.condition}: it was {told} over {self.count:,}"


class Window:
    """The values of one condition over the last seconds. ``now`` is any clock that never goes back, in seconds.

    :param now: when the run began.
    """

    def __init__(self, condition: AbortCondition, now: float) -> None:
        self.condition = condition
        self._began = now
        self._width = condition.seconds / _SLICES
        self._slices: deque[_Slice] = deque()

    def add(self, call: Row, turns: Iterable[Row], now: float) -> None:
        """A call has ended and left its record."""
        values = _values(self.condition.threshold, call, turns)
        if not values:
            return
        number = math.floor((now - self._began) / self._width)
        if not self._slices or self._slices[-1].number != number:
            self._forget(number)
            self._slices.append(_Slice(number))
        for value in values:
            self._slices[-1].add(value)

    def met(self, now: float) -> Met | None:
        """Whether the condition is met now."""
        condition, threshold = self.condition, self.condition.threshold
        number = math.floor((now - self._began) / self._width)
        self._forget(number)
        whole = _added_up(self._slices)
        counting = threshold.aggregate == "count"
        if whole.count < condition.needs or (now - self._began < condition.seconds and not counting):
            return None
        value = whole.aggregate(threshold.aggregate)
        if not threshold.holds(value):
            return None
        if not counting and not all(self._part_holds(part, number) for part in range(_PARTS)):
            return None
        return Met(condition, value, whole.count)

    def _part_holds(self, part: int, number: int) -> bool:
        size = _SLICES // _PARTS
        last = number - part * size
        values = _added_up(one for one in self._slices if last - size < one.number <= last)
        threshold = self.condition.threshold
        return values.count < self.condition.needs or threshold.holds(values.aggregate(threshold.aggregate))

    def _forget(self, number: int) -> None:
        while self._slices and self._slices[0].number <= number - _SLICES:
            self._slices.popleft()


@dataclass
class _Slice:
    """The values of a part of a window."""

    number: int
    count: int = 0
    total: float = 0.0
    least: float = math.inf
    most: float = -math.inf
    buckets: Counter[int] = field(default_factory=Counter)

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.least, self.most = min(self.least, value), max(self.most, value)
        self.buckets[_bucket_of(value)] += 1

    def aggregate(self, name: str) -> float:
        """Of one value at least."""
        plain = {"mean": self.total / self.count, "rate": self.total / self.count, "count": self.total}
        plain |= {"max": self.most, "min": self.least}
        percentile = percentile_of(name)
        return plain[name] if percentile is None else self._percentile(percentile)

    def _percentile(self, percentile: Fraction) -> float:
        """Nearest rank, never beyond what was measured."""
        rank = max(1, math.ceil(self.count * percentile / 100))
        seen = 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= rank:
                return min(self.most, max(self.least, _middle_of(bucket)))
        raise AssertionError("the ranks of a histogram end at its total")


def _added_up(slices: Iterable[_Slice]) -> _Slice:
    whole = _Slice(0)
    for one in slices:
        whole.count += one.count
        whole.total += one.total
        whole.least, whole.most = min(whole.least, one.least), max(whole.most, one.most)
        whole.buckets.update(one.buckets)
    return whole


#: Below this a value is as good as 0, whatever its unit.
_SMALLEST = 1e-6
_ZERO_AT = math.ceil(-math.log(_SMALLEST) / _WIDTH) + 1


def _bucket_of(value: float) -> int:
    """Buckets in the order of their values; 0 is that of 0."""
    if abs(value) < _SMALLEST:
        return 0
    bucket = math.floor(math.log(abs(value)) / _WIDTH) + _ZERO_AT
    return bucket if value > 0 else -bucket


def _middle_of(bucket: int) -> float:
    if bucket == 0:
        return 0.0
    return math.copysign(math.exp((abs(bucket) - _ZERO_AT + 0.5) * _WIDTH), bucket)


def _values(threshold: Threshold, call: Row, turns: Iterable[Row]) -> list[float]:
    """What a call has to say of the measure; nothing of what was not measured."""
    name = threshold.measure.name
    if name == FAILED:
        outcome = call["outcome"]
        if outcome == Outcome.CANCELLED:
            # Neither good nor bad: the run ended it.
            return []
        failed = outcome == Outcome.FAILED
        if threshold.code is not None:
            failed = failed and (call["error_code"] or "UNKNOWN") == threshold.code
        return [float(failed)]
    rows = turns if threshold.measure.of_turns else [call]
    found = [row.get(name) for row in rows]
    return [float(value) for value in found if value is not None and math.isfinite(value)]
