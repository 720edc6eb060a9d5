"""The results as JSON; the form is on the page docs/conformance.md.

Within a version, fields are only added.
"""

from __future__ import annotations

import json
from typing import Any

from loadkit.conformance.case import Result, Verdict
from loadkit.conformance.report import Report

FORMAT = "loadkit-conformance"
VERSION = 1


def json_text(report: Report) -> str:
    """The report as indented JSON with a newline at its end."""
    text = json.dumps(document(report), ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    # Half a surrogate pair, which JSON of a gateway can say, goes into no file as it is; escaped, it is JSON again.
    return text.encode("utf-8", "backslashreplace").decode()


def document(report: Report) -> dict[str, Any]:
    """The report as plain values."""
    plan = report.plan
    return {
        "format": FORMAT,
        "version": VERSION,
        "loadkit": report.loadkit,
        "gateway": plan.url,
        "mode": plan.mode,
        "production": plan.production,
        "slow": plan.slow,
        "tls_insecure": plan.tls_insecure,
        "started_at": report.started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "duration_ms": round(report.seconds * 1000),
        "exit_code": int(report.exit_code),
        "totals": {str(verdict): report.count(verdict) for verdict in Verdict},
        "cases": [_case(result) for result in report.results],
    }


def _case(result: Result) -> dict[str, Any]:
    case = result.case
    return {
        "id": case.id,
        "area": case.area,
        "title": case.title,
        "kind": str(case.kind),
        "expectation": case.expectation,
        "source": case.source,
        "result": str(result.verdict),
        "duration_ms": round(result.seconds * 1000, 1),
        "expected": result.expected,
        "seen": result.seen,
        "reason": result.reason,
    }
