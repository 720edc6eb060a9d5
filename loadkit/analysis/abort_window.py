"""Whether a run is hopeless: a condition of ``--abort-on``, held against the calls that ended lately.

The calls that ended within the last seconds are the window. A condition is met when it holds over the whole window,
and in each quarter of it that has enough values to be judged by itself, so that a burst ends no run; and when the run
has been going for as long as the window is. Enough are :data:`~loadkit.thresholds.abort.ENOUGH` values, or as many as
a percentile needs when those are more. ``count`` is of the whole window alone, and needs no more than itself:
``failed count > 100 for 60s`` is met when the hundred-and-first call has failed within a minute.

A window is kept in :data:`_SLICES` slices, each a histogram whose buckets are 2 % wide, so that its memory does not
grow with the rate of calls. A percentile is therefore off by 1 % at most; a share, a count, a mean, and what is
most or least, are exact, but for the slice of the window that is just leaving it.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from loadkit.records import Outcome
from loadkit.thresholds.abort import AbortCondition
from loadkit.thresholds.measures import FAILED, FRACTION_LOST
from loadkit.thresholds.threshold import Threshold, percentile_of

Row = Mapping[str, Any]

_SLICES, _PARTS = 60, 4
_WIDTH = math.log(1.02)


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
    rows = [
        row for row in (turns if threshold.measure.of_turns else [call]) if _is_meant(threshold, row, call)
    ]
    if name == FAILED:
        # A call that the run ended is neither good nor bad.
        return [_failed(threshold, row) for row in rows if row["outcome"] != Outcome.CANCELLED]
    found = [_fraction_lost(row) if name == FRACTION_LOST else row.get(name) for row in rows]
    values = [float(value) for value in found if value is not None and math.isfinite(value)]
    if threshold.aggregate == "count" and not threshold.measure.boolean:
        return [1.0] * len(values)
    return values


def _is_meant(threshold: Threshold, row: Row, call: Row) -> bool:
    """Whether the filter, if there is one, lets it pass; a turn has its call's name where it has none."""
    return all(str(row.get(column, call.get(column))) == value for column, value in threshold.where)


def _failed(threshold: Threshold, call: Row) -> float:
    failed = call["outcome"] == Outcome.FAILED
    return float(failed and threshold.code in (None, call["error_code"] or "UNKNOWN"))


def _fraction_lost(call: Row) -> float | None:
    """RFC 3550 lets duplicates make the loss negative: that is none."""
    received, lost = call.get("packets_received"), call.get("packets_lost")
    if received is None or lost is None or received + lost <= 0:
        return None
    return min(1.0, max(0.0, float(lost) / float(received + lost)))
