"""How one measure changed over a run: its last quarter against its first, and a robust slope with its confidence.

Values are folded into at most :data:`MOST_BINS` equal pieces of time, each told by its median, or mean for shares. So
a million values cost one sort, and the slope, which looks at every pair of points, at most 4,560 pairs.

The slope is Theil and Sen's, the median of the slopes of all pairs: a burst of bad values, such as an outage of a
minute, does not turn it as long as it spoils less than 29 % of the pieces. Its interval is the one of Kendall's
statistic (Sen 1968), made wider by what neighbours know of each other: with a correlation r of neighbouring pieces,
after the slope is taken away, n pieces are worth about n (1 − r) / (1 + r) independent ones (Yue and Wang 2004), so the
interval grows by the root of (1 + r) / (1 − r). r is corrected for its bias in short series with a trend,
(n r + 2) / (n − 4).

What others do on the gateway has a daily pattern. From two days on it is taken away: each hour's values are compared
with those of the same hour of other days (the seasonal slope of Hirsch, Slack and Smith 1982), and what hours have of
their own is subtracted; where pieces are longer than an hour, so are the parts of a day. Within a day, a pattern and a
drift are the same thing, and nobody can tell them apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_BINS = 96
#: Three in a quarter: with fewer its median is one of two values.
LEAST_BINS = 12
#: Of the slope's interval. Some ten measures are judged in each run: at 95 % every second clean run would have one
#: whose interval leaves out zero, and only the floor would stand between it and a false alarm.
CONFIDENCE = 0.99
#: A correlation of neighbours above this is not believed: a random walk has 1, and no interval at all.
_MOST_CORRELATION = 0.95
DAY_S = 86_400.0
#: From so many days on a daily pattern is taken away; parts of a day that are told apart at most.
_LEAST_DAYS, _PARTS = 2.0, 24

Fold = Callable[[Floats], float]


def median(values: Floats) -> float:
    """What a piece of time is told by, unless it is a share."""
    return float(np.median(values))


def mean(values: Floats) -> float:
    """For shares: of zeros and ones the median says nothing."""
    return float(np.mean(values))


@dataclass(frozen=True)
class Series:
    """A measure over the analysed part of a run."""

    at: Floats
    """Middle of each piece of time, in seconds since the start of the run."""
    values: Floats
    begin: float
    """Seconds since the start of the run, as :attr:`end`: the part that is looked at."""
    end: float


@dataclass(frozen=True)
class Trend:
    """What became of it."""

    first: float
    """Median of the first quarter's pieces, and of the last quarter's."""
    last: float
    slope: float
    """Change over the analysed part, were it all by the slope; with the two ends of its interval."""
    low: float
    high: float
    correlation: float
    """Of neighbouring pieces, from 0 on."""
    spread: float
    """Largest piece less smallest."""


def series(
    at: Floats, values: Floats, begin: float, end: float, *, fold: Fold = median, per_bin: float = 10.0
) -> Series | None:
    """Values folded into pieces of time; ``None`` when there are too few for a trend.

    :param at: seconds since the start of the run, of each value, in any order.
    :param per_bin: values that a piece holds at least, on average; one with less than half of it is left out.
    """
    known = np.isfinite(at) & np.isfinite(values) & (at >= begin) & (at <= end)
    at, values = at[known], values[known]
    bins = min(MOST_BINS, int(at.size / per_bin)) // 4 * 4
    if bins < LEAST_BINS or end <= begin:
        return None
    width = (end - begin) / bins
    numbers = np.minimum(((at - begin) / width).astype(np.int64), bins - 1)
    order = np.argsort(numbers, kind="stable")
    numbers, values = numbers[order], values[order]
    edges = np.searchsorted(numbers, np.arange(bins + 1))
    filled = [number for number in range(bins) if edges[number + 1] - edges[number] >= max(1.0, per_bin / 2)]
    if len(filled) < LEAST_BINS:
        return None
    folded = np.array([fold(values[edges[number] : edges[number + 1]]) for number in filled])
    return Series(begin + (np.array(filled) + 0.5) * width, folded, begin, end)


def trend(found: Series) -> Trend | None:
    """The trend of a series; ``None`` when a quarter at either end holds fewer than two pieces."""
    # Here: it takes as long to load as all the rest of a report, and most runs are too short to have a trend.
    from scipy.stats import theilslopes

    length = found.end - found.begin
    values, wider = _without_days(found)
    first = values[found.at < found.begin + length / 4]
    last = values[found.at > found.end - length / 4]
    if min(first.size, last.size) < 2:
        return None
    found_slope = theilslopes(values, found.at, alpha=CONFIDENCE)
    slope = float(found_slope.slope)
    correlation = _correlation(values - slope * found.at)
    # About the slope, and not as a further quantile of all slopes: the outermost are of neighbours, and mere noise.
    wider *= math.sqrt((1 + correlation) / (1 - correlation))
    low = slope - wider * (slope - float(found_slope.low_slope))
    high = slope + wider * (float(found_slope.high_slope) - slope)
    return Trend(
        first=median(first),
        last=median(last),
        slope=slope * length,
        low=low * length if math.isfinite(low) else -math.inf,
        high=high * length if math.isfinite(high) else math.inf,
        correlation=correlation,
        spread=float(values.max() - values.min()),
    )


def _without_days(found: Series) -> tuple[Floats, float]:
    """The values without what hours have of their own, and by how much the interval grows for it.

    A pattern that is estimated from D days takes a part of the noise with it: 1 in D.
    """
    days = (found.end - found.begin) / DAY_S
    at, values = found.at, found.values
    # A part of a day is no shorter than a piece: else no part is there on two days, or but a few by chance.
    parts = min(_PARTS, int(DAY_S / np.diff(at).min() + 1e-6))
    if days < _LEAST_DAYS or parts < 2:
        return values, 1.0
    part = (at % DAY_S // (DAY_S / parts)).astype(np.int64)
    before, after = np.triu_indices(at.size, 1)
    apart = at[after] - at[before]
    alike = (part[before] == part[after]) & (apart > DAY_S / 2)
    if not alike.any():
        return values, 1.0
    residuals = values - median(((values[after] - values[before]) / apart)[alike]) * at
    own = np.full(at.size, median(residuals))
    for again in np.unique(part[before[alike]]):
        own[part == again] = median(residuals[part == again])
    return values - own + median(own), math.sqrt(days / (days - 1))


def _correlation(residuals: Floats) -> float:
    """Of neighbours, corrected for its bias, from 0 to :data:`_MOST_CORRELATION`; ranks, so that one burst does not
    decide."""
    from scipy.stats import rankdata

    ranks: Floats = rankdata(residuals)  # equal values share a rank
    ranks = ranks - ranks.mean()
    squares = float(ranks @ ranks)
    n = ranks.size
    if not squares or np.ptp(residuals) == 0:
        return 0.0
    raw = float(ranks[1:] @ ranks[:-1]) / squares
    return min(_MOST_CORRELATION, max(0.0, (n * raw + 2) / (n - 4)))
