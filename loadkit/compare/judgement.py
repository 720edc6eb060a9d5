"""Better, worse, or not to be told apart: one measure of two runs, and then all of them together.

*Worse* needs two things.

The whole difference that the data of this measure leave possible lies beyond both floors: a difference that is not
larger than its floor is called worse with a chance of 2.5 % at most. (The other common rule, an interval without 0
and an estimate beyond the floor, calls half of all differences worse that are just as large as the floor.)

And there is a difference at all, with all measures in mind. With forty of them two would be called different by chance
alone, at 5 % each. So the chances of seeing so much without any difference are held against Holm's steps: the chance
that *any* measure without a difference is called better or worse is at most 5 % in a comparison, whatever the measures
have to do with each other. (Holding the chances of passing the floors against these steps would promise the same for
differences as large as the floor, which nobody minds, and find less.)
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace

from loadkit.compare.blocks import LEAST_BLOCKS
from loadkit.compare.bootstrap import CONFIDENCE, chance_above, interval
from loadkit.compare.floors import Floor
from loadkit.compare.gathering import Side
from loadkit.compare.measures import Kind, Measure
from loadkit.compare.shares import newcombe, newcombe_chance


class Word(enum.StrEnum):
    """What is said of a measure."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "cannot be told apart"
    NO_DATA = "no data"
    """Too few values, or none, in one of the runs."""


@dataclass(frozen=True)
class Judged:
    """One measure of two runs."""

    measure: Measure
    floor: Floor
    word: Word = Word.NO_DATA
    counts: tuple[int, int] = (0, 0)
    """Values, or cases, of each run."""
    values: tuple[float | None, float | None] = (None, None)
    interval: tuple[float, float] | None = None
    """Of the second run's value less the first's, 95 %."""
    chance: float = 1.0
    """Of seeing so much when the true difference is not beyond the floor (two-sided), for this measure alone."""
    by_luck: float = 1.0
    """Of seeing so much when there is no difference (two-sided), for this measure alone."""
    adjusted: float = 1.0
    """The same for all measures together."""
    why: str = ""
    """Why there are no data, or what else is to be said."""

    @property
    def change(self) -> float | None:
        """Of the second run's value, in parts of the first's; None when that is nothing."""
        first, second = self.values
        return (second - first) / first if first and second is not None else None


#: Chance that any measure of a comparison gets a word without a difference; for a difference up to the floor, that of
#: one measure is half of it.
ALPHA = 1 - CONFIDENCE
_NO_FLOOR = Floor(0.0, 0.0)


def judge(measure: Measure, floor: Floor, a: Side | None, b: Side | None) -> Judged:
    """One measure by itself; :func:`together` has the last word."""
    if a is None or b is None:
        which = "either" if a is b else "the baseline" if a is None else "the new run"
        return Judged(measure, floor, why=f"not measured in {which}")
    counts, values = (a.count, b.count), (a.drawn.value, b.drawn.value)
    if min(counts) < measure.least:
        why = f"{min(counts)} values in one of the runs, {measure.least} are needed"
        return Judged(measure, floor, counts=counts, values=values, why=why)
    if min(a.drawn.blocks, b.drawn.blocks) < LEAST_BLOCKS:
        why = f"values in {min(a.drawn.blocks, b.drawn.blocks)} blocks of time, {LEAST_BLOCKS} are needed"
        return Judged(measure, floor, counts=counts, values=values, why=why)
    more, less = _chance(a, b, floor, 1), _chance(a, b, floor, -1)
    by_luck = _chance(a, b, _NO_FLOOR, 1 if more < less else -1)
    up, down = (Word.BETTER, Word.WORSE) if measure.less_is_worse else (Word.WORSE, Word.BETTER)
    return Judged(
        measure,
        floor,
        word=up if more < less else down if less < more else Word.SAME,
        counts=counts,
        values=values,
        interval=_interval(a, b, measure),
        chance=min(1.0, 2 * min(more, less)),
        by_luck=min(1.0, 2 * by_luck),
    )


def together(alone: Sequence[Judged]) -> list[Judged]:
    """The words that stay when all measures are held against Holm's steps.

    A share that is nothing in both runs could not have been called anything, and is no test (Tarone 1990).
    """
    tests = sorted(
        (judged.by_luck, place)
        for place, judged in enumerate(alone)
        if judged.word is not Word.NO_DATA and any(judged.values)
    )
    adjusted, highest = dict.fromkeys(range(len(alone)), 1.0), 0.0
    for step, (chance, place) in enumerate(tests):
        highest = max(highest, min(1.0, (len(tests) - step) * chance))
        adjusted[place] = highest
    return [_settled(judged, adjusted[place]) for place, judged in enumerate(alone)]


def tested(judged: Sequence[Judged]) -> int:
    """Measures that could have been called better or worse."""
    return sum(one.word is not Word.NO_DATA and any(one.values) for one in judged)


def _settled(judged: Judged, adjusted: float) -> Judged:
    if judged.word is Word.NO_DATA:
        return judged
    if max(judged.chance, adjusted) <= ALPHA:
        return replace(judged, adjusted=adjusted)
    why = ""
    if judged.chance <= ALPHA:
        why = f"{judged.word} if it were the only measure"
    elif adjusted <= ALPHA:
        why = "it differs, but perhaps by no more than its floor"
    elif judged.by_luck <= ALPHA:
        why = "among so many measures it may be luck"
    return replace(judged, word=Word.SAME, adjusted=adjusted, why=why)


def _chance(a: Side, b: Side, floor: Floor, sign: int) -> float:
    """Of seeing this when the second run's value is not above (sign 1) or below (−1) both floors."""
    relative = chance_above(a.drawn, b.drawn, sign, 1 + sign * floor.relative, 0.0)
    absolute = chance_above(a.drawn, b.drawn, sign, 1.0, floor.absolute)
    found = max(relative, absolute)
    if a.cases is not None and b.cases is not None:
        least = max(floor.absolute, floor.relative * a.drawn.value)
        first, second = (a.cases, b.cases) if sign > 0 else (b.cases, a.cases)
        found = max(found, newcombe_chance(first, second, least))
    return found


def _interval(a: Side, b: Side, measure: Measure) -> tuple[float, float]:
    low, high = interval(a.drawn, b.drawn)
    # Nothing that is measured can become less than nothing.
    low, high = max(low, -a.drawn.value), max(high, -a.drawn.value)
    if measure.kind in (Kind.SHARES, Kind.LOSS) and a.cases is not None and b.cases is not None:
        wilson = newcombe(a.cases, b.cases)
        return min(low, wilson[0]), max(high, wilson[1])
    return low, high
