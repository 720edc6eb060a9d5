"""Drift in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from loadkit.analysis.drift_measures import MEASURES
from loadkit.printable import printable

#: Measures that a sentence names.
_MOST_NAMED = 3
#: Below this a run is brief: of 200 undisturbed-but-for-a-minute runs of 5 min 35 seemed to drift, of 30 min 1.
_BRIEF_S = 1_200.0


def sentence_of(status: str, measures: Sequence[Mapping[str, Any]], length_s: float, least_s: float) -> str:
    """One or two sentences for people.

    :param length_s: of the part of the run that was looked at.
    :param least_s: what it has to be at least.
    """
    judged = [row for row in measures if row["judged"]]
    drifting = [row for row in judged if row["status"] == "drifts"]
    unknown = [row for row in judged if row["status"] == "too short to say"]
    told = _generator(measures) + _load(measures)
    if status == "drifts" and any(row["direction"] == "worse" for row in drifting):
        worse = [row for row in drifting if row["direction"] == "worse"]
        return f"Over the run {_listed([change_text(row) for row in worse])}.{_brief(worse, length_s)}{told}"
    if length_s < least_s:
        return (
            "The first half minute at least is left out as warming up, and calls were started for "
            f"{max(0.0, length_s):.0f} s after it; less than {least_s:.0f} s says nothing of drift."
        )
    if unknown:
        names = _listed([name_of(row) for row in unknown])
        return f"The run was too short to say, for how much it varied: {names}.{told}"
    if drifting:
        return f"Nothing got worse; over the run {_listed([change_text(row) for row in drifting])}."
    return f"Nothing drifted: {len(judged)} measures stayed within what is of interest.{told}"


def name_of(row: Mapping[str, Any]) -> str:
    """Its label, with the process for what is our own."""
    label = MEASURES[row["measure"]].label
    return label if row["process"] is None else f"{label} of {printable(row['process'], 60)}"


def change_text(row: Mapping[str, Any]) -> str:
    """What it had in the first quarter and in the last."""
    verb = "rose" if row["change"] > 0 else "fell"
    first, last = value_text(row["first"], row["unit"]), value_text(row["last"], row["unit"])
    return f"{name_of(row)} {verb} from {first} to {last}"


def value_text(value: float | None, unit: str) -> str:
    """A number with its unit; a dash for none."""
    if value is None:
        return "–"
    match unit:
        case "share":
            return f"{value * 100:.2f} %"
        case "B":
            return f"{value / 1e6:,.1f} MB"
        case "MOS":
            return f"{value:.2f}"
        case "ms":
            return f"{value:,.1f} ms" if abs(value) < 100 else f"{value:,.0f} ms"
        case "1/s":
            return f"{value:,.2f}/s"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def _listed(parts: Sequence[str]) -> str:
    shown = list(parts[:_MOST_NAMED])
    if len(parts) > _MOST_NAMED:
        shown.append(f"{len(parts) - _MOST_NAMED} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _brief(worse: Sequence[Mapping[str, Any]], length_s: float) -> str:
    """Of a run of minutes a disturbance of a minute is a quarter, and looks like drift (``docs/soak.md``)."""
    if length_s >= _BRIEF_S or not any(MEASURES[row["measure"]].latency for row in worse):
        return ""
    return f" In {length_s / 60:.0f} min a disturbance of a minute looks the same: a longer run tells them apart."


def _generator(measures: Sequence[Mapping[str, Any]]) -> str:
    """A generator that comes later and later measures its own lateness."""
    later = [row for row in measures if row["measure"] == "late_ms_p99" and row["direction"] == "worse"]
    return (
        f" The generator itself got later: {_listed([change_text(row) for row in later])}." if later else ""
    )


def _load(measures: Sequence[Mapping[str, Any]]) -> str:
    """A load that changed explains much of what else changed."""
    load = next((row for row in measures if row["measure"] == "calls_per_s"), None)
    if load is None or load["status"] != "drifts":
        return ""
    first, last = value_text(load["first"], "1/s"), value_text(load["last"], "1/s")
    return f" The load itself changed, from {first} to {last} calls started: age is not the only cause."
