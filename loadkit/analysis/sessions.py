"""What the gateway says that it holds against what we hold: a session that outlives its call was leaked.

Both are laid on the same axis of time: the gateway's count is of the middle of its look, and ours is read off the
engines' rows, a second apart, by a straight line between two of them. Setting up and tearing down are not at the same
moment on both sides, so that the difference is seldom 0; it is its growth that tells of a leak.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.analysis.percentiles import distribution, rounded
from loadkit.analysis.process_seconds import engines_only

Floats = npt.NDArray[np.float64]

#: The count has to be the same for so long after the last call to be said to stay (seconds).
STAYS_S = 5.0
#: Points that a picture is drawn from.
_MOST_POINTS = 240
_MOST_REASONS = 10


def no_health() -> pd.DataFrame:
    """The table of a run that never looked."""
    numbers = dict.fromkeys(("at", "status", "active_sessions", "round_trip_ms"), pd.Series(dtype="float64"))
    return pd.DataFrame({**numbers, "error": pd.Series(dtype="str")})


def sessions_over(health: pd.DataFrame, figures: pd.DataFrame) -> pd.DataFrame:
    """``at`` and ``until``, middle and end of a look (Unix seconds), ``active`` (gateway), ``held`` (ours) and
    ``difference``, one row per look that told."""
    told = health[health["active_sessions"].notna()]
    at = told["at"].to_numpy(dtype=np.float64)
    active = told["active_sessions"].to_numpy(dtype=np.float64)
    held = held_at(at, figures)
    until = at + told["round_trip_ms"].fillna(0.0).to_numpy(dtype=np.float64) / 2e3
    return pd.DataFrame(
        {"at": at, "until": until, "active": active, "held": held, "difference": active - held}
    )


def held_at(moments: Floats, figures: pd.DataFrame) -> Floats:
    """Calls that all engines held at each moment."""
    held = np.zeros(moments.size)
    engines = engines_only(figures, "at", "worker", "engine", "pid", "calls").sort_values("at", kind="stable")
    for _, rows in engines.groupby(["worker", "engine", "pid"], dropna=False, sort=False):
        calls = rows["calls"].to_numpy(dtype=np.float64, na_value=0.0)
        held += np.interp(moments, rows["at"].to_numpy(dtype=np.float64), calls, left=0.0, right=0.0)
    return held


def summarise_sessions(
    health: pd.DataFrame,
    figures: pd.DataFrame,
    calls: pd.DataFrame,
    started_at: float | None,
    *,
    ended: bool,
) -> dict[str, Any] | None:
    """The ``sessions`` part of the summary; ``None`` when nobody looked.

    :param started_at: start of the run, Unix seconds.
    :param ended: whether the run came to its end; one that was cut off has calls left, and they have sessions.
    """
    if health.empty:
        return None
    over = sessions_over(health, figures)
    errors = health["error"].dropna().value_counts()
    before = _before(over, calls)
    last = float(calls["ended_at"].max()) if ended and calls["ended_at"].notna().any() else np.inf
    after = over[over["at"] > last]
    left = None if before is None or after.empty else max(0, int(after["active"].iloc[-1]) - before)
    start = float(health["at"].iloc[0]) if started_at is None else started_at
    return {
        "looks": len(health),
        "looks_failed": int(health["active_sessions"].isna().sum()),
        "errors": {str(reason): int(number) for reason, number in errors.head(_MOST_REASONS).items()},
        "round_trip_ms": distribution(health["round_trip_ms"]),
        "before": before,
        "active_max": int(over["active"].max()) if len(over) else None,
        "left": left,
        "left_state": None if left is None else _state(left, after),
        "looked_on_s": None if after.empty else rounded(float(after["at"].iloc[-1]) - last),
        "series": _series(over, start),
    }


def _before(over: pd.DataFrame, calls: pd.DataFrame) -> int | None:
    """Sessions before our first could be there, which are others'; ``None`` when no look was over so early.

    A gateway may count a session as soon as its WebSocket opens.
    """
    opened = (calls["started_at"] + calls["ice_servers_ms"].fillna(0) / 1e3).min()
    looked: pd.DataFrame = over if pd.isna(opened) else over[over["until"] <= float(opened)]
    return None if looked.empty else int(looked["active"].iloc[-1])


def _state(left: int, after: pd.DataFrame) -> str:
    if not left:
        return "gone"
    last = after["active"].iloc[-1]
    changed = after.loc[after["active"] != last, "at"]
    since = float(changed.iloc[-1]) if len(changed) else float(after["at"].iloc[0])
    return "stay" if float(after["at"].iloc[-1]) - since >= STAYS_S else "change"


def _series(over: pd.DataFrame, start: float) -> dict[str, list[float]]:
    """For a picture: means of equally many looks."""
    step = -(-len(over) // _MOST_POINTS) or 1
    folded = over.groupby(np.arange(len(over)) // step).mean()
    return {
        "offset_s": [rounded(value - start) for value in folded["at"]],
        **{name: [rounded(value) for value in folded[name]] for name in ("active", "held", "difference")},
    }
