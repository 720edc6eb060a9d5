"""How often drift is found where none is, and missed where it is, in synthetic runs: the tables of ``docs/soak.md``.

    python -m benchmarks.drift_alarms            # 200 runs for each line, some minutes
    python -m benchmarks.drift_alarms --runs 20

A run is a row of set-up times as a gateway of a busy machine gives them: log-normal (median 120 ms, sigma 0.35, so that
p95 is 213 ms), times a slow wander (an AR(1) of minutes, 5 %), a daily pattern (± 10 %), a warm-up (60 % more in the
first minute, fading), and three bursts of 20 s in which all is four times as slow. To that comes the planted slope. The
second table is memory: 100 MB, steps of 1 MB, a saturating rise of 6 MB, and the planted leak.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from loadkit.analysis.drift import Drift, judge_trend
from loadkit.analysis.drift_measures import MEASURES
from loadkit.analysis.drift_series import WARM_UP_LEAST_S, WARM_UP_MOST_S, WARM_UP_SHARE
from loadkit.analysis.trend import series, trend

Floats = npt.NDArray[np.float64]
HOUR = 3_600.0
DAY = 24 * HOUR


def setup_times(
    luck: np.random.Generator, seconds: float, rate: float, per_minute: float, daily: float
) -> tuple[Floats, Floats]:
    """Moments and set-up times in ms of a run, with so many ms more for each minute of it."""
    at = np.sort(luck.uniform(0, seconds, luck.poisson(seconds * rate)))
    value = luck.lognormal(np.log(120.0), 0.35, at.size)
    value *= 1 + 0.05 * wander(luck, seconds)[(at / 60).astype(np.int64)]
    value *= 1 + daily * np.sin(2 * np.pi * (at / DAY + luck.uniform()))
    value *= 1 + 0.6 * np.exp(-at / 60)
    for begin in luck.uniform(0, seconds, 3):
        value[(at >= begin) & (at < begin + 20)] *= 4
    return at, value + per_minute * at / 60


def memory(
    luck: np.random.Generator, seconds: float, _rate: float, per_hour: float, _daily: float
) -> tuple[Floats, Floats]:
    """Moments and resident bytes of a process, with so many MB more for each hour; a row in 2 s."""
    at = np.arange(0, seconds, 2.0)
    rise = 6e6 * (1 - np.exp(-at / 300)) + per_hour * 1e6 * at / HOUR
    return at, 1e8 + np.floor((rise + luck.normal(0, 2e5, at.size)) / 1e6 + luck.uniform()) * 1e6


def wander(luck: np.random.Generator, seconds: float) -> Floats:
    """An AR(1) of variance 1, one value a minute, that forgets within ten."""
    minutes = int(seconds // 60) + 1
    keep = np.exp(-1 / 10)
    steps = luck.normal(0, np.sqrt(1 - keep**2), minutes)
    value = np.empty(minutes)
    value[0] = luck.normal()
    for minute in range(1, minutes):
        value[minute] = keep * value[minute - 1] + steps[minute]
    return value


def verdict(name: str, at: Floats, values: Floats, seconds: float) -> Drift:
    """As a run of this length has it; the engines are not late."""
    begin = min(WARM_UP_MOST_S, max(WARM_UP_LEAST_S, WARM_UP_SHARE * seconds))
    found = series(at, values, begin, seconds, per_bin=5 if name == "rss_bytes" else 10)
    became = None if found is None else trend(found)
    return Drift.TOO_SHORT if became is None else judge_trend(MEASURES[name], became)[0]


def line(
    make: Callable[[np.random.Generator, float, float, float, float], tuple[Floats, Floats]],
    name: str,
    seconds: float,
    rate: float,
    slope: float,
    daily: float,
    runs: int,
) -> str:
    """A row of the table: how many of the runs had which verdict."""
    counts: Counter[Drift] = Counter()
    for seed in range(runs):
        luck = np.random.default_rng([seed, int(seconds), int(slope * 1_000)])
        counts[verdict(name, *make(luck, seconds, rate, slope, daily), seconds)] += 1
    length = f"{seconds / HOUR:g} h" if seconds >= HOUR else f"{seconds / 60:g} min"
    shown = " | ".join(f"{counts[word]}" for word in Drift)
    what = f"{rate:g}/s | {f'± {daily:.0%}' if daily else 'none'} | " if name == "setup_ms" else ""
    return f"| {length} | {what}{slope:g} | {shown} |"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    runs = parser.parse_args().runs
    words = " | ".join(Drift)
    print(f"| length | calls | daily pattern | planted, ms a minute | {words} |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for seconds, rate, daily in (
        (5 * 60, 3.0, 0.0),
        (15 * 60, 3.0, 0.0),
        (30 * 60, 3.0, 0.0),
        (HOUR, 0.2, 0.0),
        (HOUR, 3.0, 0.0),
        (2 * HOUR, 3.0, 0.0),
        (6 * HOUR, 3.0, 0.0),
        (6 * HOUR, 3.0, 0.1),
        (24 * HOUR, 1.0, 0.0),
        (24 * HOUR, 1.0, 0.1),
        (72 * HOUR, 0.3, 0.0),
        (72 * HOUR, 0.3, 0.1),
    ):
        for slope in (0.0, 1.0):
            print(line(setup_times, "setup_ms", seconds, rate, slope, daily, runs), flush=True)
    print(f"\n| length | planted, MB an hour | {words} |\n| --- | --- | --- | --- | --- |")
    for seconds in (15 * 60, HOUR, 6 * HOUR, 72 * HOUR):
        for slope in (0.0, 1.0, 20.0):
            print(line(memory, "rss_bytes", seconds, 0.0, slope, 0.0, runs), flush=True)


if __name__ == "__main__":
    main()
