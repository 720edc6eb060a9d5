"""Histograms of lateness, one for each row of figures, as few bytes: a run of days has a million of them.

A dict of a dozen buckets takes a kilobyte; its pairs of bucket and count take a hundred bytes, and a column of them is
added up at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

_PAIR = np.dtype([("bucket", "<i4"), ("count", "<i8")])

#: Histograms that are added up at once: those of a run of days would be some hundred megabytes meanwhile.
_AT_ONCE = 50_000


class LateCounts(Mapping[int, int]):
    """Bucket → count of packets, read-only."""

    __slots__ = ("packed",)

    def __init__(self, packed: bytes) -> None:
        self.packed = packed

    @classmethod
    def of(cls, counts: Mapping[int, int]) -> LateCounts:
        """Packed from a plain mapping."""
        return cls(np.array(list(counts.items()), dtype=_PAIR).tobytes())

    def __getitem__(self, bucket: int) -> int:
        return dict(self.items())[bucket]

    def __iter__(self) -> Iterator[int]:
        return iter(self._pairs()["bucket"].tolist())

    def __len__(self) -> int:
        return len(self.packed) // _PAIR.itemsize

    def __repr__(self) -> str:
        return f"LateCounts({dict(self.items())})"

    def items(self) -> list[tuple[int, int]]:  # type: ignore[override]
        """Bucket and count of each."""
        pairs: list[tuple[int, int]] = self._pairs().tolist()
        return pairs

    def _pairs(self) -> npt.NDArray[np.void]:
        return np.frombuffer(self.packed, dtype=_PAIR)


def pack_rows(
    dense: npt.NDArray[np.int64], buckets: npt.NDArray[np.int64], known: npt.NDArray[np.bool_]
) -> list[LateCounts | None]:
    """A row of counts for each histogram, a column for each of these buckets; None where nothing is known."""
    rows, places = np.nonzero(dense)
    pairs = np.empty(rows.size, dtype=_PAIR)
    pairs["bucket"], pairs["count"] = buckets[places], dense[rows, places]
    packed = pairs.tobytes()
    ends = (np.cumsum(np.bincount(rows, minlength=len(dense))) * _PAIR.itemsize).tolist()
    begins = [0, *ends][: len(ends)]
    return [
        LateCounts(packed[begin:end]) if there else None
        for begin, end, there in zip(begins, ends, known.tolist(), strict=True)
    ]


def added_up(histograms: Iterable[Mapping[int, int] | None]) -> Counter[int]:
    """All of them as one, packed or not."""
    total: Counter[int] = Counter()
    packed: list[bytes] = []
    sums = np.zeros(0)
    for histogram in histograms:
        if isinstance(histogram, LateCounts):
            packed.append(histogram.packed)
        elif histogram:
            total.update(histogram)
        if len(packed) == _AT_ONCE:
            sums = _with_pairs(sums, packed)
            packed.clear()
    sums = _with_pairs(sums, packed)
    total.update({int(bucket): int(sums[bucket]) for bucket in np.flatnonzero(sums)})
    return total


def _with_pairs(sums: npt.NDArray[np.float64], packed: list[bytes]) -> npt.NDArray[np.float64]:
    """Packets per bucket, and those of some more histograms."""
    pairs = np.frombuffer(b"".join(packed), dtype=_PAIR)
    more = np.bincount(pairs["bucket"], pairs["count"], minlength=sums.size).astype(np.float64, copy=False)
    more[: sums.size] += sums
    return more


def due_and_late(
    histograms: Iterable[Mapping[int, int] | None], first_late: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of each: all packets, and those in a bucket from ``first_late`` on."""
    packed = [
        b"" if not one else one.packed if isinstance(one, LateCounts) else LateCounts.of(one).packed
        for one in histograms
    ]
    pairs = np.frombuffer(b"".join(packed), dtype=_PAIR)
    row = np.repeat(np.arange(len(packed)), [len(one) // _PAIR.itemsize for one in packed])
    counts = pairs["count"].astype(np.float64)
    due = np.bincount(row, weights=counts, minlength=len(packed))
    late = np.bincount(row, weights=counts * (pairs["bucket"] >= first_late), minlength=len(packed))
    return due.astype(np.int64), late.astype(np.int64)
