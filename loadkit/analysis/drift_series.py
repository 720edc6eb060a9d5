"""From the raw tables of a run to one series per measure, and per process for what is our own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit import lateness
from loadkit.analysis.process_seconds import ENGINE
from loadkit.analysis.sessions import held_at, sessions_over
from loadkit.analysis.trend import LEAST_BINS, MOST_BINS, Series, mean, series
from loadkit.records import Outcome

Floats = npt.NDArray[np.float64]

#: Of a run, and at least and at most so many seconds, is left out at its beginning: caches fill, memory is taken.
WARM_UP_SHARE, WARM_UP_LEAST_S, WARM_UP_MOST_S = 0.1, 30.0, 600.0
#: The load has settled when so much of its median is there; no more of the run than this is waited for it.
_SETTLED, _SETTLED_WITHIN = 0.9, 0.5
#: Values that a piece of time holds at least; failures that a piece is to be expected to have.
_CALLS_PER_BIN, _FAILURES_PER_BIN, _ROWS_PER_BIN, _LOOKS_PER_BIN = 10, 5, 5, 3
#: A process that told of itself for less of the analysed part has no trend.
_LEAST_OF_PART = 0.5
#: What an engine's memory grew by for each call more at once, and stayed (``docs/soak.md``).
_BYTES_OF_A_CALL = 400_000
#: Processes that are looked at, those that told most first, and rows of each whose lateness is added up.
MOST_PROCESSES, _MOST_ROWS = 32, 5_000

#: Few of the columns: all of a run of days would be some hundred megabytes once more.
_OF_PROCESS = ["at", "engine", "pid", "calls", "rss_bytes", "open_files", "tasks", "late_histogram"]


@dataclass(frozen=True)
class Part:
    """The part of a run that is looked at."""

    start: float
    """Of the run, Unix seconds."""
    begin: float
    """Seconds since then, as :attr:`end`."""
    end: float

    @property
    def length(self) -> float:
        """Seconds."""
        return self.end - self.begin


def part_of(calls: pd.DataFrame, figures: pd.DataFrame, started_at: float | None) -> Part | None:
    """From when the load has settled and things are warm to the last call's start; ``None`` without calls.

    After the last start the load falls, and so does all that goes with it.
    """
    began = _offsets(calls["intended_at"].fillna(calls["started_at"]), 0.0)
    began = began[np.isfinite(began)]
    if not began.size:
        return None
    start = float(began.min()) if started_at is None else started_at
    first, last = float(began.min()) - start, float(began.max()) - start
    warm = first + min(WARM_UP_MOST_S, max(WARM_UP_LEAST_S, WARM_UP_SHARE * (last - first)))
    settled = min(_settled(figures, start), first + _SETTLED_WITHIN * (last - first))
    return Part(start, max(warm, settled), last)


def _settled(figures: pd.DataFrame, start: float) -> float:
    """When the engines first held most of the calls that they held in the median, in seconds since the start."""
    engines = figures.loc[(figures["kind"] == ENGINE) & (figures["calls"].fillna(0) > 0), "at"]
    if engines.empty:
        return 0.0
    # Rows are about a second apart, so that a second can hold two of an engine, or none: not to be added up by seconds.
    moments = np.unique(engines.to_numpy(dtype=np.float64))
    held = held_at(moments, figures)
    return float(moments[held >= _SETTLED * np.median(held)][0]) - start


def gateway_series(
    part: Part, calls: pd.DataFrame, turns: pd.DataFrame, figures: pd.DataFrame, health: pd.DataFrame
) -> Iterator[tuple[str, Series | None]]:
    """Name of the measure, and its series; ``None`` when it was measured, and too seldom."""
    at = _offsets(calls["intended_at"].fillna(calls["started_at"]), part.start)
    of_part = partial(series, begin=part.begin, end=part.end, per_bin=_CALLS_PER_BIN)
    for column in ("setup_ms", "mos"):
        if column in calls and calls[column].notna().any():
            yield column, of_part(at, _floats(calls[column]))
    if turns["turn_latency_ms"].notna().any():
        yield "turn_latency_ms", of_part(_said_at(turns, calls, at), _floats(turns["turn_latency_ms"]))
    yield "failed", _failures(part, calls, at)
    yield "calls_per_s", _rate(part, at)
    if health["active_sessions"].notna().any():
        over = sessions_over(health, figures)
        looked = over["at"].to_numpy() - part.start
        for name, column in (("active_sessions", "active"), ("sessions_unaccounted", "difference")):
            yield (
                name,
                series(
                    looked, over[column].to_numpy(), part.begin, part.end, fold=mean, per_bin=_LOOKS_PER_BIN
                ),
            )


def process_series(part: Part, figures: pd.DataFrame) -> Iterator[tuple[str, str, Series, float | None]]:
    """Measure, process and series of what each process of ours uses, and of how late an engine is; and by how much
    the most calls at once explain that it has more memory than at first.

    A process that was there for less than half of the time is left out: it has no first or no last quarter.
    """
    inside = figures.loc[figures["at"].between(part.start + part.begin, part.start + part.end), _OF_PROCESS]
    groups = sorted(
        inside.groupby(["engine", "pid"], dropna=False, sort=False), key=lambda item: -len(item[1])
    )
    names = [name for (name, _), _ in groups]
    for (name, pid), rows in groups[:MOST_PROCESSES]:
        at = rows["at"].to_numpy(dtype=np.float64) - part.start
        if np.ptp(at) < _LEAST_OF_PART * part.length:
            continue
        process = str(name) if names.count(name) == 1 else f"{name} (process {pid})"
        for column in ("rss_bytes", "open_files", "tasks"):
            if rows[column].notna().any():
                found = series(at, _floats(rows[column]), part.begin, part.end, per_bin=_ROWS_PER_BIN)
                if found is not None:
                    yield column, process, found, _kept(part, at, rows) if column == "rss_bytes" else None
        late = _lateness(part, at, rows)
        if late is not None:
            yield "late_ms_p99", process, late, None


def _failures(part: Part, calls: pd.DataFrame, at: Floats) -> Series | None:
    """Share of calls that failed, of those that came to an end of their own."""
    judged = (calls["outcome"].notna() & (calls["outcome"] != str(Outcome.CANCELLED))).to_numpy(bool)
    judged &= (at >= part.begin) & (at <= part.end)
    failed = (calls["outcome"] == str(Outcome.FAILED)).to_numpy(bool, na_value=False)[judged]
    share = float(failed.mean()) if failed.size else 0.0
    # Few failures need wide pieces: of pieces that hold none or one the slope is always 0.
    wide = failed.size / LEAST_BINS if share == 0 else _FAILURES_PER_BIN / share
    per_bin = max(_CALLS_PER_BIN, min(wide, failed.size / LEAST_BINS / 1.2))
    return series(at[judged], failed.astype(np.float64), part.begin, part.end, fold=mean, per_bin=per_bin)


def _kept(part: Part, at: Floats, rows: pd.DataFrame) -> float:
    """Bytes that an allocator took for the most calls at once since the first quarter, and keeps."""
    calls = np.nan_to_num(_floats(rows["calls"]))
    first = calls[at < part.begin + part.length / 4]
    return float(max(0.0, calls.max() - first.max(initial=0.0))) * _BYTES_OF_A_CALL


def _rate(part: Part, at: Floats) -> Series | None:
    """Calls started a second."""
    inside = at[(at >= part.begin) & (at <= part.end)]
    bins = min(MOST_BINS, inside.size // _CALLS_PER_BIN) // 4 * 4
    if bins < LEAST_BINS or part.length <= 0:
        return None
    counts, edges = np.histogram(inside, bins=bins, range=(part.begin, part.end))
    return Series((edges[:-1] + edges[1:]) / 2, counts * bins / part.length, part.begin, part.end)


def _lateness(part: Part, at: Floats, rows: pd.DataFrame) -> Series | None:
    """p99 of the packets in each piece of time, out of at most so many rows, evenly taken."""
    told = rows["late_histogram"].map(bool).to_numpy(bool)
    step = -(-int(told.sum()) // _MOST_ROWS) or 1
    at, histograms = at[told][::step], rows["late_histogram"][told].to_numpy()[::step]
    places = np.arange(at.size, dtype=np.float64)

    def p99(of_bin: Floats) -> float:
        added = lateness.added_up(histograms[place] for place in of_bin.astype(np.int64))
        late = lateness.percentile_shown(added, 99)
        return np.nan if late is None else late

    return series(at, places, part.begin, part.end, fold=p99, per_bin=_ROWS_PER_BIN)


def _said_at(turns: pd.DataFrame, calls: pd.DataFrame, at: Floats) -> Floats:
    """When each turn's speech ended: the call's start is near enough where that is not known."""
    began = pd.Series(at, index=calls["call_id"])
    of_call = began[~began.index.duplicated()].reindex(turns["call_id"]).to_numpy(dtype=np.float64)
    said_at = of_call.astype(np.float64) + np.nan_to_num(_floats(turns["said_at"]))
    return np.asarray(said_at, dtype=np.float64)


def _offsets(moments: pd.Series[Any], start: float) -> Floats:
    offsets: Floats = moments.to_numpy(dtype=np.float64, na_value=np.nan) - start
    return offsets


def _floats(values: pd.Series[Any]) -> Floats:
    floats: Floats = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return floats
