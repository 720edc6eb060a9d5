from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from loadkit.reporters.junit_xml import junit_xml
from loadkit.reporters.run_report import summary_of
from loadkit.runs.reader import read_run
from tests.synthetic import (
    HOSTILE_MESSAGES,
    call_row,
    clean_run,
    failed_row,
    run_document,
    run_with_thresholds,
    troubled_run,
    write_run_folder,
)

#: Element → attributes that it must have, that it may have, and elements in it: what ``junit-10.xsd`` of Jenkins'
#: xUnit plugin allows, as far as it concerns elements that we write. Times are digits and a point.
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url", "group"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name"}, {"time", "classname", "group"}, {"failure", "error", "skipped", "system-out"}),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}

THRESHOLD = {
    "name": "set-up",
    "text": "setup_ms p95 < 800",
    "subject": "setup_ms p95",
    "operator": "<",
    "limit": 800,
    "unit": "ms",
    "value": 912.0,
    "count": 60,
    "needs": 20,
    "status": "fail",
    "sentence": "setup_ms p95 is 912 ms and should be < 800 ms",
    "where": {},
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return summary_of(clean_run(tmp_path_factory.mktemp("clean"), 60))


def changed(summary: dict[str, Any], **run: Any) -> dict[str, Any]:
    """The summary of the same run that ended in another way."""
    return {**summary, "run": {**summary["run"], **run}}


def suite_of(text: str) -> TestSuite:
    (suite,) = JUnitXml.fromstring(text.encode())
    return suite


def case(text: str, name: str) -> TestCase:
    (found,) = [case for case in suite_of(text) if case.name == name]
    return found


def assert_allowed(element: ElementTree.Element) -> None:
    required, optional, inside = SCHEMA[element.tag]
    assert required <= set(element.attrib) <= required | optional, element.tag
    assert {child.tag for child in element} <= inside
    if "time" in element.attrib:
        assert element.attrib["time"].replace(".", "", 1).isdigit()
    for child in element:
        assert_allowed(child)


def test_a_run_without_thresholds_has_its_verdict_and_that_no_call_failed(clean: dict[str, Any]) -> None:
    suite = suite_of(junit_xml(clean, run_document()))
    assert [case.name for case in suite] == ["no call failed", "verdict"]
    assert all(case.is_passed for case in suite)
    assert suite.time == clean["run"]["duration_s"]
    told = {entry.name: entry.value for entry in suite.properties()}  # type: ignore[no-untyped-call]
    assert told["run_id"] == "clean"
    assert told["host"] == "ws://127.0.0.1:8080"
    assert told["command"] == "locust -f locustfile.py --headless -u 50 -r 5 -t 110s"


def test_each_threshold_is_a_case_and_one_without_data_is_an_error(tmp_path: Path) -> None:
    summary = summary_of(run_with_thresholds(tmp_path, calls=60))
    held, broken, no_data = summary["thresholds"]
    no_data["name"] = "agents answer"
    text = junit_xml(summary, run_document())
    suite = suite_of(text)
    titles = [held["text"], broken["text"], f"agents answer: {no_data['text']}"]
    assert [case.name for case in suite] == [*titles, "no call failed that no threshold counts", "verdict"]
    assert case(text, titles[0]).is_passed
    (failure,) = case(text, titles[1]).result
    assert isinstance(failure, Failure)
    assert failure.message == failure.text == broken["sentence"]
    (error,) = case(text, titles[2]).result
    assert isinstance(error, Error)
    assert not case(text, "verdict").is_passed
    assert (suite.tests, suite.failures, suite.errors) == (5, 2, 1)


def test_a_failed_call_that_no_threshold_counts_is_a_failure_and_one_that_is_counted_is_none(
    tmp_path: Path,
) -> None:
    name = "no call failed that no threshold counts"
    for limit, passed in (("failed(ICE_TIMEOUT) < 50%", False), ("failed < 50%", True)):
        rows = [failed_row(0), *map(call_row, range(1, 10))]
        run = run_document(settings={"slo": limit})
        folder = write_run_folder(tmp_path, rows, run=run, run_id=f"run-{passed}")
        assert case(junit_xml(summary_of(folder), run), name).is_passed is passed


@pytest.mark.parametrize(
    "changes",
    [
        {"ended_by": "interrupted"},
        {"ended_by": "aborted"},
        {"ended_by": "whatever comes next"},
        {"ended_by": None},
        {"workers_lost": 1},
    ],
)
def test_the_verdict_of_a_run_that_did_not_end_as_it_should_is_never_green(
    clean: dict[str, Any], changes: dict[str, Any]
) -> None:
    assert not case(junit_xml(changed(clean, **changes), run_document()), "verdict").is_passed


@pytest.mark.parametrize("status", ["fail", "unfit generator", "no data", "a status that nobody knows"])
def test_no_verdict_but_pass_is_green(clean: dict[str, Any], status: str) -> None:
    summary = {**clean, "verdict": {"status": status, "sentence": "Why."}}
    verdict = case(junit_xml(summary, run_document()), "verdict")
    (result,) = verdict.result
    assert isinstance(result, Failure if status == "fail" else Error)
    assert (result.type, result.message) == (status, "Why.")


def test_a_run_without_a_call_is_an_error_throughout(tmp_path: Path) -> None:
    suite = suite_of(junit_xml(summary_of(write_run_folder(tmp_path, [])), run_document()))
    assert suite.errors == suite.tests == 2


def test_what_is_written_is_what_readers_know_whatever_a_gateway_sent(tmp_path: Path) -> None:
    calls = [failed_row(n, text, message=text) for n, text in enumerate(HOSTILE_MESSAGES)]
    run = run_document(command=["locust", "\x00\ud800\uffff"], host="<b>&\x07", ended_by="\x1b")
    for folder in (
        troubled_run(tmp_path, 80),
        write_run_folder(tmp_path, calls, run=run, run_id="hostile"),
    ):
        text = junit_xml(summary_of(folder), read_run(folder))
        assert_allowed(ElementTree.fromstring(text.encode()))
        suite = suite_of(text)
        # What GitLab's parser asks of a case.
        assert all(case.classname and case.name and case.time is not None for case in suite)
        assert all(result.text for case in suite for result in case.result)
        assert len(text) < 20_000
