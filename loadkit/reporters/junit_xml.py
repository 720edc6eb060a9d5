"""``junit.xml``: the run as test cases, as GitLab, Jenkins and others read them.

Each threshold is a case, and the verdict is one of its own, which passes only when the job does: a run that was
interrupted, lost a worker, had an unfit generator or is worse than its baseline has calls that went well and no right
to a green file. What says something about the gateway is a ``failure``; what says that nothing can be said is an
``error``.

The form is what the schema of Jenkins' xUnit plugin (``junit-10.xsd``) allows and GitLab's parser reads:
``testsuites``, ``testsuite`` with ``properties``, ``testcase`` with ``classname``, ``name`` and ``time`` in seconds.
GitLab shows the text of a ``failure``, Jenkins its ``message``: both are there.
"""

from __future__ import annotations

import enum
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

from loadkit.analysis.verdict import finished_of
from loadkit.printable import printable, xml_text
from loadkit.reporters.baseline_words import Held
from loadkit.reporters.text_summary import text_summary

_NAME = "loadkit"
#: Ends of a run that leave the judgement to the verdict; any other end is told, and is never green.
_GOOD_ENDS = frozenset({"run_time", "stopped", "stages", "budget"})
_LONGEST = 2_000


class _Result(enum.StrEnum):
    PASSED = "passed"
    FAILURE = "failure"
    ERROR = "error"


@dataclass(frozen=True)
class _Case:
    group: str
    name: str
    result: _Result
    kind: str = ""
    """A word for what is wrong."""
    message: str = ""
    seconds: float = 0.0


def junit_xml(summary: Mapping[str, Any], run: Mapping[str, Any], held: Held | None = None) -> str:
    """The run as an XML document; the same text for the same run.

    :param run: the content of ``run.json``.
    :param held: what became of its baseline, if it has one.
    """
    cases = _cases(summary, held)
    seconds = _seconds(summary["run"]["duration_s"] or 0.0)
    counts = {
        "tests": str(len(cases)),
        "failures": _count(cases, _Result.FAILURE),
        "errors": _count(cases, _Result.ERROR),
        "time": seconds,
    }
    root = ElementTree.Element("testsuites", {"name": _NAME, **counts})
    name = _shown(f"{_NAME} {summary['run_id'] or ''}".strip())
    suite = ElementTree.SubElement(root, "testsuite", {"name": name, **counts, "skipped": "0"})
    if (moment := _moment(summary["run"]["started_at"])) is not None:
        suite.set("timestamp", moment)
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in _properties(summary, run):
        ElementTree.SubElement(properties, "property", name=key, value=_shown(value))
    for case in cases:
        _add(suite, case)
    # What the terminal shows, for those who see only this file.
    ElementTree.SubElement(suite, "system-out").text = xml_text(text_summary(summary))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _cases(summary: Mapping[str, Any], held: Held | None) -> list[_Case]:
    thresholds = summary.get("thresholds") or ()
    compared = [] if held is None else [_baseline(held)]
    return [*map(_threshold, thresholds), _no_call_failed(summary), *compared, _verdict(summary, held)]


def _threshold(threshold: Mapping[str, Any]) -> _Case:
    name, text = str(threshold["name"]), str(threshold["text"])
    result, kind = {
        "pass": (_Result.PASSED, ""),
        "fail": (_Result.FAILURE, "threshold"),
    }.get(threshold["status"], (_Result.ERROR, "no data"))
    title = text if name in ("", text) else f"{name}: {text}"
    return _Case("thresholds", title, result, kind, str(threshold["sentence"]))


def _no_call_failed(summary: Mapping[str, Any]) -> _Case:
    """Without thresholds, of all calls; with some, of the failures that none of them counts, which fail the run."""
    calls, slo = summary["calls"], summary.get("slo")
    finished = finished_of(calls)
    name = "no call failed that no threshold counts" if slo else "no call failed"
    failed = slo["failed_apart"] if slo else calls["failed"]
    errors = slo["failed_apart_errors"] if slo else summary["errors"]
    if not finished:
        return _Case("calls", name, _Result.ERROR, "no data", "No call came to an end of its own.")
    if not failed:
        return _Case("calls", name, _Result.PASSED)
    codes = ", ".join(f"{printable(code, 60)} {count:,}" for code, count in _most(errors))
    message = f"{failed:,} of {finished:,} calls failed: {codes}"
    return _Case("calls", name, _Result.FAILURE, "failed calls", message)


def _most(errors: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(errors.items(), key=lambda item: -item[1])[:10]


def _baseline(held: Held) -> _Case:
    if held.fine:
        return _Case("run", "not worse than its baseline", _Result.PASSED)
    result = _Result.FAILURE if held.worse else _Result.ERROR
    return _Case("run", "not worse than its baseline", result, held.status, held.sentence)


def _verdict(summary: Mapping[str, Any], held: Held | None) -> _Case:
    status, sentence = str(summary["verdict"]["status"]), str(summary["verdict"]["sentence"])
    seconds = float(summary["run"]["duration_s"] or 0.0)

    def case(result: _Result, kind: str = "", message: str = "") -> _Case:
        return _Case("run", "verdict", result, kind, message, seconds)

    if status == "pass":
        if not_green := why_not_green(summary["run"]):
            return case(_Result.ERROR, "incomplete run", f"{not_green} {sentence}")
        if held is not None and not held.fine:
            result = _Result.FAILURE if held.worse else _Result.ERROR
            return case(result, held.status, f"{held.sentence} {sentence}")
        return case(_Result.PASSED)
    return case(_Result.FAILURE if status == "fail" else _Result.ERROR, status, sentence)


def why_not_green(run: Mapping[str, Any]) -> str | None:
    """Why the job is not green though the verdict is; ``None`` when it is."""
    if run["workers_lost"]:
        return f"Workers lost: {run['workers_lost']:,}."
    ended_by = run["ended_by"]
    if ended_by in _GOOD_ENDS:
        return None
    if ended_by is None:
        return "The end of the run is not recorded: it was killed, or still goes on."
    return f"The run was ended early ({printable(str(ended_by), 100)})."


def _properties(summary: Mapping[str, Any], run: Mapping[str, Any]) -> list[tuple[str, str]]:
    command = run.get("command")
    versions = run.get("versions")
    named = {
        "run_id": summary["run_id"],
        "host": run.get("host"),
        "command": shlex.join(map(str, command)) if isinstance(command, (list, tuple)) else None,
        "ended_by": summary["run"]["ended_by"],
        "verdict": summary["verdict"]["status"],
        "version": versions.get("loadkit") if isinstance(versions, Mapping) else None,
    }
    return [(key, str(value)) for key, value in named.items() if value not in (None, "")]


def _add(suite: ElementTree.Element, case: _Case) -> None:
    attributes = {
        "classname": f"{_NAME}.{case.group}",
        "name": _shown(case.name),
        "time": _seconds(case.seconds),
    }
    element = ElementTree.SubElement(suite, "testcase", attributes)
    if case.result is not _Result.PASSED:
        message = _shown(case.message)
        wrong = ElementTree.SubElement(element, str(case.result), type=case.kind, message=message)
        wrong.text = message


def _count(cases: Sequence[_Case], result: _Result) -> str:
    return str(sum(case.result is result for case in cases))


def _shown(text: str) -> str:
    return xml_text(printable(text, _LONGEST))


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _moment(unix_s: float | None) -> str | None:
    """ISO 8601 without a zone, as readers expect it; it is UTC."""
    if unix_s is None:
        return None
    try:
        return datetime.fromtimestamp(unix_s, UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return None
