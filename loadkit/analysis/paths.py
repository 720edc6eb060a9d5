"""The paths of a run side by side: what each of them cost, and which pair was really used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from loadkit.analysis.error_codes import count_codes
from loadkit.analysis.percentiles import distribution
from loadkit.records import Outcome
from loadkit.setting_values import IcePath

#: Few of the columns: all of a million calls would be a gigabyte once more.
_NEEDED = [
    "outcome",
    "error_code",
    "setup_ms",
    "ice_ms",
    "relay_ms",
    "round_trip_time",
    "relay_protocol",
    "turn_error",
    "local_candidate_type",
    "remote_candidate_type",
]


def summarise_paths(calls: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Path asked for → its figures, in the order of :class:`IcePath`, without paths of no call."""
    asked = {str(path) for path in calls["ice_path"].dropna().unique()}
    known = [path.value for path in IcePath if path.value in asked]
    others = sorted(asked - set(known))
    return {path: _figures(calls.loc[calls["ice_path"] == path, _NEEDED]) for path in [*known, *others]}


def worth_comparing(paths: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether there is something to set side by side: more than one path, or a relay."""
    return len(paths) > 1 or any(figures["relayed"] for figures in paths.values())


def _figures(calls: pd.DataFrame) -> dict[str, Any]:
    failed = calls.loc[calls["outcome"] == Outcome.FAILED]
    return {
        "calls": len(calls),
        "failed": len(failed),
        "errors": count_codes(failed["error_code"]),
        "setup_ms": distribution(calls["setup_ms"]),
        "ice_ms": distribution(calls["ice_ms"]),
        "relay_ms": distribution(calls["relay_ms"]),
        "round_trip_time_ms": distribution(calls["round_trip_time"], 1e3),
        "relayed": int(calls["relay_protocol"].notna().sum()),
        "without_relay": int(calls["turn_error"].notna().sum()),
        "pairs": _counts(_pairs(calls)),
    }


def _pairs(calls: pd.DataFrame) -> pd.Series[Any]:
    """``relay/tls → host``: our side, how it speaks to its TURN server, the gateway's side."""
    over = ("/" + calls["relay_protocol"]).fillna("")
    return (calls["local_candidate_type"] + over + " → " + calls["remote_candidate_type"]).dropna()


def _counts(values: pd.Series[Any]) -> dict[str, int]:
    """Value → how often, most frequent first."""
    return {str(value): int(count) for value, count in values.value_counts().items()}
