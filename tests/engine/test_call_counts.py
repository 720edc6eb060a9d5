"""What an engine tells of its calls once a second."""

from __future__ import annotations

from loadkit.engine.call_counts import CallCounts
from loadkit.latency_buckets import bucket_of
from loadkit.progress import Progress


def test_a_row_counts_calls_by_progress_and_what_has_happened_since_the_row_before() -> None:
    counts = CallCounts()
    for _ in range(3):
        counts.placed()
    counts.connected(80.0)
    counts.connected(None)
    counts.replied(650.0)
    counts.replied(None)
    assert counts.take([Progress.ICE, Progress.CONNECTED, Progress.CONNECTED]) == {
        "placed": 3,
        "stages": {"ice": 1, "connected": 2},
        "setup_histogram": {str(bucket_of(80.0)): 1},
        "turn_histogram": {str(bucket_of(650.0)): 1},
    }
    assert counts.take([]) == {"placed": 0, "stages": {}, "setup_histogram": {}, "turn_histogram": {}}
