"""One threshold that was understood: its parts, and its one form as text."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from loadkit.thresholds.measures import SHARE, Measure

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_LOWEST, _HIGHEST = Fraction(50), Fraction("99.9")
_PERCENTILE = re.compile(r"p(\d{1,3}(?:\.\d{1,6})?)", re.ASCII)

#: A value of a filter that needs no quotes.
BARE_VALUE = re.compile(r"[^\s'\"=<>!;]+")


@dataclass(frozen=True)
class Threshold:
    """``str()`` writes it in one form, which means the same when it is read."""

    measure: Measure
    code: str | None
    """Only calls that failed with this error code."""
    aggregate: str
    operator: str
    limit: float
    """In the unit of the measure; of a rate, 0 to 1."""
    where: tuple[tuple[str, str], ...] = ()
    """Column and value of the rows that it is about, by name; all rows when empty."""

    def __str__(self) -> str:
        return f"{self.subject} {self.operator} {self.limit_text}{self._where_text}"

    @property
    def subject(self) -> str:
        """What is held against the limit, whichever rows it is of: ``setup_ms p95``, ``failed(ICE_TIMEOUT)``."""
        name = self.measure.name + (f"({self.code})" if self.code is not None else "")
        return name if self.aggregate == "rate" else f"{name} {self.aggregate}"

    @property
    def label(self) -> str:
        """The subject and the rows it is of: ``setup_ms p95 where scenario = talk``."""
        return self.subject + self._where_text

    @property
    def _where_text(self) -> str:
        if not self.where:
            return ""
        return " where " + " and ".join(f"{name} = {_value(value)}" for name, value in self.where)

    @property
    def limit_text(self) -> str:
        """The limit with its unit."""
        return self.value_text(self.limit)

    @property
    def unit(self) -> str:
        """Unit in which values and the limit are shown: ``ms``, ``s``, ``%``, ``B``, ``ppm`` or nothing."""
        if self.aggregate == "count":
            return ""
        return "%" if self.aggregate == "rate" or self.measure.unit == SHARE else self.measure.unit

    @property
    def scale(self) -> float:
        """What a value is multiplied with to be shown in :attr:`unit`."""
        return 100.0 if self.unit == "%" else 1.0

    @property
    def needs(self) -> int:
        """Values without which it cannot be decided."""
        percentile = percentile_of(self.aggregate)
        return 1 if percentile is None else math.ceil(100 / (100 - percentile))

    def shown(self, value: float) -> float:
        """A value in the unit in which it is shown."""
        return float(f"{value * self.scale:.12g}")

    def value_text(self, value: float) -> str:
        """A value as it would be written as a limit."""
        shown = repr(self.shown(value))
        if self.unit in ("ms", "s"):
            return f"{shown.removesuffix('.0')} {self.unit}"
        return shown.removesuffix(".0") + ("%" if self.unit == "%" else "")

    def holds(self, value: float) -> bool:
        """Whether a value of the aggregate keeps to the limit."""
        return OPERATORS[self.operator](value, self.limit)

    def replaces(self, other: Threshold) -> bool:
        """Whether it bounds the same thing from the same side, so that both together would be one too many."""
        mine, theirs = (
            (each.measure, each.code, each.aggregate, each.operator[0], each.where) for each in (self, other)
        )
        return mine == theirs


def _value(text: str) -> str:
    if BARE_VALUE.fullmatch(text):
        return text
    return "'" + text.replace("'", "''") + "'"


def percentile_of(aggregate: str) -> Fraction | None:
    """The percentile that a name means; ``None`` when it means none that is allowed."""
    found = _PERCENTILE.fullmatch(aggregate)
    if found is None:
        return None
    percentile = Fraction(found[1])
    return percentile if _LOWEST <= percentile <= _HIGHEST else None
