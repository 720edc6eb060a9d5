"""What a run is told, for states that are made up."""

from __future__ import annotations

from typing import Any

#: What a hostile gateway may send as an error code.
HOSTILE_CODE = "<script>alert(1)</script>"


def call(outcome: str = "completed", **columns: Any) -> dict[str, Any]:
    """A record, as far as a live state looks at it."""
    return {"outcome": outcome, "ended_at": 1_800_000_000.0, **columns}


def failure(code: str, stage: str = "media", message: str = "it failed") -> dict[str, Any]:
    """The record of a failed call."""
    return call("failed", error_code=code, failed_stage=stage, error_message=message)


def engine(name: str = "local.0", **columns: Any) -> dict[str, Any]:
    """A row of figures of an engine that is fit."""
    return {
        "engine": name,
        "worker": name.partition(".")[0],
        "kind": "engine",
        "seconds": 1.0,
        "cpu_share": 0.2,
        "loop_lag_ms": 2.0,
        "late_histogram": {"3": 100},
        "frames_skipped": 0,
        "placed": 0,
        "stages": {},
        "setup_histogram": {},
        "turn_histogram": {},
        **columns,
    }


def locust(worker: str = "local", **columns: Any) -> dict[str, Any]:
    """A row of figures of a Locust process."""
    return {
        "engine": f"{worker}.locust",
        "worker": worker,
        "kind": "locust",
        "seconds": 1.0,
        "cpu_share": 0.05,
        "loop_lag_ms": 1.0,
        "late_histogram": {},
        **columns,
    }
