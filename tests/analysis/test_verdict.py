from __future__ import annotations

from typing import Any

import pytest

from loadkit.analysis.verdict import Status, judge, share_text
from loadkit.errors import exit_code_of


def summary(
    lost: int = 0,
    fit: bool | None = True,
    errors: dict[str, int] | None = None,
    ended_by: str = "run_time",
    limit: float | None = 10.0,
    **calls: int,
) -> Any:
    counts = {"completed": 0, "failed": 0, "hung_up": 0, "cancelled": 0, **calls}
    spread = {"count": counts["completed"], "p50": 100.0, "p95": 250.0, "max": 300.0}
    return {
        "calls": {"total": sum(counts.values()), **counts},
        "errors": errors or {},
        "stages": {"setup_ms": spread},
        "run": {"workers_lost": lost, "ended_by": ended_by},
        "generator": {
            "fit": fit,
            "unfit_reasons": [] if fit is not False else ["An engine was late: use more engines."],
            "limits": {"late_ms": limit},
        },
    }


@pytest.mark.parametrize(
    ("made", "status", "sentence"),
    [
        (summary(), "no data", "No call was recorded. This run says nothing about the gateway."),
        (summary(cancelled=3), "no data", "all 3 were cancelled when the run stopped"),
        (
            summary(cancelled=1),
            "no data",
            "the only one was cancelled when the run stopped. This run says nothing",
        ),
        (summary(cancelled=1), "no data", "have it last longer than its calls"),
        (summary(lost=1), "no data", "A worker was lost."),
        (
            summary(completed=20),
            "pass",
            "None of 20 calls failed; half were set up within 100 ms, 95 % within 250 ms.",
        ),
        (
            # Of fewer than 20 nobody can say what 95 % stay within.
            summary(completed=19),
            "pass",
            "None of 19 calls failed; half were set up within 100 ms, the slowest after 300 ms.",
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
        (
            summary(completed=10, fit=False),
            "unfit generator",
            "The generator was the limit. An engine was late: use more engines. None of 10 calls failed",
        ),
        (
            # No descriptor was left, and one was free again when the call looked for the cause.
            summary(failed=10, fit=False, errors={"TOO_MANY_FILES": 9, "GATHERING_FAILED": 1}),
            "unfit generator",
            "which may be the generator's own doing",
        ),
        (summary(completed=10, fit=None), "unfit generator", "Nobody measured how late the generator was"),
        (summary(completed=10, fit=None, limit=None), "pass", "None of 10 calls failed"),
        # What a late generator can bring about is not the gateway's failing…
        (
            summary(completed=9, failed=1, errors={"ANSWER_TIMEOUT": 1}, fit=False),
            "unfit generator",
            "1 of 10 calls failed (10 %), all with ANSWER_TIMEOUT, which may be the generator's own doing.",
        ),
        # … and what it cannot is.
        (
            summary(completed=8, failed=2, errors={"ANSWER_TIMEOUT": 1, "UNAUTHORIZED": 1}, fit=False),
            "fail",
            "The load generator was at its limit: the latencies may be its own",
        ),
        (summary(completed=9, failed=1, errors={"ANSWER_TIMEOUT": 1}), "fail", "all with ANSWER_TIMEOUT."),
        (summary(completed=10, fit=False, lost=1), "fail", "1 worker was lost"),
        (summary(cancelled=2, fit=False), "no data", "all 2 were cancelled"),
        (
            summary(cancelled=2, fit=False, ended_by="stalled"),
            "unfit generator",
            "No call came to an end of its own.",
        ),
        (
            summary(failed=2, errors={"A": 2}, fit=False, ended_by="stalled"),
            "unfit generator",
            "which may be",
        ),
    ],
)
def test_the_verdict(made: Any, status: str, sentence: str) -> None:
    verdict = judge(made)
    assert verdict.status == status
    assert sentence in verdict.sentence


@pytest.mark.parametrize(
    ("status", "code"),
    [("pass", 0), ("fail", 1), ("no data", 3), ("unfit generator", 4), ("unheard of", 1), (None, 1)],
)
def test_every_status_is_worth_an_exit_code(status: object, code: int) -> None:
    assert exit_code_of(status) == code
    assert status in (*Status, "unheard of", None)


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
