"""How often each error code came: of a gateway that makes up a new one for each call, the most frequent ones."""

from __future__ import annotations

from typing import Any

import pandas as pd

from loadkit.printable import MOST_CODES, OTHER_CODES, printable


def count_codes(codes: pd.Series[Any]) -> dict[str, int]:
    """Code → how often, most frequent first; at most :data:`MOST_CODES`, what is beyond under one name."""
    counts: dict[str, int] = {}
    for rank, (code, count) in enumerate(codes.fillna("UNKNOWN").value_counts().items()):
        name = printable(str(code), 100) if rank < MOST_CODES else OTHER_CODES
        counts[name] = counts.get(name, 0) + int(count)
    return counts
