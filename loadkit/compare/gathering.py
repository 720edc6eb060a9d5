"""Each measure out of a run's tables, and of as many replicates of the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.compare.blocks import Floats, block_numbers, gathered, ratio
from loadkit.compare.bootstrap import Drawn, draw_percentiles, draw_ratio
from loadkit.compare.measures import FINISHED, Kind, Measure
from loadkit.compare.run_data import RunData
from loadkit.compare.shares import Cases
from loadkit.records import Outcome


@dataclass(frozen=True)
class Side:
    """One measure of one run."""

    drawn: Drawn
    count: int
    """Values, or cases."""
    cases: Cases | None = None
    """Of a share: how many, of how many."""


#: How much shorter one run may be for its blocks to be pairs with the other's.
_ALIKE = 0.1


def both_sides(
    a: RunData, b: RunData, wanted: Sequence[Measure], width_s: float
) -> tuple[dict[str, Side], dict[str, Side]]:
    """Of two runs, by the same blocks when they are of the same length."""
    blocks = [_blocks_of(data, width_s) for data in (a, b)]
    if abs(a.length_s - b.length_s) > _ALIKE * max(a.length_s, b.length_s):
        return sides(a, wanted, width_s, blocks[0], 0), sides(b, wanted, width_s, blocks[1], 1)
    return sides(a, wanted, width_s, max(blocks), 0), sides(b, wanted, width_s, max(blocks), 0)


def _blocks_of(data: RunData, width_s: float) -> int:
    return int(data.length_s // width_s) + 1


def sides(
    data: RunData, wanted: Sequence[Measure], width_s: float, blocks: int, which: int
) -> dict[str, Side]:
    """Name of each measure that the run has values of → its side.

    :param width_s: seconds of a block.
    :param which: the same for runs whose blocks are pairs.
    """
    found = {}
    for _, group in groupby(wanted, lambda measure: (measure.table, measure.column, measure.percent is None)):
        for measure, side in _sides_of(data, list(group), width_s, blocks, which):
            found[measure.name] = side
    return found


def _sides_of(
    data: RunData, group: list[Measure], width_s: float, blocks: int, which: int
) -> Iterator[tuple[Measure, Side]]:
    """Of measures of one column."""
    first = group[0]
    table: pd.DataFrame = getattr(data, first.table)
    if first.percent is None:
        for measure in group:
            if (parts := _parts(table, measure)) is not None:
                yield measure, _ratio_side(parts, measure, width_s, blocks, which)
        return
    if first.column not in table:
        return
    values = _floats(table[first.column], np.nan)
    known = np.isfinite(values)
    values = values[known] * first.scale
    if not values.size:
        return
    counts = gathered(values, _blocks(_floats(table["offset_s"])[known], width_s, blocks), blocks)
    drawn = draw_percentiles(counts, [float(measure.percent or 0) for measure in group], which)
    percents = np.percentile(values, [float(measure.percent or 0) for measure in group])
    for measure, one, exact in zip(group, drawn, percents, strict=True):
        # The replicates may be on a grid; the value that is told is the run's own.
        yield measure, Side(replace(one, value=float(exact)), int(values.size))


def _blocks(offsets_s: Floats, width_s: float, blocks: int) -> npt.NDArray[np.int64]:
    return np.minimum(block_numbers(offsets_s, width_s), blocks - 1)


@dataclass(frozen=True)
class _Parts:
    """A numerator and a denominator for each row that has them, and when its call began."""

    offsets_s: Floats
    above: Floats
    below: Floats


def _ratio_side(parts: _Parts, measure: Measure, width_s: float, blocks: int, which: int) -> Side:
    at = _blocks(parts.offsets_s, width_s, blocks)
    drawn = draw_ratio(ratio(parts.above, parts.below, at, blocks), which)
    cases = (float(parts.above.sum()), float(parts.below.sum()))
    if measure.kind is Kind.SHARES:
        return Side(drawn, int(cases[1]), cases)
    return Side(drawn, parts.above.size, cases if measure.kind is Kind.LOSS else None)


def _parts(table: pd.DataFrame, measure: Measure) -> _Parts | None:
    """None without any."""
    offsets = _floats(table["offset_s"])
    if measure.column == "failed":
        known = table["outcome"].isin(FINISHED).to_numpy(dtype=bool)
        failed = table["outcome"] == Outcome.FAILED
        if measure.code is not None:
            failed &= table["error_code"].fillna("UNKNOWN") == measure.code
        above, below = _floats(failed), np.ones(len(table))
    elif measure.kind is Kind.CPU:
        seconds = _floats(table["seconds"], 1.0)
        above, below = _floats(table["cpu_share"]) * seconds * 1e3, _floats(table["calls"]) * seconds
        known = np.ones(len(table), dtype=bool)
    elif measure.column not in table:
        return None
    elif measure.kind is Kind.LOSS:
        above, received = _floats(table["packets_lost"], np.nan), _floats(table["packets_received"], np.nan)
        below = above + received
        known = np.isfinite(below)
        above = above.clip(0)
    else:
        above, below = _floats(table[measure.column], np.nan), np.ones(len(table))
        known = np.isfinite(above)
    if not below[known].sum() > 0:
        return None
    return _Parts(offsets[known], above[known], below[known])


def _floats(column: pd.Series[Any], unknown: float = 0.0) -> Floats:
    values: Floats = column.to_numpy(dtype=np.float64, na_value=unknown)
    return values
