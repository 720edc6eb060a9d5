"""The run cut into at most :data:`MOST_BINS` equal pieces of time, so that a picture of days is no larger than one
of minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit import lateness
from loadkit.analysis.concurrency import concurrency
from loadkit.analysis.process_seconds import LOCUST, engines_only
from loadkit.records import Outcome

MOST_BINS = 120

_NICE_WIDTHS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400)


@dataclass(frozen=True)
class Timeline:
    """Equal bins over a run, the first beginning with it."""

    start: float
    """Unix seconds."""
    width_s: float
    bins: int
    end: float | None = None
    """Of what was measured, Unix seconds, within the last bin; ``None``: the end of that bin."""

    @property
    def edges(self) -> npt.NDArray[np.float64]:
        """Unix seconds, one more than there are bins; the last is :attr:`end`, so that a mean over the last bin is one
        over what there is of it."""
        end = self.start + self.span_s if self.end is None else self.end
        return np.append(self.start + self.offsets_s, end)

    @property
    def offsets_s(self) -> npt.NDArray[np.float64]:
        """Where each bin begins, in seconds since the start of the run."""
        return self.width_s * np.arange(self.bins, dtype=np.float64)

    @property
    def span_s(self) -> float:
        """Length of all bins."""
        return self.width_s * self.bins

    def bin_of(self, moments: pd.Series[Any]) -> pd.Series[Any]:
        """The bin of each moment; what lies outside is counted in the first or last one, unknown is dropped."""
        known = moments.dropna().astype("float64")
        numbers = ((known - self.start) // self.width_s).clip(0, self.bins - 1)
        return numbers.astype("int64")


def timeline(calls: pd.DataFrame, figures: pd.DataFrame, started_at: float | None) -> Timeline | None:
    """Bins from the start of the run to the last thing that was measured; ``None`` when nothing was."""
    moments = [calls["intended_at"], calls["started_at"], calls["ended_at"], figures["at"]]
    known = pd.concat([series.dropna().astype("float64") for series in moments])
    if known.empty:
        return None
    # A clock that was set back during the run must not stretch the picture to before its start.
    start = float(known.min()) if started_at is None else started_at
    length = max(float(known.max()) - start, 1.0)
    width = width_for(length, MOST_BINS)
    # What is over a full bin by less than clocks tell is no bin of its own.
    return Timeline(start, width, max(1, int(np.ceil(length / width - 1e-6))), start + length)


def width_for(length_s: float, bins: int) -> float:
    """Seconds of a piece, a number that people count in, so that there are at most so many."""
    return float(next((width for width in _NICE_WIDTHS_S if width * bins >= length_s), length_s / bins))


def percentiles_over(times: Timeline, moments: pd.Series[Any], values: pd.Series[Any]) -> pd.DataFrame:
    """Per bin with values: ``offset_s`` of its middle, ``count``, ``p50``, ``p95``, ``max``."""
    binned = values.dropna().groupby(times.bin_of(moments))
    table = pd.DataFrame(
        {
            "count": binned.count(),
            "p50": binned.quantile(0.5),
            "p95": binned.quantile(0.95),
            "max": binned.max(),
        }
    )
    table = table[table["count"] > 0]
    table.insert(0, "offset_s", (table.index.to_numpy() + 0.5) * times.width_s)
    return table.reset_index(drop=True)


def in_progress_over(times: Timeline, calls: pd.DataFrame) -> pd.DataFrame:
    """Per bin: ``offset_s`` of its beginning and the most ``calls`` in progress at once."""
    return pd.DataFrame({"offset_s": times.offsets_s, "calls": concurrency(calls).over(times.edges)})


def outcomes_over(times: Timeline, calls: pd.DataFrame) -> pd.DataFrame:
    """Per bin and outcome that occurs in it: ``offset_s`` of its beginning, ``outcome``, ``calls`` that ended so."""
    bins = times.bin_of(calls["ended_at"])
    ended = pd.DataFrame({"bin": bins, "outcome": calls.loc[bins.index, "outcome"]})
    known = ended[ended["outcome"].isin([str(outcome) for outcome in Outcome])]
    table = known.value_counts(["bin", "outcome"]).rename("calls").reset_index()
    table.insert(0, "offset_s", table.pop("bin") * times.width_s)
    return table.sort_values(["offset_s", "outcome"], ignore_index=True)


def generator_over(times: Timeline, figures: pd.DataFrame) -> pd.DataFrame:
    """Per bin with figures of engines: ``offset_s`` of its middle, ``late_ms_p99``, ``packets_sent`` and
    ``packets_received`` a second, the mean ``cpu_share`` of the ``busiest`` engine and of all engines (``mean``), that
    of the busiest Locust process (``locust``), and the worst ``lag`` and ``locust_lag`` of their loops in ms."""
    engines = engines_only(figures)
    bins = times.bin_of(engines["at"])
    rows = engines.loc[bins.index]
    late = rows["late_histogram"].groupby(bins)
    p99 = {
        number: lateness.percentile_shown(lateness.added_up(histograms), 99) for number, histograms in late
    }
    per_engine = rows["cpu_share"].groupby([bins, rows["worker"], rows["engine"]]).mean().groupby(level=0)
    table = pd.DataFrame({"busiest": per_engine.max(), "mean": per_engine.mean()})
    table["late_ms_p99"] = pd.Series(p99, dtype="float64")
    for column in ("packets_sent", "packets_received"):
        table[column] = _per_second(times, engines, column)[table.index.to_numpy(dtype=np.int64)]
    table["lag"] = rows["loop_lag_ms"].groupby(bins).max()
    table = table.join(_locust_over(times, figures), how="outer")
    table.insert(0, "offset_s", (table.index.to_numpy() + 0.5) * times.width_s)
    return table.reset_index(drop=True)


def _per_second(times: Timeline, engines: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """Of all engines together, in each bin, over the time that their rows tell of.

    A row tells of the second or so before it, which two bins can share.
    """
    known = engines.dropna(subset=["at", column]).sort_values("at", kind="stable")
    total, edges = np.zeros(times.bins), times.edges
    first, last = np.inf, -np.inf
    for _, rows in known.groupby(["worker", "engine", "pid"], dropna=False, sort=False):
        at = rows["at"].to_numpy(dtype=np.float64)
        began = at[0] - float(rows["seconds"].fillna(1.0).iloc[0])
        counted = np.cumsum(rows[column].to_numpy(dtype=np.float64))
        total += np.diff(np.interp(edges, [began, *at], [0.0, *counted]))
        first, last = min(first, began), max(last, at[-1])
    told = np.minimum(edges[1:], last) - np.maximum(edges[:-1], first)
    rates: npt.NDArray[np.float64] = np.divide(total, told, out=np.full(times.bins, np.nan), where=told > 0)
    return rates


def _locust_over(times: Timeline, figures: pd.DataFrame) -> pd.DataFrame:
    locust = figures[figures["kind"] == LOCUST]
    bins = times.bin_of(locust["at"])
    rows = locust.loc[bins.index]
    shares = rows["cpu_share"].groupby([bins, rows["engine"]]).mean().groupby(level=0).max()
    return pd.DataFrame({"locust": shares, "locust_lag": rows["loop_lag_ms"].groupby(bins).max()})
