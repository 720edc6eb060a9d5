"""Runs out of a seed, with what real ones have: times that hang together for a while, and failures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from loadkit.compare.run_data import RunData, run_data
from loadkit.runs.reader import no_figures
from loadkit.runs.schemas import CALLS_SCHEMA, TURNS_SCHEMA

_MODES = {"scenario": "talk", "mode": "echo", "ice_path": "any", "media_path": "native", "record_version": 1}


def run_of(
    seed: int,
    *,
    calls: int = 300,
    seconds: float = 300.0,
    slower: float = 1.0,
    failing: float = 0.0,
    swing: float = 0.1,
    name: str = "run",
    **settings: Any,
) -> RunData:
    """A run of calls of 5 s at a steady rate, set up in 130 ms in the median.

    :param slower: factor of the answer's time, which is most of the set-up.
    :param failing: share of calls that fail.
    :param swing: how far (sigma of a logarithm) the set-up wanders in common for about ten seconds.
    """
    luck = np.random.default_rng(seed)
    offsets = np.sort(luck.uniform(0, seconds, calls))
    common = _wandering(luck, int(seconds) + 1, swing)[offsets.astype(int)]
    answer = 100 * slower * np.exp(luck.normal(0, 0.2, calls) + common)
    ice, dtls = 15 * np.exp(luck.normal(0, 0.3, calls)), 12 * np.exp(luck.normal(0, 0.3, calls))
    failed = luck.random(calls) < failing
    table = pd.DataFrame({field.name: pd.Series([None] * calls, dtype=object) for field in CALLS_SCHEMA})
    columns: dict[str, Any] = {
        "call_id": [f"{name}-{number}" for number in range(calls)],
        "user": [f"Caller#{number % 10}" for number in range(calls)],
        "intended_at": 1e9 + offsets,
        "outcome": np.where(failed, "failed", "completed"),
        "error_code": ["ANSWER_TIMEOUT" if one else None for one in failed],
        "duration_ms": np.full(calls, 5_000.0),
        "answer_ms": np.where(failed, np.nan, answer),
        "ice_ms": np.where(failed, np.nan, ice),
        "dtls_ms": np.where(failed, np.nan, dtls),
        "setup_ms": np.where(failed, np.nan, answer + ice + dtls),
        "jitter": luck.uniform(0.001, 0.003, calls),
        "packets_received": np.full(calls, 250),
        "packets_lost": luck.poisson(0.1, calls),
        "no_audio": np.zeros(calls, dtype=bool),
        **{column: [value] * calls for column, value in _MODES.items()},
    }
    typed = {field.name: field.type for field in CALLS_SCHEMA}
    unmeasured: dict[str, Any] = {field.name: table[field.name] for field in CALLS_SCHEMA}
    for column, values in (unmeasured | columns).items():
        kind = {"string": "string", "int64": "Int64", "bool": "boolean"}.get(str(typed[column]), "float64")
        table[column] = pd.Series(values, dtype=kind)
    turns = TURNS_SCHEMA.empty_table().to_pandas()
    settings = {"call_mode": "echo", "call_duration": 5.0, **settings}
    document = {
        "run_id": name,
        "host": "ws://127.0.0.1:8080",
        "ended_at": 1e9 + seconds,
        "settings": settings,
    }
    return run_data(name, document, table, turns, no_figures())


def _wandering(
    luck: np.random.Generator, seconds: int, sigma: float
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A value for each second that keeps nine tenths of itself from one to the next."""
    steps = luck.normal(0, 1, seconds)
    values = np.empty(seconds)
    values[0] = steps[0]
    for second in range(1, seconds):
        values[second] = 0.9 * values[second - 1] + np.sqrt(1 - 0.81) * steps[second]
    return values * sigma
