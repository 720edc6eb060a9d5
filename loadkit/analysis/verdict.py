"""The answer to "is it good?", in one word and one sentence."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadkit.analysis.percentiles import has_tail
from loadkit.analysis.threshold_words import asked_of
from loadkit.printable import printable

#: Of ``records.jsonl`` and ``figures.jsonl``, the last line.
_TORN = 2


class Status(enum.StrEnum):
    """The verdict in a word."""

    PASS = "pass"  # noqa: S105 - not a password
    """All thresholds hold; without any, no call failed. And no worker was lost."""
    FAIL = "fail"
    """A threshold is broken, a call failed that none speaks of, or a worker was lost: less load than asked for."""
    UNFIT = "unfit generator"
    """The generator was the limit, or its punctuality was not measured; what is wrong may be its own doing."""
    NO_DATA = "no data"
    """No call was completed, failed or hung up, a threshold has too few values, or lines cannot be read."""


@dataclass(frozen=True)
class Verdict:
    """Status and sentence."""

    status: Status
    sentence: str


def judge(summary: Mapping[str, Any]) -> Verdict:
    """The verdict on a summary that is complete but for its ``verdict``.

    In this order: a stalled generator, no call, lost workers, failures that no generator can bring about, an unfit
    generator, broken thresholds and other failures, thresholds without data and lines that cannot be read. A slow
    generator makes calls time out; it must not be read as the gateway's failing. Thresholds: ``docs/thresholds.md``.
    """
    calls, generator = summary["calls"], summary["generator"]
    lost = summary["run"]["workers_lost"]
    finished = finished_of(calls)
    stalled = summary["run"]["ended_by"] == "stalled" and not lost
    if finished == 0 and not stalled:
        return Verdict(Status.NO_DATA, _no_data(calls["total"], lost))
    unfit = _unfit(generator)
    asked = asked_of(summary)
    parts = [
        *asked.sentences,
        _failures(summary, finished) if calls["failed"] else _no_failures(summary, finished),
    ]
    if not finished:
        parts[-1] = "No call came to an end of its own."
    if lost:
        workers = "1 worker was" if lost == 1 else f"{lost} workers were"
        parts.append(f"{workers} lost, so the run offered less load than it was asked to.")
    if missing := summary["run"].get("lines_missing", 0):
        parts.append(f"{missing:,} lines found no room on the disk, so not every call was judged.")
    if unread := _unread(summary["run"]):
        lines = "1 line" if unread == 1 else f"{unread:,} lines"
        parts.append(f"{lines} of the raw files cannot be read, so not everything was judged.")
    aborted = summary["run"].get("aborted")
    if aborted:
        parts.append(f"The run was ended early by --abort-on {aborted}.")
    if dropped := _dropped(summary.get("traffic")):
        parts.append(dropped)
    if stalled or (unfit and not lost and not asked.blames_gateway):
        doubt = ", which may be the generator's own doing." if asked.broken else "."
        parts[0] = parts[0].removesuffix(".") + doubt
        return Verdict(Status.UNFIT, " ".join([str(unfit), *parts]))
    if generator["fit"] is False:
        parts.append("The load generator was at its limit: the latencies may be its own, not the gateway's.")
    if asked.broken or lost or aborted or missing:
        return Verdict(Status.FAIL, " ".join(parts))
    return Verdict(Status.NO_DATA if asked.undecided or unread else Status.PASS, " ".join(parts))


def _unread(run: Mapping[str, Any]) -> int:
    """Lines that cannot be read and should be; a run that was killed leaves its last ones torn."""
    lines = int(run.get("unreadable_lines") or 0)
    return lines if run["ended_by"] is not None or lines > _TORN else 0


def _unfit(generator: Mapping[str, Any]) -> str | None:
    """Why nothing can be said of the gateway, with what to do; ``None`` for a generator that was fit or not judged."""
    if generator["fit"] is False:
        return f"The generator was the limit. {generator['unfit_reasons'][0]}"
    if generator["fit"] is None and any(limit is not None for limit in generator["limits"].values()):
        return "Nobody measured how late the generator was, so the latencies may be its own."
    return None


def _no_data(total: int, lost: int) -> str:
    if total:
        which = "the only one was" if total == 1 else f"all {total:,} were"
        sentence = f"No call came to an end of its own: {which} cancelled when the run stopped."
        remedy = "; have it last longer than its calls (-t, --call-duration), or give --stop-timeout"
    else:
        sentence, remedy = "No call was recorded.", ""
    if lost:
        sentence += f" {'A worker was' if lost == 1 else f'{lost} workers were'} lost."
    return f"{sentence} This run says nothing about the gateway{remedy}."


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
    half = f"{calls}; half were set up within {setup['p50']:,.0f} ms"
    if not has_tail(setup):
        return f"{half}, the slowest after {setup['max']:,.0f} ms."
    return f"{half}, 95 % within {setup['p95']:,.0f} ms."


def finished_of(calls: Mapping[str, int]) -> int:
    """Calls that came to an end of their own: not those that the run ended.

    :param calls: that part of the summary.
    """
    return calls["completed"] + calls["failed"] + calls["hung_up"]


def share_text(share: float) -> str:
    """A share of a whole as a percentage that is never rounded to none or all."""
    percent = share * 100
    if 0 < percent < 0.1:
        return "under 0.1 %"
    if 99.9 < percent < 100:
        return "over 99.9 %"
    return f"{percent:.1f} %" if percent % 1 else f"{percent:.0f} %"
