"""The interval of a difference between two runs, from blocks of each drawn anew.

Each replicate draws as many blocks of a run as there are, with replacement. The interval is between percentiles of the
replicates' differences, taken further out than their names say: with few blocks the plain ones are too narrow, as a
normal interval is where Student's is due (Hesterberg, "What Teachers Should Know About the Bootstrap", 2014, section
5.3, expanded percentiles). Degrees of freedom are Welch's. The same input gives the same interval: the seed is fixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import stats

from loadkit.compare.blocks import Floats, Ratio, Values

REPLICATES = 1_000
SEED = 20_260_316
CONFIDENCE = 0.95

#: Replicates beyond a floor that a share of them can be counted from; below, their spread tells.
_COUNTABLE = 20
_CHUNK = 250


@dataclass(frozen=True)
class Drawn:
    """One run's measure."""

    value: float
    """Of the run as it was."""
    replicates: Floats
    blocks: int
    """Blocks that hold values."""

    @property
    def variance(self) -> float:
        """Of the measure, as the replicates say."""
        return float(np.nanvar(self.replicates))


@cache
def weights(blocks: int, which: int) -> npt.NDArray[np.float32]:
    """How often each block is drawn: replicates × blocks.

    :param which: 0 or 1; the two runs are drawn apart.
    """
    luck = np.random.default_rng([SEED, which, blocks])
    drawn = luck.multinomial(blocks, np.full(blocks, 1 / blocks), size=REPLICATES)
    return drawn.astype(np.float32)


def draw_percentiles(values: Values, percents: list[float], which: int) -> list[Drawn]:
    """Percentiles by linear interpolation (Hyndman and Fan's type 7) of a run and of its replicates."""
    drawn = weights(values.counts.shape[0], which)
    found = np.empty((len(percents), REPLICATES))
    for start in range(0, REPLICATES, _CHUNK):
        ranks = np.cumsum(drawn[start : start + _CHUNK] @ values.counts, axis=1)
        for place, percent in enumerate(percents):
            found[place, start : start + _CHUNK] = _percentile(values.points, ranks, percent)
    whole = np.cumsum(values.counts.sum(axis=0, keepdims=True), axis=1)
    filled = int((values.counts.sum(axis=1) > 0).sum())
    return [
        Drawn(float(_percentile(values.points, whole, percent)[0]), found[place], filled)
        for place, percent in enumerate(percents)
    ]


def _percentile(points: Floats, ranks: npt.NDArray[np.float32], percent: float) -> Floats:
    """For each row of cumulative counts; a row without values is not a number."""
    total = ranks[:, -1]
    position = np.maximum(total - 1, 0) * percent / 100
    low = np.floor(position)
    high = np.minimum(low + 1, np.maximum(total - 1, 0))
    last = points.size - 1
    first = points[np.minimum((ranks <= low[:, None]).sum(axis=1), last)]
    second = points[np.minimum((ranks <= high[:, None]).sum(axis=1), last)]
    values: Floats = np.where(total > 0, first + (position - low) * (second - first), np.nan)
    return values


def draw_ratio(ratio: Ratio, which: int) -> Drawn:
    """A share or a mean of a run and of its replicates."""
    drawn = weights(ratio.above.size, which).astype(np.float64)
    below = drawn @ ratio.below
    with np.errstate(invalid="ignore", divide="ignore"):
        replicates = np.where(below > 0, drawn @ ratio.above / below, np.nan)
    return Drawn(float(ratio.above.sum() / ratio.below.sum()), replicates, int((ratio.below > 0).sum()))


def interval(a: Drawn, b: Drawn) -> tuple[float, float]:
    """Of b − a, at :data:`CONFIDENCE`."""
    replicates, narrow, degrees = _spread(a, b, 1.0)
    if not narrow:
        return b.value - a.value, b.value - a.value
    tail = float(stats.norm.cdf(-narrow * stats.t.isf((1 - CONFIDENCE) / 2, degrees)))
    low, high = np.quantile(replicates, [tail, 1 - tail])
    return float(low), float(high)


def chance_above(a: Drawn, b: Drawn, sign: int, factor: float, floor: float) -> float:
    """Of seeing this when sign · (b − factor · a) is not above the floor (one-sided)."""
    replicates, narrow, degrees = _spread(a, b, factor)
    if not narrow:
        return 0.0 if sign * (b.value - factor * a.value) > floor else 1.0
    above = sign * replicates - floor
    z = float(above.mean() / above.std())
    below = int((above <= 0).sum())
    if _COUNTABLE <= below <= above.size - _COUNTABLE:
        z = float(stats.norm.isf(below / above.size))
    return float(stats.t.sf(z / narrow, degrees))


def _spread(a: Drawn, b: Drawn, factor: float) -> tuple[Floats, float, float]:
    """Replicates of b − factor · a, how much too narrow they are, and Welch's degrees of freedom; 0 and 1 when nothing
    varies."""
    replicates = b.replicates - factor * a.replicates
    replicates = replicates[np.isfinite(replicates)]
    v_a, v_b = factor**2 * a.variance, b.variance
    # What never varies may do so by the last digit of a float.
    least = 1e-18 * max(1.0, a.value**2, b.value**2)
    if replicates.size < REPLICATES / 2 or not v_a + v_b > least or replicates.std() ** 2 <= least:
        return replicates, 0.0, 1.0
    n_a, n_b = a.blocks, b.blocks
    degrees = (v_a + v_b) ** 2 / (v_a**2 / (n_a - 1) + v_b**2 / (n_b - 1))
    narrow = np.sqrt((v_a * n_a / (n_a - 1) + v_b * n_b / (n_b - 1)) / (v_a + v_b))
    return replicates, float(narrow), float(degrees)
