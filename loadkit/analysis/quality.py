"""What the callers heard of the path, as one opinion per call."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from loadkit.analysis.percentiles import measured, rounded
from loadkit.media.quality import MODEL

_QUANTILES = {"p1": 1, "p5": 5, "p50": 50}


def summarise_quality(calls: pd.DataFrame) -> dict[str, Any]:
    """``summary["quality"]``: the lower end matters, so the percentiles are those of the worst calls."""
    opinions, late = measured(calls["mos"]), calls["playout_late_simulated"]
    ranks = np.percentile(opinions, list(_QUANTILES.values())) if opinions.size else [None] * len(_QUANTILES)
    return {
        "mos": {
            "count": int(opinions.size),
            "min": rounded(opinions.min()) if opinions.size else None,
            **{
                name: None if rank is None else rounded(rank)
                for name, rank in zip(_QUANTILES, ranks, strict=True)
            },
            "mean": rounded(opinions.mean()) if opinions.size else None,
        },
        "playout_late_simulated": int(late.sum()) if late.notna().any() else None,
        "model": MODEL,
    }
