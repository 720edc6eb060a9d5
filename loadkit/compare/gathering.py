"""Each measure out of a run's tables, and of as many replicates of the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


def sides(data: RunData, wanted: Sequence[Measure], width_s: float, which: int) -> dict[str, Side]:
    """Name of each measure that the run has values of → its side.

    :param width_s: seconds of a block.
    :param which: 0 for the first run, 1 for the second.
    """
    found = {}
    blocks = int(data.length_s // width_s) + 1
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
                yield measure, _ratio_side(*parts, measure, width_s, blocks, which)
        return
    if first.column not in table:
        return
    known = table[table[first.column].notna()]
    values = known[first.column].to_numpy(dtype=np.float64) * first.scale
    if not values.size:
        return
    counts = gathered(values, _blocks(known, width_s, blocks), blocks)
    drawn = draw_percentiles(counts, [float(measure.percent or 0) for measure in group], which)
    percents = np.percentile(values, [float(measure.percent or 0) for measure in group])
    for measure, one, exact in zip(group, drawn, percents, strict=True):
        # The replicates may be on a grid; the value that is told is the run's own.
        yield measure, Side(Drawn(float(exact), one.replicates, one.blocks), int(values.size))


def _blocks(table: pd.DataFrame, width_s: float, blocks: int) -> npt.NDArray[np.int64]:
    return np.minimum(block_numbers(table["offset_s"], width_s), blocks - 1)


def _ratio_side(
    table: pd.DataFrame,
    above: Floats,
    below: Floats,
    measure: Measure,
    width_s: float,
    blocks: int,
    which: int,
) -> Side:
    drawn = draw_ratio(ratio(above, below, _blocks(table, width_s, blocks), blocks), which)
    if measure.kind is Kind.SHARES:
        return Side(drawn, int(below.sum()), (float(above.sum()), float(below.sum())))
    if measure.kind is Kind.LOSS:
        return Side(drawn, len(table), (float(above.sum()), float(below.sum())))
    return Side(drawn, len(table))


def _parts(table: pd.DataFrame, measure: Measure) -> tuple[pd.DataFrame, Floats, Floats] | None:
    """Rows with a numerator and a denominator each; None without any."""
    if measure.column == "failed":
        known = table[table["outcome"].isin(FINISHED)]
        above = known["outcome"] == Outcome.FAILED
        if measure.code is not None:
            above &= known["error_code"].fillna("UNKNOWN") == measure.code
        return (known, _floats(above), np.ones(len(known))) if len(known) else None
    if measure.kind is Kind.CPU:
        above, below = table["cpu_share"] * table["seconds"].fillna(1.0) * 1e3, table["calls"]
        below = below * table["seconds"].fillna(1.0)
        return (table, _floats(above), _floats(below)) if len(table) else None
    if measure.column not in table:
        return None
    known = table[table[measure.column].notna()]
    if measure.kind is Kind.LOSS:
        known = known[known["packets_received"].notna()]
        lost = _floats(known["packets_lost"])
        below_all = lost + _floats(known["packets_received"])
        return (known, lost.clip(0), below_all) if below_all.sum() > 0 else None
    return (known, _floats(known[measure.column]), np.ones(len(known))) if len(known) else None


def _floats(column: pd.Series[Any]) -> Floats:
    values: Floats = column.to_numpy(dtype=np.float64, na_value=0.0)
    return values
