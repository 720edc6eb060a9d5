"""Traffic and arrivals in words, for the terminal and the top of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadkit.printable import printable
from loadkit.reporters.wording import length, plain


def traffic_lines(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and texts of the lines; none for a run by users."""
    traffic = summary.get("traffic")
    if not traffic:
        return []
    arrivals = traffic["arrivals"]
    return [
        ("arrivals", f"{arrivals['intended']:,} intended, {arrival_words(arrivals)}"),
        ("traffic", f"{offered_words(traffic)}; carried {' '.join(_carried(traffic))}"),
    ]


def arrival_words(arrivals: Mapping[str, Any]) -> str:
    """``118 on time, 2 late (over 100 ms), 0 dropped``."""
    parts = [
        f"{arrivals['on_time']:,} on time",
        f"{arrivals['late']:,} late (over {arrivals['late_limit_ms']:g} ms)",
        f"{arrivals['dropped']:,} dropped",
    ]
    if arrivals["not_started"]:
        parts.append(f"{arrivals['not_started']:,} not started")
    return ", ".join(parts)


def offered_words(traffic: Mapping[str, Any]) -> str:
    """``offered 50.0 erlang (5/s poisson × 10 s)``."""
    told = f"offered {erlang(traffic['offered_erlang'])}"
    if traffic["offered_erlang_peak"] != traffic["offered_erlang"]:
        told += f" in the mean, {erlang(traffic['offered_erlang_peak'])} at most"
    rate = printable(str(traffic["rate"]), 60)
    return f"{told} ({rate} {printable(str(traffic['kind']), 20)} × {traffic['mean_call_duration_s']:g} s)"


def carried_words(traffic: Mapping[str, Any]) -> tuple[str, str]:
    """The figure of carried traffic, and what it is to be held against."""
    figure, detail = _carried(traffic)
    return figure, detail.strip("()")


def _carried(traffic: Mapping[str, Any]) -> tuple[str, str]:
    steady = traffic["steady"]
    if steady is not None:
        offered = erlang(steady["offered_erlang"])
        return erlang(steady["carried_erlang"]), f"(of {offered} offered, {length(steady['seconds'])} steady)"
    if traffic["carried_erlang"] is None:
        return "–", "(not measured)"
    expected = erlang(traffic["expected_erlang"])
    return erlang(traffic["carried_erlang"]), f"(of {expected} to be expected; the run was never steady)"


def erlang(value: float | None) -> str:
    """``50.0 erlang``."""
    return "–" if value is None else f"{plain(value)} erlang"
