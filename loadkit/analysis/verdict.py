"""The answer to "is it good?", in one word and one sentence."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadkit.analysis.fitness import DOUBTFUL_CODES
from loadkit.printable import printable


class Status(enum.StrEnum):
    """The verdict in a word."""

    PASS = "pass"  # noqa: S105 - not a password
    """Calls were placed, none failed, and no worker was lost."""
    FAIL = "fail"
    """A call failed, or a worker was lost, so that less load was offered than asked for."""
    UNFIT = "unfit"
    """The generator was the limit, or its punctuality was not measured; failures, if any, may be its own doing."""
    NO_DATA = "no data"
    """No call was completed, failed or hung up: the run says nothing about the gateway."""


@dataclass(frozen=True)
class Verdict:
    """Status and sentence."""

    status: Status
    sentence: str


def judge(summary: Mapping[str, Any]) -> Verdict:
    """The verdict on a summary that is complete but for its ``verdict``.

    In this order: a stalled generator, no data, lost workers, failures that no generator can bring about, an unfit
    generator, other failures. A slow generator makes calls time out; it must not be read as the gateway's failing.
    """
    calls, generator = summary["calls"], summary["generator"]
    lost = summary["run"]["workers_lost"]
    finished = calls["completed"] + calls["failed"] + calls["hung_up"]
    stalled = summary["run"]["ended_by"] == "stalled" and not lost
    if finished == 0 and not stalled:
        return Verdict(Status.NO_DATA, _no_data(calls["total"], lost))
    unfit = _unfit(generator)
    parts = [_failures(summary, finished) if calls["failed"] else _no_failures(summary, finished)]
    if not finished:
        parts = ["No call came to an end of its own."]
    if lost:
        workers = "1 worker was" if lost == 1 else f"{lost} workers were"
        parts.append(f"{workers} lost, so the run offered less load than it was asked to.")
    aborted = summary["run"].get("aborted")
    if aborted:
        parts.append(f"The run was ended early by --abort-on {aborted}.")
    if dropped := _dropped(summary.get("traffic")):
        parts.append(dropped)
    if stalled or (unfit and not lost and set(summary["errors"]) <= DOUBTFUL_CODES):
        doubt = ", which may be the generator's own doing." if calls["failed"] else "."
        parts[0] = parts[0].removesuffix(".") + doubt
        return Verdict(Status.UNFIT, " ".join([str(unfit), *parts]))
    if generator["fit"] is False:
        parts.append("The load generator was at its limit: the latencies may be its own, not the gateway's.")
    return Verdict(Status.FAIL if calls["failed"] or lost or aborted else Status.PASS, " ".join(parts))


def _unfit(generator: Mapping[str, Any]) -> str | None:
    """Why nothing can be said of the gateway, with what to do; ``None`` for a generator that was fit or not judged."""
    if generator["fit"] is False:
        return f"The generator was the limit. {generator['unfit_reasons'][0]}"
    if generator["fit"] is None and any(limit is not None for limit in generator["limits"].values()):
        return "Nobody measured how late the generator was, so the latencies may be its own."
    return None


def _no_data(total: int, lost: int) -> str:
    if total:
        sentence = f"No call came to an end of its own: all {total:,} were cancelled when the run stopped."
    else:
        sentence = "No call was recorded."
    if lost:
        sentence += f" {'A worker was' if lost == 1 else f'{lost} workers were'} lost."
    return f"{sentence} This run says nothing about the gateway."


def _dropped(traffic: Mapping[str, Any] | None) -> str | None:
    arrivals = traffic["arrivals"] if traffic else None
    if not arrivals or not arrivals["dropped"]:
        return None
    reasons = {"dropped_max_concurrent": "over --max-concurrent", "dropped_no_engine": "no engine was there"}
    told = ", ".join(f"{arrivals[key]:,} {why}" for key, why in reasons.items() if arrivals[key])
    of_all = f"{arrivals['dropped']:,} of {arrivals['intended']:,} arrivals were dropped ({told})"
    return f"{of_all}, so the run offered less load than it was asked to."


def _failures(summary: Mapping[str, Any], finished: int) -> str:
    failed = summary["calls"]["failed"]
    share = failed / finished
    of_all = f"{failed:,} of {finished:,} calls failed ({share_text(share)})"
    if not summary["errors"]:
        return f"{of_all}."
    code, count = max(summary["errors"].items(), key=lambda item: item[1])
    how_many = "all" if count == failed else "mostly" if count > failed / 2 else "most often"
    return f"{of_all}, {how_many} with {printable(code, 60)}."


def _no_failures(summary: Mapping[str, Any], finished: int) -> str:
    calls = f"None of {finished:,} calls failed" if finished > 1 else "The only call did not fail"
    setup = summary["stages"]["setup_ms"]
    if setup["count"] == 0:
        return f"{calls}; no set-up time was measured."
    if setup["count"] == 1:
        return f"{calls}; its set-up took {setup['p50']:,.0f} ms."
    return f"{calls}; half were set up within {setup['p50']:,.0f} ms, 95 % within {setup['p95']:,.0f} ms."


def share_text(share: float) -> str:
    """A share of a whole as a percentage that is never rounded to none or all."""
    percent = share * 100
    if 0 < percent < 0.1:
        return "under 0.1 %"
    if 99.9 < percent < 100:
        return "over 99.9 %"
    return f"{percent:.1f} %" if percent % 1 else f"{percent:.0f} %"
