"""Calls gathered by blocks of time.

Calls of one moment share what the gateway and the machine did at that moment, so a thousand calls hold less than a
thousand independent values. Drawn one by one they would promise intervals that are far too narrow; drawn by whole
blocks of time they keep what they share (Künsch's block bootstrap, with blocks that do not overlap). A block must be
longer than a moment's influence lasts, which is about as long as a call, and there must be enough of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Lengths of a block (seconds).
_WIDTHS_S = (5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_200, 1_800, 3_600)
#: As long as a call, but not longer than this.
_LONGEST_CALL_S = 60.0
#: A short run is cut into so many blocks, even when calls are longer; but none is shorter than the first of the widths.
#: Shorter blocks are more, but each is like the next one, and how much so cannot be known from a dozen: fourteen of 5 s
#: gave a wrong word in 9.5 % of the pairs of runs of a minute, seventeen of 2 s in 15 % of those of half a minute.
_FEW = 6
#: A long run is cut into no more: beyond thirty, longer blocks, which know less of each other, are worth more than many
#: (Schmeiser, "Batch Size Effects in the Analysis of Simulation Output", 1982).
_MANY = 30
#: Blocks with values that each run must have.
LEAST_BLOCKS = 6

#: From so many different values on, they are put onto a grid of this ratio: a tenth of a per cent to each side.
_EXACT = 1_000
_GRID = 1.002


def block_width(length_s: float, call_s: float) -> float:
    """Seconds of a block: as long as a call, while that leaves enough of them.

    :param length_s: of the shorter run.
    :param call_s: median length of a call.
    """
    wanted = max(10.0, min(call_s, _LONGEST_CALL_S))
    bounded = max(length_s / _MANY, min(wanted, length_s / _FEW))
    longer = [width for width in _WIDTHS_S if width >= bounded]
    if wanted > bounded:  # a short run: rather one block more than one less
        shorter = [width for width in _WIDTHS_S if width <= bounded * 1.1]
        return float(shorter[-1] if shorter else _WIDTHS_S[0])
    return float(longer[0] if longer else bounded)


@dataclass(frozen=True)
class Values:
    """How often each value occurs in each block."""

    points: Floats
    """Different values, rising."""
    counts: npt.NDArray[np.float32]
    """Blocks × points."""

    @property
    def count(self) -> int:
        """Values in all blocks."""
        return int(self.counts.sum(dtype=np.float64))


@dataclass(frozen=True)
class Ratio:
    """A numerator and a denominator for each block: shares, and means."""

    above: Floats
    below: Floats


def block_numbers(offsets_s: Floats, width_s: float) -> npt.NDArray[np.int64]:
    """The block of each moment, counted from 0."""
    return (offsets_s // width_s).astype(np.int64)


def gathered(values: Floats, blocks: npt.NDArray[np.int64], number: int) -> Values:
    """Finite values by block.

    :param number: how many blocks there are.
    """
    known = np.isfinite(values)
    values, blocks = values[known], blocks[known]
    points, place = np.unique(values, return_inverse=True)
    if points.size > _EXACT:
        grid = np.round(np.log(np.maximum(values, 1e-3)) / np.log(_GRID))
        steps, place = np.unique(grid, return_inverse=True)
        points = _GRID**steps
    cells = np.bincount(blocks * points.size + place, minlength=number * points.size)
    return Values(points, cells.reshape(number, points.size).astype(np.float32))


def ratio(above: Floats, below: Floats, blocks: npt.NDArray[np.int64], number: int) -> Ratio:
    """Sums by block; both are to be known where one is."""
    return Ratio(
        np.bincount(blocks, weights=above, minlength=number).astype(np.float64),
        np.bincount(blocks, weights=below, minlength=number).astype(np.float64),
    )
