from __future__ import annotations

from typing import Any

import pytest

from loadkit.analysis.verdict import judge, share_text


def summary(
    lost: int = 0, fit: bool | None = True, errors: dict[str, int] | None = None, **calls: int
) -> Any:
    counts = {"completed": 0, "failed": 0, "hung_up": 0, "cancelled": 0, **calls}
    spread = {"count": 2 if counts["completed"] else 0, "p50": 100.0, "p95": 250.0}
    return {
        "calls": {"total": sum(counts.values()), **counts},
        "errors": errors or {},
        "stages": {"setup_ms": spread},
        "run": {"workers_lost": lost},
        "generator": {"fit": fit},
    }


@pytest.mark.parametrize(
    ("made", "status", "sentence"),
    [
        (summary(), "no data", "No call was recorded. This run says nothing about the gateway."),
        (summary(cancelled=3), "no data", "all 3 were cancelled when the run stopped"),
        (summary(lost=1), "no data", "A worker was lost."),
        (
            summary(completed=10),
            "pass",
            "None of 10 calls failed; half were set up within 100 ms, 95 % within 250 ms.",
        ),
        (summary(hung_up=1), "pass", "The only call did not fail; no set-up time was measured."),
        (summary(completed=10, lost=2), "fail", "2 workers were lost, so the run offered less load"),
        (summary(completed=9, failed=1, errors={"A": 1}), "fail", "1 of 10 calls failed (10 %), all with A."),
        (
            summary(failed=10, errors={"A": 6, "B": 4}),
            "fail",
            "10 of 10 calls failed (100 %), mostly with A.",
        ),
        (summary(failed=5, errors={"A": 2, "B": 2, "C": 1}), "fail", "most often with A."),
        (summary(completed=10, fit=False), "pass", "The load generator was at its limit"),
    ],
)
def test_the_verdict(made: Any, status: str, sentence: str) -> None:
    verdict = judge(made)
    assert verdict.status == status
    assert sentence in verdict.sentence


def test_a_gateway_s_code_cannot_move_the_cursor_of_a_terminal() -> None:
    assert "\x1b" not in judge(summary(failed=1, errors={"\x1b[2J": 1})).sentence


def test_a_share_is_never_rounded_to_none_or_all() -> None:
    assert [share_text(share) for share in (0, 0.0001, 0.5, 0.12345, 0.9999, 1)] == [
        "0 %",
        "under 0.1 %",
        "50 %",
        "12.3 %",
        "over 99.9 %",
        "100 %",
    ]
