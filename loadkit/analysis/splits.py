"""The calls of a run cut by one of their columns, into few enough groups to be told apart in a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from loadkit.analysis.percentiles import distribution
from loadkit.analysis.timeline import Timeline, percentiles_over
from loadkit.printable import OTHER_CODES, printable
from loadkit.records import Outcome

#: Column of a call → what a reader calls it.
DIMENSIONS: Mapping[str, str] = {
    "scenario": "scenario",
    "mode": "mode",
    "ice_path": "path",
    "worker": "worker",
    "engine": "engine",
}
#: Groups that are told apart, those with most calls; the others are one.
MOST_GROUPS = 6
OTHERS = "(others)"
UNKNOWN = "(none)"

#: Error codes that are told apart over time.
MOST_CODES = 6

#: What is told of a group: a copy of all columns would double the memory.
_OF_A_GROUP = ["outcome", "setup_ms", "packets_received", "packets_lost"]

#: A picture with a line for each group has no room for more points than this along each.
_MOST_BINS = 60


def groups_of(calls: pd.DataFrame, column: str) -> pd.Series[Any] | None:
    """The group of each call, most frequent groups first in its categories; None when all calls are alike."""
    names = calls[column].replace("", pd.NA).fillna(UNKNOWN)
    return _largest(names, MOST_GROUPS, OTHERS) if names.nunique() > 1 else None


def codes_of(failed: pd.DataFrame) -> pd.Series[Any]:
    """The error code of each failed call, the rare ones as one."""
    return _largest(failed["error_code"].fillna("UNKNOWN"), MOST_CODES, OTHER_CODES)


def _largest(names: pd.Series[Any], most: int, others: str) -> pd.Series[Any]:
    """Each name, or ``others`` for the rare ones; when only one would be left over, it keeps its name."""
    counts = names.value_counts()
    kept = list(counts.index) if len(counts) <= most + 1 else list(counts.index[:most])
    shown: dict[str, str] = {}
    for name in kept:
        text = printable(str(name), 40)
        shown[name] = f"{text} ({len(shown) + 1})" if text in shown.values() else text
    order = [*shown.values(), *([others] if len(kept) < len(counts) else [])]
    return names.map(shown).fillna(others).astype(pd.CategoricalDtype(order))


def group_figures(calls: pd.DataFrame, turns: pd.DataFrame, groups: pd.Series[Any]) -> dict[str, Any]:
    """Group → how many calls, how many failed, and the spread of what is measured of each call."""
    of_turn = turns["call_id"].map(pd.Series(groups.astype("string").to_numpy(), calls["call_id"]))
    found = {}
    for name in groups.cat.categories:
        members = calls.loc[(groups == name).to_numpy(), _OF_A_GROUP]
        theirs = turns.loc[(of_turn == name).fillna(False).to_numpy(dtype=bool), "turn_latency_ms"]
        received, lost = members["packets_received"].sum(), members["packets_lost"].sum()
        found[str(name)] = {
            "calls": len(members),
            "failed": int((members["outcome"] == Outcome.FAILED).sum()),
            "setup_ms": distribution(members["setup_ms"]),
            "turn_latency_ms": distribution(theirs),
            "fraction_lost": float(max(0, lost) / (received + lost)) if received + lost > 0 else None,
        }
    return found


def coarser(times: Timeline) -> Timeline:
    """The same time in fewer pieces."""
    factor = -(-times.bins // _MOST_BINS)
    return replace(times, width_s=times.width_s * factor, bins=-(-times.bins // factor))


def p95_over(
    times: Timeline, moments: pd.Series[Any], values: pd.Series[Any], groups: pd.Series[Any]
) -> pd.DataFrame:
    """Per bin and group with values: ``offset_s``, ``count``, ``p95`` and the ``group``."""
    tables = []
    for name in groups.cat.categories:
        of_group = (groups == name).to_numpy(dtype=bool, na_value=False)
        table = percentiles_over(times, moments[of_group], values[of_group])
        tables.append(table[["offset_s", "count", "p95"]].assign(group=str(name)))
    return pd.concat(tables, ignore_index=True)


def failed_over(times: Timeline, failed: pd.DataFrame, groups: pd.Series[Any]) -> pd.DataFrame:
    """Per bin and group in it: ``offset_s`` of its beginning, ``group``, and how many ``calls`` failed."""
    bins = times.bin_of(failed["ended_at"])
    table = pd.DataFrame({"bin": bins, "group": groups.loc[bins.index].astype("string")})
    counted = table.value_counts(["bin", "group"]).rename("calls").reset_index()
    counted.insert(0, "offset_s", counted.pop("bin") * times.width_s)
    return counted.sort_values(["offset_s", "group"], ignore_index=True)
