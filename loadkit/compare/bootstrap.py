"""The interval of a difference between two runs, from blocks of each drawn anew.

Each replicate draws as many blocks of a run as there are, with replacement. The interval is between percentiles of the
replicates' differences, taken further out than their names say: with few blocks the plain ones are too narrow, as a
normal interval is where Student's is due (Hesterberg, "What Teachers Should Know About the Bootstrap", 2014, section
5.3, expanded percentiles). Degrees of freedom are Welch's for two runs drawn apart. The same input gives the same
interval: the seed is fixed.

Blocks of which each is like the next one make the interval wider, and count as fewer. How alike they are is estimated
from the same blocks, and with few of them that promises too much (Zwiers and von Storch, "Taking Serial Correlation
into Account in Tests of the Mean", 1995): so a short run has few and long ones (``blocks.py``).

Runs of the same length are drawn by the same blocks, as pairs: what happens in both at the same time since their begin,
such as a warm-up, is no reason for a difference, and takes no part in its interval. A pair of blocks gives one
difference, so degrees of freedom are those of Student's t for pairs: pairs less one, half of Welch's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
from scipy import special

from loadkit.compare.blocks import Floats, Ratio, Values

REPLICATES = 1_000
SEED = 20_260_316
CONFIDENCE = 0.95

#: Replicates beyond a floor that a share of them can be counted from; below, their spread tells.
_COUNTABLE = 20
#: So many sigmas from a floor, too few replicates are left beyond it to be counted.
_SURE = 2.5
#: Beyond it, nothing is known: a run that only drifted.
_MOST_ALIKE = 0.9


@dataclass(frozen=True)
class Drawn:
    """One run's measure."""

    value: float
    """Of the run as it was."""
    replicates: Floats
    blocks: int
    """Blocks that hold values."""
    pull: Floats
    """Of each block at the measure, in parts of all values: by how much more of its values lie above it than below."""
    worth: float
    """Blocks that it rests on: one that holds half of all values beyond a percentile is worth more than others."""
    which: int = 0
    """Runs of the same number are drawn by the same blocks."""

    @cached_property
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
    # Whole numbers, exact in single precision up to 16 million.
    ranks_of_blocks = np.cumsum(values.counts, axis=1)
    ranks = drawn @ ranks_of_blocks
    whole = ranks_of_blocks.sum(axis=0, keepdims=True)
    filled = int((ranks_of_blocks[:, -1] > 0).sum())
    found = []
    for percent in percents:
        value = float(_percentile(values.points, whole, percent)[0])
        below = ranks_of_blocks[:, max(0, int(np.searchsorted(values.points, value, "right")) - 1)]
        pull = (below.sum() / whole[0, -1] * ranks_of_blocks[:, -1] - below) / whole[0, -1]
        beyond = below if percent < 50 else ranks_of_blocks[:, -1] - below
        replicates = _percentile(values.points, ranks, percent)
        found.append(Drawn(value, replicates, filled, pull, _worth(beyond), which))
    return found


def _percentile(points: Floats, ranks: npt.NDArray[np.float32], percent: float) -> Floats:
    """For each row of cumulative counts; a row without values is not a number."""
    total = ranks[:, -1]
    position = np.maximum(total - 1, 0) * percent / 100
    low = np.floor(position)
    high = np.minimum(low + 1, np.maximum(total - 1, 0))
    last = points.size - 1
    first = points[np.minimum(_passed(ranks, low), last)]
    second = points[np.minimum(_passed(ranks, high), last)]
    values: Floats = np.where(total > 0, first + (position - low) * (second - first), np.nan)
    return values


def _passed(ranks: npt.NDArray[np.float32], wanted: Floats) -> npt.NDArray[np.intp]:
    """How many of each row's rising ranks are not above what is wanted: a search by halves, all rows at once."""
    number, rows = ranks.shape[1], np.arange(ranks.shape[0])
    low, high = np.zeros(rows.size, dtype=np.intp), np.full(rows.size, number, dtype=np.intp)
    for _ in range(number.bit_length()):
        middle = (low + high) // 2
        below = ranks[rows, np.minimum(middle, number - 1)] <= wanted
        low = np.where(below & (low < high), middle + 1, low)
        high = np.where(below, high, middle)
    return low


def draw_ratio(ratio: Ratio, which: int) -> Drawn:
    """A share or a mean of a run and of its replicates."""
    drawn = weights(ratio.above.size, which).astype(np.float64)
    below = drawn @ ratio.below
    with np.errstate(invalid="ignore", divide="ignore"):
        replicates = np.where(below > 0, drawn @ ratio.above / below, np.nan)
    value = float(ratio.above.sum() / ratio.below.sum())
    pull = (ratio.above - value * ratio.below) / ratio.below.sum()
    filled = int((ratio.below > 0).sum())
    return Drawn(value, replicates, filled, pull, filled, which)


def _worth(beyond: npt.NDArray[np.float32]) -> float:
    """As many blocks as would hold so much if each held the same (Kish's effective size); at least 1."""
    squares = float(beyond @ beyond)
    return max(1.0, float(beyond.sum()) ** 2 / squares) if squares else 1.0


def _kin(pull: Floats) -> float:
    """What the variance of a sum over blocks is larger by because each is like the next one: (1 + r) / (1 − r).

    The correlation of a few blocks comes out too small, by (1 + 4r) / n (Marriott and Pope 1954).
    """
    apart = pull - pull.mean()
    own = float(apart @ apart)
    if not own:
        return 1.0
    r = (float(apart[1:] @ apart[:-1]) / own + 1 / pull.size) / (1 - min(4 / pull.size, 0.5))
    r = min(_MOST_ALIKE, max(0.0, r))
    return (1 + r) / (1 - r)


def interval(a: Drawn, b: Drawn) -> tuple[float, float]:
    """Of b − a, at :data:`CONFIDENCE`."""
    spread = _spread(a, b, 1.0)
    if spread is None:
        return b.value - a.value, b.value - a.value
    tail = float(special.ndtr(spread.narrow * special.stdtrit(spread.degrees, (1 - CONFIDENCE) / 2)))
    low, high = np.quantile(spread.replicates, [tail, 1 - tail])
    return float(low), float(high)


def chance_above(a: Drawn, b: Drawn, sign: int, factor: float, floor: float) -> float:
    """Of seeing this when sign · (b − factor · a) is not above the floor (one-sided)."""
    spread = _spread(a, b, factor)
    if spread is None:
        return 0.0 if sign * (b.value - factor * a.value) > floor else 1.0
    z = (sign * spread.mean - floor) / spread.sigma
    if abs(z) < _SURE:
        below = int((sign * spread.replicates <= floor).sum())
        if _COUNTABLE <= below <= spread.replicates.size - _COUNTABLE:
            z = -float(special.ndtri(below / spread.replicates.size))
    return float(special.stdtr(spread.degrees, -z / spread.narrow))


@dataclass(frozen=True)
class _Spread:
    """Of b − factor · a."""

    replicates: Floats
    """As wide as neighbouring blocks that are alike make them."""
    mean: float
    sigma: float
    narrow: float
    """What they are too narrow by because blocks are few."""
    degrees: float
    """Degrees of freedom."""


def _degrees(worth: float, kin: float) -> float:
    """Of a variance that is known from so many blocks, each like the next one."""
    return max(1.0, worth / kin - 1)


def _spread(a: Drawn, b: Drawn, factor: float) -> _Spread | None:
    """None when nothing varies."""
    replicates = b.replicates - factor * a.replicates
    replicates = replicates[np.isfinite(replicates)]
    # What never varies may do so by the last digit of a float.
    least = 1e-18 * max(1.0, a.value**2, b.value**2)
    if replicates.size < REPLICATES / 2 or not (variance := float(replicates.var())) > least:
        return None
    v_a, v_b = factor**2 * a.variance, b.variance
    if a.which == b.which:
        kin = _kin(b.pull - a.pull)
        degrees = _degrees((v_a + v_b) / (v_a / a.worth + v_b / b.worth), kin)
    else:
        kin_a, kin_b = _kin(a.pull), _kin(b.pull)
        kin = (v_a * kin_a + v_b * kin_b) / (v_a + v_b)
        # Welch's, of variances that are known from so many blocks.
        parts = (v_a * kin_a, _degrees(a.worth, kin_a)), (v_b * kin_b, _degrees(b.worth, kin_b))
        degrees = sum(part for part, _ in parts) ** 2 / sum(part**2 / known for part, known in parts)
    few = min(a.blocks, b.blocks)
    mean = float(replicates.mean())
    wider = mean + math.sqrt(kin) * (replicates - mean)
    return _Spread(wider, mean, math.sqrt(kin * variance), math.sqrt(few / (few - 1)), degrees)
