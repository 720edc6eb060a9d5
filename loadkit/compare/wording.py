"""A comparison's numbers as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadkit.compare.judgement import Word
from loadkit.reporters.wording import NOT_MEASURED, plain, plural

#: Word → how it stands in a table, which is read by looking for what is not as it was.
SHOUTED = {
    Word.WORSE: "WORSE",
    Word.BETTER: "better",
    Word.SAME: "cannot be told apart",
    Word.NO_DATA: "no data",
}

#: Columns of the table in all its forms.
HEAD = ("measure", "baseline", "new run", "difference", "95 % interval", "")


def measured(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The measures that have a word."""
    return [one for one in document["measures"] if one["word"] != Word.NO_DATA]


def cells(one: Mapping[str, Any]) -> tuple[str, ...]:
    """One measure, a text for each of :data:`HEAD`."""
    told = SHOUTED[Word(one["word"])] + ("" if one["judged"] else " (not judged)")
    why = f" ({one['why']})" if one["why"] else ""
    return (
        one["label"],
        value(one["baseline"], one["unit"]),
        value(one["run"], one["unit"]),
        difference(one),
        interval(one),
        told + why,
    )


def value(number: float | None, unit: str) -> str:
    """``131 ms``, ``2.5 %``, ``4.1``."""
    if number is None:
        return NOT_MEASURED
    if unit == "share":
        return f"{_number(number * 100)} %"
    return f"{_number(number)} {unit}".rstrip()


def difference(one: Mapping[str, Any]) -> str:
    """``+13 ms (+10 %)``; of a share in percentage points."""
    if one["baseline"] is None or one["run"] is None:
        return NOT_MEASURED
    apart = signed(one["run"] - one["baseline"], one["unit"])
    # The change of a share in parts of itself would be one percentage too many.
    if one["change"] is None or one["unit"] == "share":
        return apart
    return f"{apart} ({one['change'] * 100:+.1f} %)".replace("(-", "(−")


def interval(one: Mapping[str, Any]) -> str:
    """``+11 to +15 ms``."""
    if one["low"] is None:
        return NOT_MEASURED
    if one["unit"] == "share":
        return f"{_signed(one['low'] * 100)} to {_signed(one['high'] * 100)} points"
    return f"{_signed(one['low'])} to {_signed(one['high'])} {one['unit']}".rstrip()


def signed(number: float, unit: str) -> str:
    """``+13 ms``, ``+0.5 points``."""
    if unit == "share":
        return f"{_signed(number * 100)} points"
    return f"{_signed(number)} {unit}".rstrip()


def _signed(number: float) -> str:
    return f"{'−' if number < 0 else '+'}{_number(abs(number))}" if number else "0"


def _number(number: float) -> str:
    return plain(number) if number >= 0.1 or not number else f"{number:.2g}"


def about(run: Mapping[str, Any]) -> str:
    """One run in a line."""
    parts = [run["run_id"], plural(run["calls"], "call"), f"{run['failed']:,} failed"]
    return ", ".join([*parts, f"against {run['host']}"] if run["host"] else parts)


def method(document: Mapping[str, Any]) -> str:
    """How it was found, in a sentence or two."""
    how = document["method"]
    return (
        f"Intervals from {how['replicates']:,} replicates of blocks of {how['block_s']:g} s. Better and worse: the "
        f"whole interval lies beyond the floor; that any of {plural(how['tested'], 'measure')} is called so without "
        f"a difference has a chance of {how['wrong_words_expected'] * 100:g} % at most."
    )


def left_out(document: Mapping[str, Any]) -> str | None:
    """The measures without a word, in a line; None without any."""
    names = [one["label"] for one in document["measures"] if one["word"] == Word.NO_DATA]
    return f"{', '.join(names)}" if names else None
