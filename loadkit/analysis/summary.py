"""The run in numbers: the versioned document that ``docs/summary.md`` describes key by key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from loadkit.analysis.against_load import against_load
from loadkit.analysis.concurrency import concurrency
from loadkit.analysis.drift import add_drift
from loadkit.analysis.drift_verdict import with_drift
from loadkit.analysis.error_codes import count_codes
from loadkit.analysis.generator import summarise_generator
from loadkit.analysis.limits import Limits
from loadkit.analysis.objectives import judge_objectives, objectives_of_run
from loadkit.analysis.paths import summarise_paths
from loadkit.analysis.percentiles import distribution, rounded
from loadkit.analysis.quality import summarise_quality
from loadkit.analysis.traffic import summarise_traffic
from loadkit.analysis.verdict import judge
from loadkit.printable import printable
from loadkit.records import STAGES, Outcome

#: Goes up when a key changes its meaning or goes away, not when one is added.
SUMMARY_VERSION = 1

#: Columns of a call that the summary gives as distributions.
TIMINGS: tuple[str, ...] = ("start_delay_ms", *STAGES, "greeting_ms")

#: The parts of a set-up that one can be blamed for, in the order in which they end.
SETUP_PARTS: tuple[str, ...] = STAGES[: STAGES.index("setup_ms")]


def summarise(
    calls: pd.DataFrame,
    turns: pd.DataFrame,
    figures: pd.DataFrame,
    run: Mapping[str, Any],
    arrivals: pd.DataFrame | None = None,
    health: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """The whole ``summary.json`` as plain values; unmeasured is ``None``.

    :param run: the content of ``run.json``; ``{}`` when there is none.
    :param arrivals: what arrived second by second; None for a run by users.
    :raises RunFolderError: the thresholds in ``run.json`` cannot be read.
    :param health: what the gateway's ``/health`` told; None when nobody looked.
    """
    progress = concurrency(calls)
    summary: dict[str, Any] = {
        "version": SUMMARY_VERSION,
        "run_id": _run_id(calls, run),
        "run": _run(calls, figures, run),
        "calls": {**_calls(calls), "concurrent_max": progress.maximum},
        "errors": _errors(calls),
        "failed_stages": _counts(
            calls.loc[calls["outcome"] == Outcome.FAILED, "failed_stage"].fillna("unknown")
        ),
        "stages": {column: distribution(calls[column]) for column in TIMINGS},
    }
    summary["traffic"] = None
    if arrivals is not None:
        summary["traffic"] = summarise_traffic(calls, arrivals, run, summary["run"]["ended_at"])
    summary["against_load"] = against_load(calls, progress)
    summary["worst_stage"] = _worst_stage(summary["stages"])
    summary["turns"] = _turns(turns)
    summary["media"] = _media(calls)
    summary["quality"] = summarise_quality(calls)
    summary["ice"] = _ice(calls)
    summary["paths"] = summarise_paths(calls)
    summary["generator"] = summarise_generator(
        calls,
        figures,
        Limits.of(run.get("settings")),
        errors=summary["errors"],
        started_at=summary["run"]["started_at"],
        stalled=_stalled(run),
    )
    summary |= judge_objectives(objectives_of_run(run), calls, turns, summary["run"]["started_at"])
    add_drift(summary, calls, turns, figures, health, run)
    verdict = with_drift(judge(summary), summary["drift"], run)
    summary["verdict"] = {"status": str(verdict.status), "sentence": verdict.sentence}
    return summary


def unix_seconds(moment: object) -> float | None:
    """A moment of ``run.json``, which may be Unix seconds or ISO 8601, as Unix seconds."""
    if isinstance(moment, (int, float)) and not isinstance(moment, bool):
        return float(moment)
    if isinstance(moment, str):
        try:
            return datetime.fromisoformat(moment).timestamp()
        except ValueError:
            return None
    return None


def _run_id(calls: pd.DataFrame, run: Mapping[str, Any]) -> str | None:
    if run.get("run_id"):
        return str(run["run_id"])
    named = calls["run_id"].dropna()
    return str(named.iloc[0]) if len(named) else None


def _run(calls: pd.DataFrame, figures: pd.DataFrame, run: Mapping[str, Any]) -> dict[str, Any]:
    started, ended = unix_seconds(run.get("started_at")), unix_seconds(run.get("ended_at"))
    if started is None:
        started = _extreme(min, [calls["intended_at"].min(), calls["started_at"].min(), figures["at"].min()])
    if ended is None:  # killed: the last sign of life
        ended = _extreme(max, [calls["ended_at"].max(), figures["at"].max()])
    duration = None if started is None or ended is None else rounded(max(0.0, ended - started))
    ended_by = run.get("ended_by")
    workers = run.get("workers")
    lost = workers.get("lost") if isinstance(workers, Mapping) else None
    settings = run.get("settings")
    insecure = settings.get("tls_insecure") if isinstance(settings, Mapping) else None
    return {
        "started_at": started,
        "ended_at": ended,
        "duration_s": duration,
        "ended_by": str(ended_by) if ended_by is not None else None,
        "aborted": _aborted(run),
        "workers_lost": len(lost) if isinstance(lost, (list, tuple)) else 0,
        "tls_insecure": insecure if isinstance(insecure, bool) else None,
        "lines_missing": int(run.get("lines_missing") or 0),
        "unreadable_lines": sum(int(table.attrs.get("unreadable_lines", 0)) for table in (calls, figures)),
    }


def _stalled(run: Mapping[str, Any]) -> str | None:
    """Why the watchdog ended the run; ``None`` when it did not."""
    if run.get("ended_by") != "stalled":
        return None
    return printable(str(run.get("stalled") or "The generator stood still, and the run was ended."), 400)


def _aborted(run: Mapping[str, Any]) -> str | None:
    """The condition of ``--abort-on`` that ended the run, with its value; ``None`` when none did."""
    facts = run.get("aborted")
    if run.get("ended_by") != "aborted":
        return None
    sentence = facts.get("sentence") if isinstance(facts, Mapping) else None
    return printable(str(sentence or "a condition of it was met"), 400)


def _extreme(pick: Any, moments: Iterable[Any]) -> float | None:
    known = [float(moment) for moment in moments if pd.notna(moment)]
    return float(pick(known)) if known else None


def _calls(calls: pd.DataFrame) -> dict[str, Any]:
    outcomes = calls["outcome"].value_counts()
    return {
        "total": len(calls),
        **{str(outcome): int(outcomes.get(str(outcome), 0)) for outcome in Outcome},
        "connected": int(calls["setup_ms"].notna().sum()),
        "connected_minutes": _minutes(calls["connected_ms"]),
        "callers": int(calls["user"].nunique()),
    }


def _minutes(milliseconds: pd.Series[Any]) -> float | None:
    return rounded(float(milliseconds.sum()) / 60_000) if milliseconds.notna().any() else None


def _errors(calls: pd.DataFrame) -> dict[str, int]:
    failed = calls.loc[calls["outcome"] == Outcome.FAILED, "error_code"]
    return count_codes(failed)


def _counts(values: pd.Series[Any]) -> dict[str, int]:
    """Value → how often, most frequent first."""
    return {str(value): int(count) for value, count in values.value_counts().items()}


def _worst_stage(stages: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    known = [(stages[name]["p95"], name) for name in SETUP_PARTS if stages[name]["count"]]
    if not known:
        return None
    p95, name = max(known)
    return {"stage": name, "p95": p95}


def _turns(turns: pd.DataFrame) -> dict[str, Any]:
    return {
        "count": len(turns),
        "turn_latency_ms": distribution(turns["turn_latency_ms"]),
        "no_response": _total(turns["no_response"]),
        "false_interrupt": _total(turns["false_interrupt"]),
        "barge_in_stop_ms": distribution(turns["barge_in_stop_ms"]),
        "barge_in_missed": _total(turns["barge_in_missed"]),
    }


def _total(values: pd.Series[Any]) -> int | None:
    """The sum of what was measured; ``None`` when nothing was."""
    return int(values.sum()) if values.notna().any() else None


def _media(calls: pd.DataFrame) -> dict[str, Any]:
    totals = {
        column: _total(calls[column])
        for column in (
            "packets_sent",
            "packets_received",
            "packets_lost",
            "packets_discarded",
            "packets_reordered",
            "packets_duplicated",
            "bytes_sent",
            "bytes_received",
            "remote_packets_lost",
        )
    }
    received, lost = totals["packets_received"], totals["packets_lost"]
    expected = None if received is None or lost is None else received + lost
    return {
        **totals,
        "fraction_lost": None
        if not expected or lost is None
        else float(np.round(max(0.0, lost / expected), 6)),
        "jitter_ms": distribution(calls["jitter"], 1e3),
        "remote_jitter_ms": distribution(calls["remote_jitter"], 1e3),
        "round_trip_time_ms": distribution(calls["round_trip_time"], 1e3),
        "longest_gap_ms": distribution(calls["longest_gap_ms"]),
        "no_audio": _total(calls["no_audio"]),
        "silent_audio": _total(calls["silent_audio"]),
        "one_way": _total(calls["one_way"]),
        "media_stopped": _total(calls["media_stopped"]),
    }


def _ice(calls: pd.DataFrame) -> dict[str, Any]:
    pairs = (calls["local_candidate_type"] + " → " + calls["remote_candidate_type"]).dropna()
    return {
        "pairs": _counts(pairs),
        "servers_failed": int(calls["ice_servers_error"].notna().sum()),
    }
