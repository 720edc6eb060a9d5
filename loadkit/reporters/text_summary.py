"""A run in ten lines of plain text, for a terminal and for the log of a job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loadkit.analysis.verdict import Status, finished_of, share_text
from loadkit.printable import printable
from loadkit.reporters.charts_of_setup import STAGE_LABELS
from loadkit.reporters.drift_tables import drift_lines
from loadkit.reporters.path_table import path_lines
from loadkit.reporters.threshold_lines import threshold_lines
from loadkit.reporters.traffic_words import traffic_lines
from loadkit.reporters.wording import INSECURE, count, ending, length, milliseconds, opinions, plural, share

_MOST_CODES = 3


def text_summary(summary: Mapping[str, Any], report: Path | str | None = None) -> str:
    """The summary as about ten lines, each a name and what is to say of it.

    :param report: path of the page, to be shown as it is.
    """
    lines = [
        ("run", _run(summary)),
        ("insecure", INSECURE if summary["run"]["tls_insecure"] else None),
        ("calls", _calls(summary["calls"])),
        ("failed", _failed(summary)),
        *traffic_lines(summary),
        ("set-up", _spread(summary["stages"]["setup_ms"])),
        ("worst stage", _worst_stage(summary["worst_stage"])),
        *path_lines(summary),
        ("turn latency", _turns(summary["turns"])),
        ("media", _media(summary["media"])),
        ("quality", _quality(summary["quality"])),
        ("generator", _generator(summary["generator"])),
        ("why not fit", _why_not_fit(summary)),
        *drift_lines(summary),
        *threshold_lines(summary),
        ("verdict", f"{summary['verdict']['status'].upper()}: {summary['verdict']['sentence']}"),
        ("report", str(report) if report is not None else None),
    ]
    return "\n".join(f"{name:<13} {text}" for name, text in lines if text is not None)


def _run(summary: Mapping[str, Any]) -> str:
    run = summary["run"]
    notes = [printable(str(summary["run_id"]), 100), length(run["duration_s"]), ending(run["ended_by"])]
    if run["workers_lost"]:
        notes.append(f"{plural(run['workers_lost'], 'worker')} lost")
    if missing := run.get("lines_missing"):
        notes.append(f"{plural(missing, 'line')} missing")
    if run["unreadable_lines"]:
        notes.append(f"{plural(run['unreadable_lines'], 'line')} unreadable")
    return ", ".join(notes)


def _calls(calls: Mapping[str, Any]) -> str:
    ways = [("completed", "completed"), ("hung_up", "hung up by the gateway"), ("cancelled", "cancelled")]
    told = [f"{calls[key]:,} {name}" for key, name in ways if calls[key]]
    return ", ".join([f"{calls['total']:,}", *told, f"{calls['concurrent_max']:,} at once at most"])


def _failed(summary: Mapping[str, Any]) -> str:
    calls = summary["calls"]
    failed = calls["failed"]
    if not failed:
        return "none" if calls["completed"] + calls["hung_up"] else "no call came to an end of its own"
    finished = finished_of(calls)
    errors = sorted(summary["errors"].items(), key=lambda item: -item[1])
    codes = [f"{printable(code, 40)} {number:,}" for code, number in errors[:_MOST_CODES]]
    if len(errors) > _MOST_CODES:
        codes.append(f"{len(errors) - _MOST_CODES} more codes")
    return f"{failed:,} ({share_text(failed / finished)}): {', '.join(codes)}"


def _spread(spread: Mapping[str, Any]) -> str:
    if not spread["count"]:
        return "not measured"
    values = [f"{name} {milliseconds(spread[name])}" for name in ("p50", "p95", "p99", "max")]
    return f"{', '.join(values)} ({plural(spread['count'], 'call')})"


def _worst_stage(worst: Mapping[str, Any] | None) -> str:
    return (
        "not measured"
        if worst is None
        else f"{STAGE_LABELS[worst['stage']]}, p95 {milliseconds(worst['p95'])}"
    )


def _turns(turns: Mapping[str, Any]) -> str | None:
    if not turns["count"]:
        return None
    spread = turns["turn_latency_ms"]
    notes = [f"{name} {milliseconds(spread[name])}" for name in ("p50", "p95")] if spread["count"] else []
    notes.append(f"measured in {spread['count']:,} of {plural(turns['count'], 'turn')}")
    notes += [
        f"{turns[key]:,} {name}"
        for key, name in (
            ("no_response", "without a reply"),
            ("false_interrupt", "interrupted"),
            ("barge_in_missed", "in which the agent talked on"),
        )
        if turns[key]
    ]
    return ", ".join(notes)


def _media(media: Mapping[str, Any]) -> str:
    if media["packets_received"] is None:
        return "not measured"
    notes = [
        f"{count(media['packets_sent'])} packets sent, {count(media['packets_received'])} received",
        f"{count(media['packets_lost'])} lost ({share(media['fraction_lost'], 2)})",
        f"jitter p95 {milliseconds(media['jitter_ms']['p95'])}",
    ]
    if media["no_audio"]:
        notes.append(f"{plural(media['no_audio'], 'call')} without audio")
    return ", ".join(notes)


def _quality(quality: Mapping[str, Any]) -> str:
    mos = quality["mos"]
    if not mos["count"]:
        return "not measured"
    return f"MOS {opinions(mos)} (E-model, {plural(mos['count'], 'call')})"


def _generator(generator: Mapping[str, Any]) -> str:
    judged = any(limit is not None for limit in generator["limits"].values())
    unknown = "fitness not measured" if judged else "not judged"
    word = {True: "fit", False: "NOT FIT", None: unknown}[generator["fit"]]
    notes = [word]
    if generator["late_ms_p99"] is not None:
        notes.append(f"packets late p99 {milliseconds(generator['late_ms_p99'])}")
    if generator["cpu_share"] is not None:
        notes.append(f"busiest engine {share(generator['cpu_share'], 0)} of a core")
    if generator["locust_cpu_share"] is not None:
        notes.append(f"Locust {share(generator['locust_cpu_share'], 0)}")
    if generator["frames_skipped"]:
        notes.append(f"{plural(generator['frames_skipped'], 'packet')} never sent")
    return ", ".join(notes)


def _why_not_fit(summary: Mapping[str, Any]) -> str | None:
    """The first reason, where the verdict does not tell it."""
    reasons = summary["generator"]["unfit_reasons"]
    return reasons[0] if reasons and summary["verdict"]["status"] != Status.UNFIT else None
