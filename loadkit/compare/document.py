"""The whole comparison as plain values: ``compare.json``."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from loadkit.analysis.percentiles import rounded
from loadkit.compare.blocks import block_width
from loadkit.compare.bootstrap import CONFIDENCE, REPLICATES, SEED
from loadkit.compare.comparable import reasons_against, remarks
from loadkit.compare.floors import Floors
from loadkit.compare.gathering import both_sides
from loadkit.compare.judgement import ALPHA, Judged, Word, judge, tested, together
from loadkit.compare.measures import Kind, measures
from loadkit.compare.run_data import RunData
from loadkit.printable import printable
from loadkit.records import Outcome
from loadkit.reporters.wording import plural

#: Goes up when a key changes its meaning or goes away, not when one is added.
COMPARE_VERSION = 1

#: Error codes that are compared one by one: the most frequent of both runs.
MOST_CODES = 10
#: Measures that the result names.
_MOST_NAMES = 6


class Result(enum.StrEnum):
    """The comparison in a word."""

    WORSE = "worse"
    """A measure is worse, whatever the others are."""
    BETTER = "better"
    """A measure is better, and none worse."""
    SAME = "cannot be told apart"
    """No measure is better or worse."""
    NOT_COMPARABLE = "not comparable"
    """The runs are different tests, or one of them says nothing."""
    NO_DATA = "no data"
    """No measure had enough values in both runs."""


def compare(a: RunData, b: RunData, floors: Floors | None = None, *, anyway: bool = False) -> dict[str, Any]:
    """Hold run ``b`` against the baseline ``a``.

    :param anyway: also when they are not comparable.
    """
    floors = floors or Floors()
    against = reasons_against(a, b)
    width = _width(a, b)
    judged = [] if against and not anyway else _judged(a, b, floors, width)
    document = {
        "version": COMPARE_VERSION,
        "baseline": _run(a),
        "run": _run(b),
        "not_comparable": against,
        "anyway": bool(against and anyway),
        "remarks": remarks(a, b),
        "method": {
            "confidence": CONFIDENCE,
            "replicates": REPLICATES,
            "seed": SEED,
            "block_s": width,
            "tested": tested(judged),
            "wrong_words_expected": rounded(ALPHA),
        },
        "measures": [_measure(one) for one in judged],
    }
    status = _status(judged, against, anyway)
    return {**document, "result": {"status": str(status), "sentence": _sentence(status, judged, document)}}


def _judged(a: RunData, b: RunData, floors: Floors, width: float) -> list[Judged]:
    wanted = measures(_codes(a, b))
    of_a, of_b = both_sides(a, b, wanted, width)
    return together(
        [
            judge(measure, floors.of(measure), of_a.get(measure.name), of_b.get(measure.name))
            for measure in wanted
        ]
    )


def _width(a: RunData, b: RunData) -> float:
    lengths = pd.concat([a.calls["duration_ms"], b.calls["duration_ms"]]).dropna()
    call_s = float(lengths.median()) / 1e3 if len(lengths) else 0.0
    return block_width(min(a.length_s, b.length_s), call_s)


def _codes(a: RunData, b: RunData) -> list[str]:
    failed = [data.calls.loc[data.calls["outcome"] == Outcome.FAILED, "error_code"] for data in (a, b)]
    counts = pd.concat(failed).fillna("UNKNOWN").value_counts()
    return sorted(map(str, counts.index[:MOST_CODES]))


def _run(data: RunData) -> dict[str, Any]:
    host = data.run.get("host")
    return {
        "run_id": data.name,
        "host": printable(host, 200) if isinstance(host, str) and host else None,
        "calls": len(data.calls),
        "finished": len(data.finished),
        "failed": data.failed,
        "seconds": rounded(data.length_s),
        "generator_fit": data.fit,
    }


def _measure(one: Judged) -> dict[str, Any]:
    unit = {Kind.TIMES: "ms", Kind.CPU: "ms/s", Kind.MOS: ""}.get(one.measure.kind, "share")
    low, high = one.interval or (None, None)
    return {
        "name": printable(one.measure.name, 120),
        "label": printable(one.measure.label, 120),
        "kind": str(one.measure.kind),
        "unit": unit,
        "judged": one.measure.judged,
        "word": str(one.word),
        "baseline": _plain(one.values[0]),
        "run": _plain(one.values[1]),
        "counts": list(one.counts),
        "change": _plain(one.change),
        "low": _plain(low),
        "high": _plain(high),
        "floor_relative": one.floor.relative,
        "floor_absolute": one.floor.absolute,
        "p": _plain(one.chance) if one.interval else None,
        "p_adjusted": _plain(one.adjusted) if one.interval else None,
        "why": one.why,
    }


def _plain(value: float | None) -> float | None:
    """Six significant digits."""
    return None if value is None else float(f"{value:.6g}")


def _status(judged: Sequence[Judged], against: Sequence[str], anyway: bool) -> Result:
    if against and not anyway:
        return Result.NOT_COMPARABLE
    words = [one.word for one in judged if one.measure.judged]
    if Word.WORSE in words:
        return Result.WORSE
    if Word.BETTER in words:
        return Result.BETTER
    return Result.SAME if Word.SAME in words else Result.NO_DATA


def _sentence(status: Result, judged: Sequence[Judged], document: Mapping[str, Any]) -> str:
    if status is Result.NOT_COMPARABLE:
        return f"The runs are not comparable: {'; '.join(reason.rstrip('.') for reason in document['not_comparable'])}."
    if status is Result.NO_DATA:
        return "Nothing could be compared: no measure has enough values in both runs."
    number = document["method"]["tested"]
    told = {
        word: [one.measure.label for one in judged if one.word is word and one.measure.judged]
        for word in (Word.WORSE, Word.BETTER)
    }
    parts = [
        f"{plural(len(labels), 'measure')} of {number} {'is' if len(labels) == 1 else 'are'} {word}: "
        f"{_listed(labels)}"
        for word, labels in told.items()
        if labels
    ]
    if not parts:
        parts = [
            f"None of {plural(number, 'measure')} is better or worse by more than its floor, as far as the data say"
            + _room(judged)
        ]
    if document["anyway"]:
        parts.append("The runs are not comparable, and were compared all the same")
    return ". ".join(parts) + "."


def _listed(labels: Sequence[str]) -> str:
    shown = ", ".join(printable(label, 80) for label in labels[:_MOST_NAMES])
    return f"{shown} and {len(labels) - _MOST_NAMES} more" if len(labels) > _MOST_NAMES else shown


def _room(judged: Sequence[Judged]) -> str:
    """How much may have changed nevertheless: few calls leave room for much."""
    for one in judged:
        if one.measure.kind is Kind.TIMES and one.interval is not None and one.values[0]:
            low, high = (f"{edge / one.values[0] * 100:+.1f} %".replace("-", "−") for edge in one.interval)
            return f": {one.measure.label} may have changed by {low} to {high}"
    return ""
