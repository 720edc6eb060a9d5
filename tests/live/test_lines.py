"""A view as lines of a log."""

from __future__ import annotations

from loadkit.latency_buckets import bucket_of
from loadkit.live.lines import MOST_NEW_CODES, NewCodes, line
from loadkit.live.plan import Plan
from loadkit.live.state import LiveState
from tests.live.told import engine, failure


def test_one_line_says_all_that_moves() -> None:
    state = LiveState(Plan(run_time_s=90.0), 0.0, 0.0)
    state.arrivals({"second": 0, "intended": 6, "dropped_max_concurrent": 2, "dropped_no_engine": 0}, 30.0)
    state.record(failure("NO_AUDIO"))
    state.figures(
        engine(placed=4, stages={"ice": 1, "connected": 3}, setup_histogram={str(bucket_of(81)): 25}), 30.0
    )
    assert line(state.view(30.0)) == (
        "30 s; 1 min 0 s left (run time); 4 calls in progress (1 ICE, 3 connected); 4 started, 4.0/s of 6.0/s, "
        "2 dropped; 1 failed; set-up p50 82 ms, p95 82 ms; generator not judged"
    )


def test_each_code_is_told_once_and_not_ten_thousand_of_them() -> None:
    state, codes = LiveState(Plan(), 0.0, 0.0), NewCodes()
    state.record(failure("NO_AUDIO", message="nothing came\x1b[2J"))
    told = codes.lines(state.failures.codes())
    assert told == ["first call that failed with NO_AUDIO in stage media: nothing came\\x1b[2J"]
    for number in range(10_000):
        state.record(failure(f"CODE_{number}"))
    told = codes.lines(state.failures.codes())
    assert len(told) == MOST_NEW_CODES
    assert told[-1] == "there are more new error codes, which are told in the report"
    assert codes.lines(state.failures.codes()) == []
