"""Which load to try next, and where the limit is: growth, then bisection, then the border again.

    growth     start, start × factor, … until a load does not hold; start / factor, … when the first one does not
    bisection  the middle between the highest load that holds and the lowest one that does not, until they are as
               close as the resolution, or neighbours
    border     both are tried again until two of three trials agree; when that moves the border, the search goes on

Everything follows from the trials so far, so a trial that lied is set right by those after it. A load that the
generator could not place is a border, too, and the search below it goes on; but it says nothing about the gateway.

Loads are whole numbers from 1 on; what they count is the caller's business.
"""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

LEAST = 1


class Trial(enum.StrEnum):
    """What came of one load, tried once."""

    HELD = "held"
    """Every threshold held."""
    BROKEN = "broken"
    """One did not, and the generator was fit."""
    UNFIT = "unfit"
    """The generator was the limit, or did not place the load: nothing is known of the gateway."""


class Ending(enum.StrEnum):
    """Why a search ended."""

    FOUND = "found"
    """The border is known to within the resolution."""
    NOT_EVEN_ONE = "not even one"
    """The least load there is does not hold."""
    GENERATOR = "generator"
    """Above the highest load that holds, the generator was the limit."""
    CEILING = "ceiling"
    """The highest load that was allowed holds."""
    STEPS = "steps"
    """There were as many steps as were allowed."""


@dataclass(frozen=True)
class SearchPlan:
    """How to search."""

    start: int = 10
    """The first load."""
    factor: float = 2.0
    """Growth from step to step, above 1."""
    resolution: float = 0.05
    """How close the border is told, as a share of it."""
    most: int = 1000
    """The highest load that may be tried."""
    most_steps: int = 40
    """Steps after which the search ends, whatever is known."""
    repeats: int = 3
    """Trials of a border of which the majority decides; 1 believes the first."""


@dataclass(frozen=True)
class Bounds:
    """What the trials so far say."""

    low: int | None
    """The highest load that holds; ``None`` when none did."""
    high: int | None
    """The lowest load that does not; ``None`` when all did."""
    high_is: Trial | None
    """Whether that was the gateway's limit or the generator's."""
    sure_low: int | None
    """The highest load up to ``low`` that held each time it was tried."""
    sure_high: int | None
    """The lowest load from ``high`` on that held no time it was tried."""

    @property
    def unsure(self) -> bool:
        """Whether a border contradicted itself, so that the limit is somewhere from ``sure_low`` to ``sure_high``."""
        return (self.low, self.high) != (self.sure_low, self.sure_high)


class Search:
    """Call :meth:`next` for a load, :meth:`add` what came of it, until there is none left to try."""

    def __init__(self, plan: SearchPlan) -> None:
        self.plan = plan
        self.trials: dict[int, list[Trial]] = {}
        self.steps = 0

    def add(self, load: int, trial: Trial) -> None:
        """One load was tried."""
        self.trials.setdefault(load, []).append(trial)
        self.steps += 1

    @property
    def ending(self) -> Ending | None:
        """Why there is nothing left to try; ``None`` while there is."""
        if self._wanted() is not None:
            return Ending.STEPS if self.steps >= self.plan.most_steps else None
        bounds = self.bounds
        if bounds.high is None:
            return Ending.CEILING
        if bounds.high_is is Trial.UNFIT:
            return Ending.GENERATOR
        return Ending.FOUND if bounds.low is not None else Ending.NOT_EVEN_ONE

    def next(self) -> int | None:
        """The load to try next; ``None`` at the end."""
        return None if self.steps >= self.plan.most_steps else self._wanted()

    @property
    def bounds(self) -> Bounds:
        """What is known so far."""
        low, high = self._low_and_high()
        held = [
            load for load in self.trials if low is not None and load <= low and self._always(load, held=True)
        ]
        broken = [
            load
            for load in self.trials
            if high is not None and load >= high and self._always(load, held=False)
        ]
        return Bounds(
            low,
            high,
            None if high is None else _kind(self.trials[high]),
            max(held, default=None),
            # A border above which nothing was tried again stays the border, however unsure.
            min(broken, default=None),
        )

    def _wanted(self) -> int | None:
        """What is left to try, however many steps there were."""
        if not self.trials:
            return min(self.plan.start, self.plan.most)
        for load, trials in self.trials.items():
            if _holds(trials) is None:
                return load
        low, high = self._low_and_high()
        if high is None:
            assert low is not None
            return self._unconfirmed(low) if low >= self.plan.most else self._grown(low)
        if low is None:
            return self._unconfirmed(high) if high <= LEAST else max(LEAST, int(high / self.plan.factor))
        if high - low > max(1, int(self.plan.resolution * low)):
            return (low + high) // 2
        return self._unconfirmed(low, high)

    def _grown(self, low: int) -> int:
        return min(self.plan.most, max(low + 1, round(low * self.plan.factor)))

    def _unconfirmed(self, *borders: int) -> int | None:
        """A border that was not tried often enough to be believed."""
        majority = self.plan.repeats // 2 + 1
        for load in borders:
            trials = self.trials[load]
            if len(trials) < self.plan.repeats and max(Counter(trials).values()) < majority:
                return load
        return None

    def _low_and_high(self) -> tuple[int | None, int | None]:
        """The lowest load that does not hold, and the highest below it that does."""
        high = min((load for load, trials in self.trials.items() if _holds(trials) is False), default=None)
        below = (
            load for load, trials in self.trials.items() if _holds(trials) and (high is None or load < high)
        )
        return max(below, default=None), high

    def _always(self, load: int, *, held: bool) -> bool:
        return all((trial is Trial.HELD) is held for trial in self.trials[load])


def _holds(trials: Sequence[Trial]) -> bool | None:
    """What most trials say; ``None`` when as many say the one as the other."""
    held = sum(trial is Trial.HELD for trial in trials)
    return None if 2 * held == len(trials) else 2 * held > len(trials)


def _kind(trials: Sequence[Trial]) -> Trial:
    """Whose limit it was: the gateway is blamed only when most of the trials that did not hold say so."""
    count = Counter(trials)
    return Trial.BROKEN if count[Trial.BROKEN] > count[Trial.UNFIT] else Trial.UNFIT


def most_steps_needed(plan: SearchPlan, limit: int) -> int:
    """An upper bound of the steps to a limit when no trial lies."""
    span = max(plan.most, plan.start, 2)
    growth = math.ceil(math.log(span, plan.factor)) + 2
    # Growth by a factor near 1 goes by ones first.
    growth += math.ceil(1 / (plan.factor - 1))
    gap = max(limit, plan.start) * plan.factor + 1
    bisection = math.ceil(math.log2(max(2.0, gap / max(1.0, plan.resolution * min(limit, plan.start)))))
    return growth + bisection + 2 * (plan.repeats // 2)
