"""What is good enough, as text: ``setup_ms p95 < 800``, ``failed < 1%``, ``jitter p99 <= 30ms``.

    threshold  =  measure [ aggregate ] operator limit [ unit ]
    measure    =  a column of a call or a turn that is a number, or true or false   (docs/record.md)
               |  "failed" [ "(" error code ")" ]        of the calls that came to an end of their own
    aggregate  =  "p50" … "p99.9" | "mean" | "max" | "min"       of numbers
               |  "rate" | "count"                              of true or false, and of "failed"
    operator   =  "<" | "<=" | ">" | ">="
    limit      =  a number: 800, 0.5, 1e3
    unit       =  "ms" | "s"      of a time; without one, the column's own
               |  "%"             of a rate, or of a column that is a share

Words are parted by blanks, which may be left out around the operator. A number has no usual aggregate: it must be
named. What is true or false has one, ``rate``: the share of the rows in which it is true. A rate is 0 to 1, or a
percentage. ``count`` is of the rows in which it is true, and takes neither unit.

How many values an aggregate needs, and what they come to: :mod:`~loadkit.analysis.threshold_checks`. The form is that
of k6's thresholds (``p(95)<200``), with the measure in front.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from loadkit.records import CallRecord, TurnRecord

FAILED = "failed"

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OF_NUMBERS = ("mean", "max", "min")
_OF_BOOLEANS = ("rate", "count")
_LOWEST, _HIGHEST = Fraction(50), Fraction("99.9")

#: Columns that say which row it is, and nothing that could be good or bad.
_NO_MEASURES = {"record_version", "turn"}
_POINTS_IN_TIME = "unix s"
_SHARE = "0..1"

_TOKEN = re.compile(
    r"\s*(?:(?P<operator>[<>=!]+)"
    r"|(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<word>[A-Za-z_][\w.]*)"
    r"|(?P<code>\([^()]*\))"
    r"|(?P<other>\S))"
)
_PERCENTILE = re.compile(r"p(\d{1,3}(?:\.\d{1,6})?)")


class ThresholdError(ValueError):
    """A text that is no threshold.

    :param text: all of it.
    :param position: where the fault is, counted from 1.
    :param reason: what is wrong there, and what may stand there.
    """

    def __init__(self, text: str, position: int, reason: str) -> None:
        self.text = text
        self.position = position
        self.reason = reason
        super().__init__(text, position, reason)

    def __str__(self) -> str:
        return f"{self.text!r}, at character {self.position}: {self.reason}"


@dataclass(frozen=True)
class Measure:
    """What can be held against a limit."""

    name: str
    unit: str
    """As in the records: ``ms``, ``s``, ``0..1``, ``B``, ``ppm`` or nothing."""
    boolean: bool
    of_turns: bool = False
    """One value per turn, not per call."""


def _measures() -> dict[str, Measure]:
    found = {FAILED: Measure(FAILED, "", boolean=True)}
    for record, of_turns in ((CallRecord, False), (TurnRecord, True)):
        for field in dataclasses.fields(record):
            kind, unit = str(field.type).split(" | ")[0], str(field.metadata["unit"])
            if (
                kind in ("int", "float", "bool")
                and unit != _POINTS_IN_TIME
                and field.name not in _NO_MEASURES
            ):
                found[field.name] = Measure(field.name, unit, kind == "bool", of_turns)
    return found


#: Name → measure: ``failed``, then the columns of calls, then those of turns.
MEASURES: Mapping[str, Measure] = _measures()


@dataclass(frozen=True)
class Threshold:
    """A threshold that was understood; ``str()`` writes it in one form, which means the same when it is read."""

    measure: Measure
    code: str | None
    """Only calls that failed with this error code."""
    aggregate: str
    operator: str
    limit: float
    """In the unit of the measure; of a rate, 0 to 1."""

    def __str__(self) -> str:
        return f"{self.subject} {self.operator} {self.limit_text}"

    @property
    def subject(self) -> str:
        """What is held against the limit: ``setup_ms p95``, ``failed(ICE_TIMEOUT)``."""
        name = self.measure.name + (f"({self.code})" if self.code is not None else "")
        return name if self.aggregate == "rate" else f"{name} {self.aggregate}"

    @property
    def limit_text(self) -> str:
        """The limit with its unit."""
        return self.value_text(self.limit)

    @property
    def unit(self) -> str:
        """Unit in which values and the limit are shown: ``ms``, ``s``, ``%``, ``B``, ``ppm`` or nothing."""
        if self.aggregate == "count":
            return ""
        return "%" if self.aggregate == "rate" or self.measure.unit == _SHARE else self.measure.unit

    @property
    def scale(self) -> float:
        """What a value is multiplied with to be shown in :attr:`unit`."""
        return 100.0 if self.unit == "%" else 1.0

    @property
    def needs(self) -> int:
        """Values without which it cannot be decided."""
        percentile = percentile_of(self.aggregate)
        return 1 if percentile is None else math.ceil(100 / (100 - percentile))

    def value_text(self, value: float) -> str:
        """A value as it would be written as a limit."""
        shown = repr(float(f"{value * self.scale:.12g}"))
        if self.unit in ("ms", "s"):
            return f"{shown.removesuffix('.0')} {self.unit}"
        return shown.removesuffix(".0") + ("%" if self.unit == "%" else "")

    def holds(self, value: float) -> bool:
        """Whether a value of the aggregate keeps to the limit."""
        return _OPERATORS[self.operator](value, self.limit)


def parse_thresholds(texts: Sequence[str]) -> tuple[list[Threshold], list[str]]:
    """Those that are right, each once, and a sentence for each one that is wrong."""
    found: dict[Threshold, None] = {}
    faults = []
    for text in texts:
        try:
            found[parse_threshold(text)] = None
        except ThresholdError as exc:
            faults.append(str(exc))
    return list(found), faults


def parse_threshold(text: str) -> Threshold:
    """Read one threshold.

    :raises ThresholdError: it is none; the error names where and what may stand there.
    """
    words = _Words(text)
    measure = _read_measure(words)
    code = _read_code(words, measure)
    aggregate = _read_aggregate(words, measure)
    sign, at = words.take("operator")
    if sign not in _OPERATORS:
        found = f"{sign!r} is no operator" if sign else f"an operator is missing{words.instead()}"
        raise words.fault(at, f"{found}; there are {', '.join(_OPERATORS)}")
    limit = _read_limit(words, measure, aggregate)
    kind, word, at = words.next()
    if kind:
        raise words.fault(at, f"nothing may follow the limit, and there is {word!r}")
    return Threshold(measure, code, aggregate, sign, limit)


class _Words:
    """The words of a text, one by one, each with its place."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def next(self, *, take: bool = True) -> tuple[str, str, int]:
        """Kind, word and place; the kind is empty at the end of the text."""
        found = _TOKEN.match(self._text, self._at)
        if found is None or found.lastgroup is None:
            return "", "", len(self._text.rstrip()) + 1
        if take:
            self._at = found.end()
        return found.lastgroup, found[found.lastgroup], found.start(found.lastgroup) + 1

    def take(self, kind: str) -> tuple[str, int]:
        """The next word when it is of this kind, and its place; else nothing and the place of what is there."""
        found, word, at = self.next(take=False)
        if found != kind:
            return "", at
        self.next()
        return word, at

    def instead(self) -> str:
        """What stands at this place, for a sentence that something else is missing."""
        kind, word, _ = self.next(take=False)
        return f", and there is {word!r}" if kind else ""

    def fault(self, at: int, reason: str) -> ThresholdError:
        return ThresholdError(self._text, at, reason)


def _read_measure(words: _Words) -> Measure:
    name, at = words.take("word")
    if not name:
        example = "such as 'setup_ms p95 < 800'"
        raise words.fault(at, f"a measure is missing{words.instead()}; a threshold is a text {example}")
    if name in MEASURES:
        return MEASURES[name]
    near = difflib.get_close_matches(name, MEASURES, n=3, cutoff=0.7)
    # A prefix is likely meant, and is too short to be near: `setup` for `setup_ms`.
    begun = [known for known in MEASURES if known.startswith(name)]
    meant = list(dict.fromkeys([*begun, *near]))[:3]
    hint = f"; did you mean {' or '.join(meant)}?" if meant else "; the columns are listed in docs/record.md"
    raise words.fault(at, f"there is no measure {name!r}{hint}")


def _read_code(words: _Words, measure: Measure) -> str | None:
    text, at = words.take("code")
    if not text:
        return None
    if measure.name != FAILED:
        raise words.fault(at, f"only {FAILED!r} takes an error code in brackets")
    code = text[1:-1].strip()
    if not code:
        raise words.fault(
            at, f"the brackets hold no error code; write {FAILED}(ICE_TIMEOUT), or {FAILED} alone"
        )
    return code


def _read_aggregate(words: _Words, measure: Measure) -> str:
    name, at = words.take("word")
    if measure.boolean:
        if not name or name in _OF_BOOLEANS:
            return name or "rate"
        raise words.fault(
            at, f"{measure.name} is true or false, which has no {name!r}; there are {', '.join(_OF_BOOLEANS)}"
        )
    choice = f"p50 to p99.9, {', '.join(_OF_NUMBERS)}"
    if not name:
        reason = f"it is not said which value of {measure.name} is meant{words.instead()}"
        raise words.fault(at, f"{reason}; there are {choice}, as in '{measure.name} p95 < 800'")
    if name in _OF_NUMBERS or percentile_of(name) is not None:
        return name
    raise words.fault(at, f"{measure.name} has no {name!r}; there are {choice}")


def percentile_of(aggregate: str) -> Fraction | None:
    """The percentile that a name means; ``None`` when it means none that is allowed."""
    found = _PERCENTILE.fullmatch(aggregate)
    if found is None:
        return None
    percentile = Fraction(found[1])
    return percentile if _LOWEST <= percentile <= _HIGHEST else None


def _read_limit(words: _Words, measure: Measure, aggregate: str) -> float:
    text, at = words.take("number")
    if not text:
        raise words.fault(at, f"a limit, which is a number, is missing{words.instead()}")
    kind, unit, unit_at = words.next(take=False)
    if kind in ("word", "other"):
        words.next()
    else:
        unit = ""
    limit = float(text)
    is_share = aggregate == "rate" or (measure.unit == _SHARE and aggregate != "count")
    allowed: dict[str, float] = {"": 1.0}
    if is_share:
        allowed["%"] = 0.01
    elif measure.unit in ("ms", "s") and aggregate != "count":
        allowed |= {"ms": 1.0, "s": 1000.0} if measure.unit == "ms" else {"ms": 0.001, "s": 1.0}
    if unit not in allowed:
        units = " or ".join(repr(name) for name in allowed if name)
        may = (
            f"; a limit of {measure.name} takes {units}" if units else f"; a limit of {measure.name} has none"
        )
        raise words.fault(unit_at, f"{unit!r} is no unit of it{may}")
    # By way of decimal digits: 1 % is 0.01, and not the product next to it.
    value = float(f"{limit * allowed[unit]:.15g}")
    if not math.isfinite(value):
        raise words.fault(at, f"{text} is too large")
    if is_share and not 0 <= value <= 1:
        raise words.fault(at, f"a share lies between 0 and 1, or 0% and 100%; {text}{unit} does not")
    return value
