"""The results as text: a line for each case, what went wrong below it, and the sum at the end."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from loadkit.conformance.case import Case, Result, Verdict
from loadkit.conformance.report import Report
from loadkit.conformance.target import Plan
from loadkit.printable import printable

_WIDTH = 110
_INDENT = " " * 14


def heading(plan: Plan, cases: Sequence[Case], id_width: int) -> str:
    """What is about to be run, and the names of the columns."""
    production = ", a production gateway" if plan.production else ""
    insecure = "; certificates are not verified" if plan.tls_insecure else ""
    what = f"{_cases(len(cases))} against {plan.url} in mode {plan.mode}{production}{insecure}"
    return f"{what}\n\n{'result':6} {'ms':>6}  {'case':{id_width}}  title"


def row(result: Result, id_width: int) -> str:
    """One line for a case and, unless it passed, what was expected and seen, and who says so."""
    case = result.case
    line = f"{result.verdict:6} {result.seconds * 1000:6.0f}  {case.id:{id_width}}  {case.title}"
    return "\n".join([line, *_details(result)])


def _details(result: Result) -> Iterable[str]:
    named = (
        ("expected", result.expected),
        ("seen", result.seen),
        ("source", result.case.source if result.verdict is Verdict.FAIL else None),
        ("reason", result.reason),
    )
    for name, text in named:
        if text is not None:
            first = f"{_INDENT}{name + ':':10}"
            yield textwrap.fill(
                printable(text, len(text)), _WIDTH, initial_indent=first, subsequent_indent=" " * len(first)
            )


def last_line(report: Report) -> str:
    """How many cases ended in which way."""
    words = {
        Verdict.PASS: "passed",
        Verdict.FAIL: "failed",
        Verdict.SKIP: "skipped",
        Verdict.ERROR: "not decided by an error of the tester",
    }
    counts = [
        f"{report.count(verdict)} {word}"
        for verdict, word in words.items()
        if verdict is not Verdict.ERROR or report.count(verdict)
    ]
    return f"{_cases(len(report.results))} in {report.seconds:.1f} s: {', '.join(counts)}"


def _cases(number: int) -> str:
    return "1 case" if number == 1 else f"{number} cases"


def case_list(cases: Sequence[Case]) -> str:
    """All cases, for ``--list``: id, kind, title, source."""
    width = max(len(case.id) for case in cases)
    blocks = []
    for case in cases:
        marks = "".join([", slow" if case.slow else "", ", alone" if case.alone else ""])
        head = f"{case.id:{width}}  {case.kind}{marks}"
        blocks.append(f"{head}\n{' ' * 4}{case.expectation}\n{' ' * 4}{case.source}")
    return "\n".join(blocks)
