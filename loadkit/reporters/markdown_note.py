"""``summary.md``: the run on one screen, for a job summary or a comment to a pull request.

GitHub cuts a job summary off at 1 MiB for each step and refuses a comment of more than 65,536 characters: rows are
left out, and counted, until the text is shorter than that. Files are named and not linked: a link that is relative to
the run folder leads nowhere from a page of GitHub. ``docs/ci.md`` shows how a job adds one that works.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from loadkit.analysis.verdict import finished_of, share_text
from loadkit.errors import CODES
from loadkit.reporters.baseline_words import Held
from loadkit.reporters.drift_tables import sessions_text
from loadkit.reporters.junit_xml import why_not_green
from loadkit.reporters.markdown_text import cell_code, code, prose, table
from loadkit.reporters.wording import (
    INSECURE,
    NOT_MEASURED,
    ending,
    in_unit,
    length,
    milliseconds,
    moment,
    opinions,
    plural,
    share,
)

#: Bytes of UTF-8, which are never fewer than characters.
LONGEST = 64_000

#: Rows of a table, of which fewer are tried when the text is too long.
_ROWS = (50, 20, 8, 3)
_SIGNS = {"pass": "✅", "fail": "❌"}
_UNDECIDED = "⚠️"


def markdown_note(summary: Mapping[str, Any], run: Mapping[str, Any], held: Held | None = None) -> str:
    """The run as Markdown, under :data:`LONGEST` bytes.

    :param run: the content of ``run.json``.
    :param held: what became of its baseline, if it has one.
    """
    for rows in _ROWS:
        text = _document(summary, run, held, rows)
        if len(text.encode()) <= LONGEST:
            return text
    return _document(summary, run, held, 0)


def _document(summary: Mapping[str, Any], run: Mapping[str, Any], held: Held | None, rows: int) -> str:
    sections = [
        _verdict(summary, held),
        _facts(summary, run),
        _thresholds(summary.get("thresholds") or (), rows),
        _latencies(summary),
        _over_the_run(summary, held),
        _failures(summary, rows),
        _generator(summary["generator"], rows),
        _command(run),
        _files(summary),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _verdict(summary: Mapping[str, Any], held: Held | None) -> list[str]:
    """Never greener than the job: see :mod:`loadkit.reporters.junit_xml`."""
    status, sentence = str(summary["verdict"]["status"]), str(summary["verdict"]["sentence"])
    sign, word = _SIGNS.get(status, _UNDECIDED), status
    if status == "pass" and (not_green := why_not_green(summary["run"])):
        sign, word, sentence = _UNDECIDED, "incomplete run", f"{not_green} {sentence}"
    elif status == "pass" and held is not None and not held.fine:
        sign = _SIGNS["fail"] if held.worse else _UNDECIDED
        word = f"baseline: {held.status}"
        sentence = f"By itself the run passes; held against its baseline, it does not. {sentence}"
    return [f"## {sign} loadkit: {prose(word.upper(), 60)}", "", prose(sentence, 1_500)]


def _facts(summary: Mapping[str, Any], run: Mapping[str, Any]) -> list[str]:
    calls, told = summary["calls"], summary["run"]
    finished = finished_of(calls)
    failed = f"{calls['failed']:,}" + (f" ({share_text(calls['failed'] / finished)})" if finished else "")
    facts = [
        ("run", cell_code(str(summary["run_id"]), 100) if summary["run_id"] else NOT_MEASURED),
        ("gateway", cell_code(str(run["host"])) if run.get("host") else NOT_MEASURED),
        ("began", moment(told["started_at"])),
        ("length", length(told["duration_s"])),
        ("end", prose(ending(told["ended_by"]))),
        ("calls", f"{calls['total']:,}, {calls['concurrent_max']:,} at once at most"),
        ("failed", failed),
        ("packets lost", share(summary["media"]["fraction_lost"], 2)),
        ("MOS", _opinions(summary["quality"])),
    ]
    if told["workers_lost"]:
        facts.append(("workers lost", f"{told['workers_lost']:,}"))
    lines = table(("", ""), "ll", facts)
    return [*lines, "", f"**Insecure:** {prose(INSECURE)}"] if told["tls_insecure"] else lines


def _thresholds(thresholds: Sequence[Mapping[str, Any]], most: int) -> list[str]:
    if not thresholds:
        return []
    # What is not right first: it is what a reader looks for, and what must not be left out.
    worst = sorted(thresholds, key=lambda threshold: threshold["status"] == "pass")
    rows = [
        (
            cell_code(_title(threshold)),
            in_unit(threshold["value"], prose(threshold["unit"], 20)),
            f"{threshold['count']:,}" if threshold["count"] is not None else NOT_MEASURED,
            f"{_SIGNS.get(str(threshold['status']), _UNDECIDED)} {prose(str(threshold['status']), 40)}",
        )
        for threshold in worst[:most]
    ]
    return [
        "### Thresholds",
        "",
        *table(("threshold", "measured", "values", "result"), "lrrl", rows),
        *_left_out(len(worst), most),
    ]


def _title(threshold: Mapping[str, Any]) -> str:
    name, text = str(threshold["name"]), str(threshold["text"])
    return text if name in ("", text) else f"{name}: {text}"


def _latencies(summary: Mapping[str, Any]) -> list[str]:
    spreads = [
        ("set-up", summary["stages"]["setup_ms"]),
        ("greeting", summary["stages"]["greeting_ms"]),
        ("turn latency", summary["turns"]["turn_latency_ms"]),
    ]
    rows = [
        (name, *(milliseconds(spread[key]) for key in ("p50", "p95", "p99", "max")), f"{spread['count']:,}")
        for name, spread in spreads
        if spread["count"] or name == "set-up"
    ]
    return ["### Latency", "", *table(("", "p50", "p95", "p99", "max", "values"), "lrrrrr", rows)]


def _opinions(quality: Mapping[str, Any]) -> str:
    mos = quality["mos"]
    if not mos["count"]:
        return NOT_MEASURED
    return f"{opinions(mos)} ({plural(mos['count'], 'call')})"


def _over_the_run(summary: Mapping[str, Any], held: Held | None) -> list[str]:
    """What is said of the run as a whole beside its verdict: drift, the gateway's sessions, the baseline."""
    drift, sessions = summary["drift"], summary["sessions"]
    lines = []
    if held is not None:
        sign = "✅" if held.fine else "❌" if held.worse else _UNDECIDED
        lines.append(f"- {sign} Baseline: {prose(held.status, 40)}. {prose(held.sentence, 1_000)}")
    if drift is not None and drift["measures"]:
        worse = drift["status"] == "drifts" and drift["direction"] == "worse"
        sign = f"{_UNDECIDED} " if worse else ""
        lines.append(f"- {sign}Drift: {prose(drift['status'], 40)}. {prose(drift['sentence'], 1_000)}")
    if sessions is not None:
        lines.append(f"- Sessions: {prose(sessions_text(sessions), 500)}.")
    return ["### Over the run", "", *lines] if lines else []


def _failures(summary: Mapping[str, Any], most: int) -> list[str]:
    errors = sorted(summary["errors"].items(), key=lambda item: -item[1])
    if not errors:
        return []
    failed = summary["calls"]["failed"]
    rows = [
        (cell_code(name, 48), f"{count:,}", share_text(count / failed), _meaning(name))
        for name, count in errors[:most]
    ]
    return [
        "### Failures",
        "",
        *table(("code", "calls", "of the failed", "meaning"), "lrrl", rows),
        *_left_out(len(errors), most),
    ]


def _meaning(name: str) -> str:
    return prose(CODES[name].meaning) if name in CODES else "the gateway's own"


def _left_out(number: int, shown: int) -> list[str]:
    return ["", f"{number - shown:,} more in `summary.json`."] if number > shown else []


def _generator(generator: Mapping[str, Any], most: int) -> list[str]:
    judged = any(limit is not None for limit in generator["limits"].values())
    unknown = "fitness not measured" if judged else "not judged"
    notes = [
        {True: "fit", False: "**not fit**", None: unknown}[generator["fit"]],
        f"packets late p99 {milliseconds(generator['late_ms_p99'])}",
        f"busiest engine {share(generator['cpu_share'], 0)} of a core",
        f"Locust {share(generator['locust_cpu_share'], 0)}",
    ]
    if generator["frames_skipped"]:
        notes.append(f"{plural(generator['frames_skipped'], 'packet')} never sent")
    reasons = [f"- {prose(reason, 500)}" for reason in generator["unfit_reasons"][:most]]
    return ["### Load generator", "", f"{', '.join(notes)}.", *(["", *reasons] if reasons else [])]


def _command(run: Mapping[str, Any]) -> list[str]:
    command = run.get("command")
    if not isinstance(command, (list, tuple)) or not command:
        return []
    return ["### Command", "", code(shlex.join(map(str, command)), 2_000)]


def _files(summary: Mapping[str, Any]) -> list[str]:
    named = ["report.html", "summary.json", "junit.xml", "calls.parquet", "calls.csv"]
    if summary["turns"]["count"]:
        named += ["turns.parquet", "turns.csv"]
    return [f"In the run folder: {', '.join(f'`{name}`' for name in named)}."]
