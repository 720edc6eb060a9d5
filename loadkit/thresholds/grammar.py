"""What is good enough, as text: ``setup_ms p95 < 800``, ``failed < 1%``, ``jitter p99 <= 30ms where mode = echo``.

    threshold  =  measure [ aggregate ] operator limit [ unit ] [ filter ]
    measure    =  a column of a call or a turn that is a number, or true or false   (docs/record.md)
               |  "failed" [ "(" error code ")" ]        of the calls that came to an end of their own
               |  "fraction_lost"                        of a call: packets lost of those that were to come
    aggregate  =  "p50" … "p99.9" | "mean" | "max" | "min"       of numbers
               |  "rate"                                         of true or false, and of "failed"
               |  "count"                                        of all
    operator   =  "<" | "<=" | ">" | ">="
    limit      =  a number: 800, 0.5, 1e3
    unit       =  "ms" | "s"      of a time; without one, the column's own
               |  "%"             of a rate, or of a column that is a share
    filter     =  "where" column "=" value { "and" column "=" value }
    column     =  "scenario" | "mode" | "ice_path" | …           (measures.FILTERS)
    value      =  a word without blanks and quotes, or anything in quotes: echo, 'an''other', "two words"

Words are parted by blanks, which may be left out around operators. A number has no usual aggregate: it must be
named. What is true or false has one, ``rate``: the share of the rows in which it is true. A rate is 0 to 1, or a
percentage. ``count`` is of the rows in which it is true, of a number of those in which it was measured, and takes no
unit. Several thresholds in one text are parted by ``;``, which can stand in none.

How many values an aggregate needs, and what they come to: :mod:`~loadkit.analysis.threshold_checks`. The form is that
of k6's thresholds (``p(95)<200``), with the measure in front and its tags behind.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Sequence

from loadkit.thresholds.measures import FAILED, FILTERS, MEASURES, SHARE, Measure
from loadkit.thresholds.threshold import BARE_VALUE, OPERATORS, Threshold, percentile_of

_OF_NUMBERS = ("mean", "max", "min", "count")
_OF_BOOLEANS = ("rate", "count")

#: What other tools call an aggregate.
_ALIASES = {"avg": "mean", "average": "mean", "med": "p50", "median": "p50", "p": "p95"}

#: What parts thresholds, and what nobody could see in one.
_FORBIDDEN = re.compile(r"[;\x00-\x08\x0a-\x1f\x7f]")

_TOKEN = re.compile(
    r"\s*(?:(?P<operator>[<>=!]+)"
    r"|(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<word>[A-Za-z_][\w.]*)"
    r"|(?P<code>\([^()]*\))"
    r"|(?P<other>\S))"
)
_VALUE = re.compile(
    rf"\s*(?:'(?P<single>(?:[^']|'')*)'|\"(?P<double>(?:[^\"]|\"\")*)\"|(?P<bare>{BARE_VALUE.pattern}))"
)


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
        return f"{self.text!r}, {self.place_and_reason}"

    @property
    def place_and_reason(self) -> str:
        """The same without the text, for where that is said already."""
        return f"at character {self.position}: {self.reason}"


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
    if hidden := _FORBIDDEN.search(text):
        found = "';' parts thresholds" if hidden[0] == ";" else f"{hidden[0]!r} cannot be seen"
        raise words.fault(hidden.start() + 1, f"{found}, and can stand in none")
    measure = _read_measure(words)
    code = _read_code(words, measure)
    aggregate = _read_aggregate(words, measure)
    sign, at = words.take("operator")
    if sign not in OPERATORS:
        found = f"{sign!r} is no operator" if sign else f"an operator is missing{words.instead()}"
        raise words.fault(at, f"{found}; there are {', '.join(OPERATORS)}")
    limit = _read_limit(words, measure, aggregate)
    where = _read_where(words, measure)
    kind, word, at = words.next()
    if kind:
        after = "the filter but 'and'" if where else "the limit but 'where'"
        hint = "; several thresholds are parted by ';'" if word == "," else ""
        raise words.fault(at, f"nothing may follow {after}, and there is {word!r}{hint}")
    return Threshold(measure, code, aggregate, sign, limit, where)


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

    def value(self) -> tuple[str, int]:
        """A value of a filter, without its quotes, and its place; nothing when there is none."""
        found = _VALUE.match(self._text, self._at)
        if found is None or found.lastgroup is None:
            return "", self.next(take=False)[2]
        self._at = found.end()
        quote = {"single": "'", "double": '"'}.get(found.lastgroup, "")
        text = found[found.lastgroup].replace(quote * 2, quote) if quote else found[found.lastgroup]
        return text, found.start(found.lastgroup) + 1 - len(quote)

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
    hint = f"; write {_ALIASES[name]}" if name in _ALIASES and not measure.boolean else ""
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
    raise words.fault(at, f"{measure.name} has no {name!r}{hint}; there are {choice}")


def _read_limit(words: _Words, measure: Measure, aggregate: str) -> float:
    text, at = words.take("number")
    if not text:
        raise words.fault(at, f"a limit, which is a number, is missing{words.instead()}")
    kind, unit, unit_at = words.next(take=False)
    if (kind == "word" and unit != "where") or (kind == "other" and unit != ","):
        words.next()
    else:
        unit = ""
    limit = float(text)
    is_share = aggregate == "rate" or (measure.unit == SHARE and aggregate != "count")
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
    value = float(f"{limit * allowed[unit]:.12g}")
    if not math.isfinite(value):
        raise words.fault(at, f"{text} is too large")
    if is_share and not 0 <= value <= 1:
        raise words.fault(at, f"a share lies between 0 and 1, or 0% and 100%; {text}{unit} does not")
    return value


def _read_where(words: _Words, measure: Measure) -> tuple[tuple[str, str], ...]:
    kind, word, _ = words.next(take=False)
    if (kind, word) != ("word", "where"):
        return ()
    found: dict[str, str] = {}
    joined = True
    while joined:
        words.next()  # "where" or "and"
        name, value = _read_condition(words, measure, found)
        found[name] = value
        kind, word, _ = words.next(take=False)
        joined = (kind, word) == ("word", "and")
    return tuple(sorted(found.items()))


def _read_condition(words: _Words, measure: Measure, before: Iterable[str]) -> tuple[str, str]:
    name, at = words.take("word")
    choice = ", ".join(measure.filters)
    if not name:
        raise words.fault(at, f"a column is missing{words.instead()}; there are {choice}")
    if name not in measure.filters:
        raise words.fault(at, _no_filter(name, measure))
    if name in before:
        raise words.fault(at, f"{name} is named twice, and no row has two of it")
    sign, at = words.take("operator")
    if sign != "=":
        found = f"{sign!r} is none" if sign else f"it is missing{words.instead()}"
        raise words.fault(at, f"between {name} and its value stands '=', and {found}")
    value, at = words.value()
    if not value:
        raise words.fault(at, f"the value of {name} is missing{words.instead()}")
    return name, value


def _no_filter(name: str, measure: Measure) -> str:
    if measure.name == FAILED and name == "error_code":
        return f"the calls with one error code are {FAILED}(ICE_TIMEOUT)"
    if name in MEASURES:
        return f"{name} is measured and no name that rows could be chosen by; there are {', '.join(measure.filters)}"
    near = difflib.get_close_matches(name, measure.filters, n=2, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(measure.filters)}"
    why = ", as a call that failed may have none" if measure.name == FAILED and name in FILTERS else ""
    return f"the rows of {measure.name} cannot be chosen by {name!r}{why}; {hint}"
