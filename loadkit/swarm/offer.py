"""The traffic that a run by arrivals is asked to offer, before its first call."""

from __future__ import annotations

import math

from loadkit.settings import Settings


def offered(settings: Settings) -> dict[str, object]:
    """The load that is asked for, as ``run.json`` has it; traffic in erlang is rate × mean duration."""
    schedule = settings.schedule
    assert schedule is not None
    mean_s = settings.call_duration.mean
    ends = schedule.end_s if math.isfinite(schedule.end_s) else None
    rate = schedule.peak if ends is None else schedule.expected(ends) / ends
    return {
        "rate": str(schedule),
        "stages": ends is not None,
        "kind": str(settings.arrivals),
        "call_duration": str(settings.call_duration),
        "mean_call_duration_s": round(mean_s, 3),
        "offered_erlang": round(rate * mean_s, 3),
        "offered_erlang_peak": round(schedule.peak * mean_s, 3),
        "max_concurrent": settings.max_concurrent,
    }


def offer(settings: Settings) -> str:
    """The same in a sentence."""
    load = offered(settings)
    mean = f"rate × {load['mean_call_duration_s']:g} s, the mean --call-duration"
    if not load["stages"]:
        return f"{load['rate']} {load['kind']} arrivals offer {load['offered_erlang']:g} erlang ({mean})"
    return (
        f"{load['kind']} arrivals in the stages {load['rate']} offer {load['offered_erlang']:g} erlang in the mean "
        f"and {load['offered_erlang_peak']:g} at most ({mean})"
    )
