"""Reports made by hand."""

from __future__ import annotations

from datetime import UTC, datetime

from loadkit.conformance.case import Case, Kind, Result, Verdict
from loadkit.conformance.report import Report
from loadkit.conformance.target import Plan


async def _nothing(_bench: object) -> None: ...


def a_case(case_id: str, kind: Kind = Kind.MUST) -> Case:
    """A case that checks nothing."""
    return Case(case_id, f"Title of {case_id}", "it holds", "RFC 0 section 1", kind, _nothing)


#: One of each verdict, in two areas, with text as a hostile gateway might send it.
RESULTS = (
    Result(a_case("ping.one"), Verdict.PASS, 0.0123),
    Result(a_case("ping.two"), Verdict.FAIL, 2.0, expected="a pong", seen="error X: \x1b[2J\x00 <&>\ud800"),
    Result(a_case("offer.one", Kind.SHOULD), Verdict.SKIP, 0.0, reason="say --slow"),
    Result(a_case("offer.two"), Verdict.ERROR, 0.5, reason="KeyError: 'a'"),
)


def a_report(*results: Result) -> Report:
    """A report of these results, or of one of each verdict."""
    plan = Plan("wss://gateway.example", mode="end-to-end", production=True)
    started_at = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
    return Report(plan, started_at, 2.5123, results or RESULTS, "1.2.3")
