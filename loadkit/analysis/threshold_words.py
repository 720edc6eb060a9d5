"""What a run was asked for, thresholds or no failed call, and what came of it, for the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadkit.analysis.fitness import DOUBTFUL_CODES
from loadkit.printable import printable

_MOST_NAMED = 5


@dataclass(frozen=True)
class Asked:
    """What the verdict takes in."""

    broken: bool
    """A threshold is broken, or a call failed that no threshold speaks of."""
    blames_gateway: bool
    """It would be broken by such failures alone as no slow generator brings about."""
    undecided: bool
    """A threshold has no data, or too few."""
    sentences: tuple[str, ...] = ()
    """What came of the thresholds; none for a run without."""


def asked_of(summary: Mapping[str, Any]) -> Asked:
    """Thresholds and failures of a summary that has no verdict yet."""
    rows: Sequence[Mapping[str, Any]] = summary.get("thresholds") or ()
    slo = summary.get("slo")
    if not rows or not slo:
        errors = set(summary["errors"])
        return Asked(bool(summary["calls"]["failed"]), not errors <= DOUBTFUL_CODES, undecided=False)
    broken = [row for row in rows if row["status"] == "fail"]
    lacking = [row for row in rows if row["status"] == "no data"]
    sentences = []
    if broken:
        sentences.append(f"{_how_many(broken, rows, 'broken')}: {_named(broken)}.")
    if lacking:
        sentences.append(f"{_how_many(lacking, rows, 'not decided')}: {_named(lacking)}.")
    if not broken and not lacking:
        sentences.append(
            "The only threshold holds." if len(rows) == 1 else f"All {len(rows)} thresholds hold."
        )
    if apart := slo["failed_apart"]:
        calls = "1 call" if apart == 1 else f"{apart:,} calls"
        sentences.append(f"{calls} failed in a way that no threshold speaks of, which fails the run.")
    if left_out := slo["calls_left_out"]:
        calls = "1 call" if left_out == 1 else f"{left_out:,} calls"
        sentences.append(f"The first {slo['warm_up_s']:g} s were left out, with {calls}.")
    blames = bool(slo["gateway_broke"]) or not set(slo["failed_apart_errors"]) <= DOUBTFUL_CODES
    return Asked(bool(broken or apart), blames, bool(lacking), tuple(sentences))


def _how_many(some: Sequence[Any], rows: Sequence[Any], what: str) -> str:
    if len(rows) == 1:
        return f"The only threshold is {what}"
    if len(some) == len(rows):
        return f"All {len(rows)} thresholds are {what}"
    return f"{len(some)} of {len(rows)} thresholds {'is' if len(some) == 1 else 'are'} {what}"


def _named(rows: Sequence[Mapping[str, Any]]) -> str:
    told = []
    for row in rows[:_MOST_NAMED]:
        name = "" if row["name"] == row["text"] else f"{printable(row['name'], 60)}, "
        told.append(
            name + row["sentence"].replace(": broken, it is ", " is ").replace(": no data", " has no data")
        )
    if len(rows) > _MOST_NAMED:
        told.append(f"{len(rows) - _MOST_NAMED} more")
    return "; ".join(told)
