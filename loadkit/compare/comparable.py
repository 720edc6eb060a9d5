"""Why two runs cannot be held against each other, and what else differs between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from loadkit.compare.floors import DEFAULT
from loadkit.compare.measures import Kind
from loadkit.compare.run_data import RunData
from loadkit.printable import printable
from loadkit.reporters.wording import length, share

#: Finished calls that each run must have.
LEAST_CALLS = 20
#: How far two shares of a mix, or two numbers of callers, may be apart.
_TOLERANCE = 0.1

#: Settings that make another test of a run, and what they are called.
_SETTINGS = {
    "call_mode": "mode",
    "ice_path": "path of the media",
    "arrival_rate": "arrival rate",
    "stages": "stages",
    "arrivals": "kind of arrivals",
    "max_concurrent": "most calls at once",
    "call_duration": "length of calls",
    "sample": "audio sample",
    "back_to_back": "callers without a pause",
    "agent_timeout": "time-out of the agent",
}

#: What a record's columns say of how a call was made, beside the settings: a locustfile has its own way.
_MIXES = {
    "scenario": "scenarios",
    "mode": "modes",
    "ice_path": "paths asked for",
    "media_path": "ways of carrying packets",
}


def differing_settings(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """A sentence for each setting that makes the runs different tests.

    :param a: ``settings`` of the first ``run.json``; one that it does not have is not held against the other.
    """
    return [
        f"the {name} differs: {_shown(a[key])} in the baseline, {_shown(b[key])} in the new run"
        for key, name in _SETTINGS.items()
        if key in a and key in b and a[key] != b[key]
    ]


def reasons_against(a: RunData, b: RunData) -> list[str]:
    """Why the runs are not comparable; empty when they are."""
    return [
        *too_little(len(a.finished), "the baseline"),
        *too_little(len(b.finished), "the new run"),
        *differing_settings(a.settings, b.settings),
        *_mixes(a, b),
        *_callers(a, b),
        *_versions(a, b),
        *differing_hosts(a.run.get("host"), b.run.get("host")),
        *_unfit(a, b),
    ]


def remarks(a: RunData, b: RunData) -> list[str]:
    """What differs and is no reason against a comparison, but may be one for a difference."""
    said = []
    if a.length_s and b.length_s and not 0.5 <= b.length_s / a.length_s <= 2:
        said.append(
            f"calls were begun for {length(a.length_s)} in the baseline, {length(b.length_s)} in the new run"
        )
    for part, name in (("versions", "version of"), ("machine", "generator's")):
        before, after = a.run.get(part), b.run.get(part)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            said += [
                f"{name} {printable(str(key), 40)}: {_shown(before[key])} in the baseline, {_shown(after[key])} in the"
                " new run"
                for key in before
                if key in after and before[key] != after[key]
            ]
    if a.failed != b.failed:
        said.append("calls that failed have no later stages: those are of the calls that came so far")
    for data, name in ((a, "the baseline"), (b, "the new run")):
        if data.fit is None:
            said.append(f"nobody measured whether the generator of {name} was fit")
        if data.run.get("ended_at") is None:
            said.append(f"{name} did not come to its end: it was killed, or is still going on")
    return said


def _shown(value: Any) -> str:
    return "none" if value in (None, "") else printable(str(value), 80)


def too_little(calls: int, name: str) -> Iterator[str]:
    """Why a run with so many finished calls cannot be compared; nothing when it can."""
    if not calls:
        yield f"no data: no call of {name} came to an end of its own"
    elif calls < LEAST_CALLS:
        yield f"too few calls: {calls} of {name} came to an end of their own, {LEAST_CALLS} are needed"


def unfit(fit: bool | None, reasons: Sequence[str], name: str) -> Iterator[str]:
    """Why a run with such a generator cannot be compared; nothing when it was fit, or nobody knows."""
    if fit is False:
        yield f"the generator of {name} was the limit: {reasons[0] if reasons else 'nobody says why'}"


def _unfit(a: RunData, b: RunData) -> list[str]:
    """The generators that were not fit, and with the last of them what can be done about it after the run."""
    limits = [(data, name) for data, name in ((a, "the baseline"), (b, "the new run")) if data.fit is False]
    said = [sentence for data, name in limits for sentence in unfit(data.fit, data.unfit_reasons, name)]
    return [*said[:-1], f"{said[-1]} {_way_out(limits)}"] if said else []


def _way_out(limits: Sequence[tuple[RunData, str]]) -> str:
    again = f"Place {' and '.join(name for _, name in limits)} once more"
    late = [data.late_ms for data, _ in limits if data.late_ms is not None]
    if len(late) < len(limits):
        return f"{again}; --anyway compares nevertheless."
    # Few latencies are off by more than the packets were late (docs/fitness.md).
    floor = math.ceil(max(*late, DEFAULT[Kind.TIMES].absolute))
    return (
        f"{again}, or compare with --anyway --floor {floor}ms: 99 of 100 packets were at most {max(late):g} ms late, "
        "so that larger differences are hardly the generator's doing."
    )


def _mixes(a: RunData, b: RunData) -> Iterator[str]:
    for column, name in _MIXES.items():
        before, after = _mix(a.calls[column]), _mix(b.calls[column])
        if not before or not after:
            continue
        apart = sum(abs(before.get(key, 0) - after.get(key, 0)) for key in before.keys() | after.keys()) / 2
        if apart > _TOLERANCE:
            yield f"the mix of {name} differs: {_told(before)} in the baseline, {_told(after)} in the new run"


def _mix(values: pd.Series[Any]) -> dict[str, float]:
    known = values.dropna()
    return {str(key): float(part) for key, part in known.value_counts(normalize=True).items()}


def _told(mix: Mapping[str, float]) -> str:
    most = sorted(mix.items(), key=lambda item: -item[1])
    told = ", ".join(f"{printable(key, 40)} {share(part, 0)}" for key, part in most[:4])
    return f"{told} and {len(most) - 4} more" if len(most) > 4 else told


def _callers(a: RunData, b: RunData) -> Iterator[str]:
    """Without a rate the load is a number of callers."""
    if any(data.settings.get(key) for data in (a, b) for key in ("arrival_rate", "stages")):
        return
    before, after = a.calls["user"].nunique(), b.calls["user"].nunique()
    if before and after and abs(after - before) > _TOLERANCE * max(before, after):
        yield f"the load differs: {before:,} callers in the baseline, {after:,} in the new run"


def fewer_callers(before: int, most: int) -> Iterator[str]:
    """Why a run cannot be compared that has at most so many callers; nothing when it may have enough.

    How many of them come to place a call is known at its end: that there are too many is told then.
    """
    if before - most > _TOLERANCE * before:
        yield f"the load differs: {before:,} callers in the baseline, at most {most:,} in the new run"


def _versions(a: RunData, b: RunData) -> Iterator[str]:
    before, after = (set(data.calls["record_version"].dropna().astype(int)) for data in (a, b))
    if before != after and before and after:
        yield (
            f"the versions of the record differ ({_list(before)} and {_list(after)}): a column may mean something else"
        )


def _list(numbers: set[int]) -> str:
    return ", ".join(map(str, sorted(numbers)))


def differing_hosts(a: Any, b: Any) -> list[str]:
    """A sentence when the gateways of the two ``run.json`` are not of one kind.

    The same gateway has another port, two gateways other names; but a loopback is no network.
    """
    kinds = [_loopback(host) for host in (a, b)]
    if None in kinds or kinds[0] == kinds[1]:
        return []
    where = ["on the generator's own machine" if kind else "in a network" for kind in kinds]
    return [f"the gateway was {where[0]} in the baseline and {where[1]} in the new run"]


def _loopback(host: Any) -> bool | None:
    try:
        name = urlsplit(host).hostname if isinstance(host, str) else None
    except ValueError:
        return None
    if not name:
        return None
    return name == "localhost" or name.startswith("127.") or name == "::1"
