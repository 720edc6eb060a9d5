"""The three ways of telling results: text, JSON, JUnit XML."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest

from loadkit.conformance.case import Result, Verdict
from loadkit.conformance.document import json_text
from loadkit.conformance.junit import junit_text
from loadkit.conformance.table import case_list, heading, last_line, row
from loadkit.errors import ExitCode

from .results import RESULTS, a_case, a_report

#: Element -> (attributes it must have, attributes it may have, elements in it), as Ant, Surefire and Jenkins
#: agree on them.
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": ({"name", "tests", "failures", "errors", "time"}, {"skipped"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
        set(),
        {"properties", "testcase"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name", "classname", "time"}, set(), {"failure", "error", "skipped"}),
    "failure": ({"type", "message"}, set(), set()),
    "error": ({"type", "message"}, set(), set()),
    "skipped": (set(), {"message"}, set()),
}


def assert_junit(root: ElementTree.Element) -> None:
    """Elements, attributes, their forms and their sums."""
    for element in root.iter():
        needed, allowed, inside = SCHEMA[element.tag]
        assert needed <= set(element.attrib) <= needed | allowed, element.tag
        assert {child.tag for child in element} <= inside, element.tag
        if "time" in element.attrib:
            assert re.fullmatch(r"\d+\.\d{3}", element.attrib["time"])
        if "timestamp" in element.attrib:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", element.attrib["timestamp"])
    for element in [root, *root.iter("testsuite")]:
        cases = list(element.iter("testcase"))
        assert int(element.attrib["tests"]) == len(cases)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.attrib[attribute]) == len(list(element.iter(tag)))
        assert all(len(case) <= 1 for case in cases)


def test_junit_is_of_the_common_shape_whatever_a_gateway_says() -> None:
    root = ElementTree.fromstring(junit_text(a_report()))
    assert_junit(root)
    assert [suite.attrib["name"] for suite in root] == ["conformance.ping", "conformance.offer"]
    (failure,) = root.iter("failure")
    assert failure.attrib["message"].startswith("expected a pong; seen: error X: ")
    assert failure.attrib["message"].endswith(" <&>\N{REPLACEMENT CHARACTER}")
    assert "source: RFC 0 section 1" in (failure.text or "")
    values = {prop.attrib["name"]: prop.attrib["value"] for prop in root.iter("property")}
    assert values == {
        "gateway": "wss://gateway.example",
        "mode": "end-to-end",
        "production": "true",
        "tls_insecure": "false",
    }


def test_the_document_holds_every_case_and_its_own_version() -> None:
    document = json.loads(json_text(a_report()).encode("utf-8"))
    cases = document.pop("cases")
    assert document == {
        "format": "loadkit-conformance",
        "version": 1,
        "loadkit": "1.2.3",
        "gateway": "wss://gateway.example",
        "mode": "end-to-end",
        "production": True,
        "slow": False,
        "tls_insecure": False,
        "started_at": "2026-01-02T03:04:05.678Z",
        "duration_ms": 2512,
        "exit_code": 1,
        "totals": {"pass": 1, "fail": 1, "skip": 1, "error": 1},
    }
    assert [case["result"] for case in cases] == ["pass", "fail", "skip", "error"]
    assert cases[0] == {
        "id": "ping.one",
        "area": "ping",
        "title": "Title of ping.one",
        "kind": "must",
        "expectation": "it holds",
        "source": "RFC 0 section 1",
        "result": "pass",
        "duration_ms": 12.3,
        "expected": None,
        "seen": None,
        "reason": None,
    }


def test_the_table_has_a_row_for_each_case_and_what_went_wrong_below_it() -> None:
    report = a_report()
    assert heading(report.plan, [a_case("a.b")], 9).splitlines() == [
        "1 case against wss://gateway.example in mode end-to-end, a production gateway",
        "",
        "result     ms  case       title",
    ]
    assert row(RESULTS[0], 9) == "pass       12  ping.one   Title of ping.one"
    assert row(RESULTS[1], 9).splitlines() == [
        "fail     2000  ping.two   Title of ping.two",
        "              expected: a pong",
        r"              seen:     error X: \x1b[2J\x00 <&>\ud800",
        "              source:   RFC 0 section 1",
    ]
    assert row(RESULTS[2], 9).splitlines()[1:] == ["              reason:   say --slow"]
    assert last_line(report) == (
        "4 cases in 2.5 s: 1 passed, 1 failed, 1 skipped, 1 not decided by an error of the tester"
    )
    assert last_line(a_report(RESULTS[0])) == "1 case in 2.5 s: 1 passed, 0 failed, 0 skipped"


def test_the_list_names_expectation_and_source() -> None:
    assert case_list([a_case("ping.one")]).splitlines() == [
        "ping.one  must",
        "    it holds",
        "    RFC 0 section 1",
    ]


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([Verdict.PASS, Verdict.SKIP], ExitCode.PASSED),
        ([Verdict.PASS, Verdict.FAIL], ExitCode.FAILED),
        ([Verdict.PASS, Verdict.ERROR], ExitCode.FAILED),
        ([Verdict.SKIP], ExitCode.NO_DATA),
    ],
)
def test_the_exit_code_takes_nothing_undecided_for_a_pass(verdicts: list[Verdict], code: ExitCode) -> None:
    results = [Result(a_case("a.b"), verdict, 0.0) for verdict in verdicts]
    assert a_report(*results).exit_code == code
