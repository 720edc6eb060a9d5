"""The results as JUnit XML, as Jenkins, GitLab and others read it: a suite for each area.

The form is that of Ant and Maven Surefire: ``testsuites``, ``testsuite`` with ``properties``, ``testcase`` with
``failure``, ``error`` or ``skipped``. Counts are in attributes; times are seconds.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree

from loadkit.conformance.case import Result, Verdict
from loadkit.conformance.report import Report
from loadkit.printable import xml_text

_NAME = "conformance"


def junit_text(report: Report) -> str:
    """The report as an XML document."""
    root = ElementTree.Element("testsuites", {"name": _NAME, **_counts(report.results)})
    # ISO 8601 without a time zone, as the schema wants it; it is UTC.
    timestamp = report.started_at.replace(tzinfo=None).isoformat(timespec="seconds")
    for area, results in groupby(report.results, key=lambda result: result.case.area):
        _add_suite(root, area, list(results), timestamp, report)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _add_suite(
    root: ElementTree.Element, area: str, results: Sequence[Result], timestamp: str, report: Report
) -> None:
    attributes = {
        "name": f"{_NAME}.{area}",
        "timestamp": timestamp,
        "hostname": platform.node() or "localhost",
        **_counts(results),
    }
    suite = ElementTree.SubElement(root, "testsuite", attributes)
    properties = ElementTree.SubElement(suite, "properties")
    plan = report.plan
    for name, value in (
        ("gateway", plan.url),
        ("mode", plan.mode),
        ("production", str(plan.production).lower()),
        ("tls_insecure", str(plan.tls_insecure).lower()),
    ):
        ElementTree.SubElement(properties, "property", name=name, value=xml_text(value))
    for result in results:
        _add_case(suite, result)


def _add_case(suite: ElementTree.Element, result: Result) -> None:
    case = result.case
    element = ElementTree.SubElement(
        suite,
        "testcase",
        classname=f"{_NAME}.{case.area}",
        name=case.id,
        time=_seconds(result.seconds),
    )
    match result.verdict:
        case Verdict.FAIL:
            message = xml_text(f"expected {result.expected}; seen: {result.seen}")
            failure = ElementTree.SubElement(element, "failure", type=str(case.kind), message=message)
            failure.text = xml_text(
                f"{case.title}\nexpectation: {case.expectation}\nexpected: {result.expected}\n"
                f"seen: {result.seen}\nsource: {case.source}"
            )
        case Verdict.ERROR:
            ElementTree.SubElement(element, "error", type="tester", message=xml_text(result.reason or ""))
        case Verdict.SKIP:
            ElementTree.SubElement(element, "skipped", message=xml_text(result.reason or ""))
        case Verdict.PASS:
            pass


def _counts(results: Sequence[Result]) -> dict[str, str]:
    def count(verdict: Verdict) -> str:
        return str(sum(result.verdict is verdict for result in results))

    return {
        "tests": str(len(results)),
        "failures": count(Verdict.FAIL),
        "errors": count(Verdict.ERROR),
        "skipped": count(Verdict.SKIP),
        "time": _seconds(sum(result.seconds for result in results)),
    }


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"
