"""What a picture shows of this run, in a sentence: for who has no time to look, and for who cannot see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from loadkit.printable import printable
from loadkit.reporters.chart_style import Elapsed
from loadkit.reporters.wording import milliseconds, share


def when(offset_s: float, axis: Elapsed) -> str:
    """``about 42 seconds after the start``, or ``at the start``.

    :param offset_s: in the unit of the axis.
    """
    number = f"{offset_s:,.3g}"
    if number == "0":
        return "at the start"
    return f"about {number} {axis.unit.removesuffix('s') if number == '1' else axis.unit} after the start"


def range_of(
    what: str,
    table: pd.DataFrame,
    column: str,
    axis: Elapsed,
    written: Callable[[float], str] = milliseconds,
) -> str:
    """Between what and what a line lay, and where it was highest; the table's ``offset_s`` in the unit of the axis."""
    known = table.dropna(subset=[column])
    if known.empty:
        return ""
    low, high = float(known[column].min()), float(known[column].max())
    at = float(known["offset_s"].to_numpy()[known[column].to_numpy(dtype="float64").argmax()])
    if written(low) == written(high):
        return f"{what} was {written(high)} throughout."
    return f"{what} lay between {written(low)} and {written(high)}, and was highest {when(at, axis)}."


def over_limit(values: pd.Series[float], limit: float | None) -> str:
    """In how many of the pieces of time a line was above its limit; nothing without a limit."""
    known = values.dropna()
    if limit is None or known.empty:
        return ""
    above = int((known > limit).sum())
    return (
        f" Above its limit in {above} of {len(known)} pieces of time." if above else " Never above its limit."
    )


def parts_of(counts: Mapping[str, int], most: int = 4) -> str:
    """``host → host 812 (81 %), relay → host 188 (19 %)``, most frequent first."""
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda item: -item[1])
    told = [
        f"{printable(name, 60)} {number:,} ({share(number / total, 0)})"
        for name, number in ranked[:most]
        if number
    ]
    left = len(ranked) - most
    return ", ".join([*told, f"{left} more"] if left > 0 else told)
