"""A run's tables as a comparison needs them: few columns, so that two runs of a million calls fit beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from loadkit.analysis.generator import summarise_generator
from loadkit.analysis.limits import Limits
from loadkit.analysis.process_seconds import ENGINE
from loadkit.analysis.summary import unix_seconds
from loadkit.compare.measures import CALL_COLUMNS, FINISHED, TURN_COLUMNS
from loadkit.printable import printable
from loadkit.records import Outcome
from loadkit.runs.folder import RunFolder
from loadkit.runs.reader import read_figures, read_records, read_run


@dataclass(frozen=True)
class RunData:
    """One of the two runs."""

    name: str
    run: Mapping[str, Any]
    """``run.json``."""
    calls: pd.DataFrame
    """:data:`~loadkit.compare.measures.CALL_COLUMNS` and ``offset_s``, seconds since the first was due."""
    turns: pd.DataFrame
    """Their turns, with the ``offset_s`` of their call."""
    figures: pd.DataFrame
    """Engines, with ``offset_s``."""
    fit: bool | None
    unfit_reasons: tuple[str, ...]
    late_ms: float | None = None
    """How late 99 of 100 packets of the generator were at most."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings of the run; empty when it kept none."""
        settings = self.run.get("settings")
        return settings if isinstance(settings, Mapping) else {}

    @property
    def length_s(self) -> float:
        """From the first call that was meant to start to the last."""
        return float(self.calls["offset_s"].max()) if len(self.calls) else 0.0

    @property
    def finished(self) -> pd.DataFrame:
        """Calls that came to an end of their own: what failed is a share of these."""
        return self.calls[self.calls["outcome"].isin(FINISHED)]

    @property
    def failed(self) -> int:
        """Failed calls."""
        return int((self.calls["outcome"] == Outcome.FAILED).sum())


def read_run_data(folder: RunFolder) -> RunData:
    """Out of the raw files of a run."""
    records, figures, run = read_records(folder), read_figures(folder), read_run(folder)
    return run_data(str(run.get("run_id") or folder.run_id), run, records.calls, records.turns, figures)


def run_data(
    name: str, run: Mapping[str, Any], calls: pd.DataFrame, turns: pd.DataFrame, figures: pd.DataFrame
) -> RunData:
    """Out of a run's tables."""
    failed = calls["outcome"] == Outcome.FAILED
    codes = calls.loc[failed, "error_code"].fillna("UNKNOWN").value_counts()
    stalled = run.get("stalled") if run.get("ended_by") == "stalled" else None
    generator = summarise_generator(
        calls,
        figures,
        Limits.of(run.get("settings")),
        errors={str(code): int(n) for code, n in codes.items()},
        started_at=unix_seconds(run.get("started_at")),
        stalled=str(stalled) if stalled else None,
    )
    begun = calls["intended_at"].fillna(calls["started_at"]).fillna(calls["ended_at"])
    first = float(begun.min()) if begun.notna().any() else 0.0
    offsets = begun - first
    kept = calls[[column for column in CALL_COLUMNS if column in calls]].assign(offset_s=offsets)
    of_call = pd.Series(offsets.to_numpy(), index=calls["call_id"].to_numpy())
    talk = turns[list(TURN_COLUMNS)].assign(offset_s=turns["call_id"].map(of_call))
    engines = figures.loc[figures["kind"] == ENGINE, ["at", "calls", "seconds", "cpu_share"]]
    engines = engines.assign(offset_s=engines.pop("at") - first)
    return RunData(
        name=printable(name, 100),
        run=run,
        calls=kept[offsets.notna()],
        turns=talk[talk["offset_s"].notna()],
        figures=engines[(engines["calls"] > 0) & engines["cpu_share"].notna() & (engines["offset_s"] >= 0)],
        fit=generator["fit"],
        unfit_reasons=tuple(generator["unfit_reasons"]),
        late_ms=generator["late_ms_p99"],
    )
