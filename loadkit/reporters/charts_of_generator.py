"""Pictures of the generator itself: how late it was, what it used, how much it sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from loadkit.analysis.timeline import Timeline, generator_over
from loadkit.reporters.chart_findings import over_limit, range_of
from loadkit.reporters.chart_lines import lines_over_time, with_limit
from loadkit.reporters.chart_style import BLUE, GREEN, ORANGE, PURPLE, Elapsed, Picture
from loadkit.reporters.wording import milliseconds, share


@dataclass(frozen=True)
class _Drawing:
    name: str
    title: str
    text: str
    unit: str
    lines: Mapping[str, tuple[str, str]]
    """Name of the line → its column and colour."""
    limit: float | None = None
    number: str = ",.1f"
    written: Callable[[float], str] = milliseconds


def charts_of_generator(
    figures: pd.DataFrame, times: Timeline, limits: Mapping[str, float | None]
) -> list[Picture]:
    """Lateness, loops, CPU and packets over the run.

    :param limits: ``generator.limits`` of the summary; what is not judged has no line.
    """
    axis = Elapsed(times.span_s)
    table = axis.scaled(generator_over(times, figures))
    return [_picture(drawing, table, axis) for drawing in _drawings(limits)]


def _drawings(limits: Mapping[str, float | None]) -> list[_Drawing]:
    late, lag, cpu = limits["late_ms"], limits["loop_lag_ms"], limits["cpu_share"]
    return [
        _Drawing(
            "lateness",
            "Generator: lateness",
            "How late packets left against the 20 ms clock: p99 of all packets, per piece of time."
            + ("" if late is None else f" Above the dashed limit of {late:g} ms latencies may be its own."),
            "late, ms",
            {"p99": ("late_ms_p99", PURPLE)},
            late,
        ),
        _Drawing(
            "loop-lag",
            "Generator: loops",
            "Longest time for which the event loop of an engine, or that of Locust, stood still, per piece of time."
            + ("" if lag is None else f" The dashed limit is {lag:g} ms."),
            "stood still, ms",
            {"engines": ("lag", ORANGE), "Locust": ("locust_lag", GREEN)},
            lag,
        ),
        _Drawing(
            "cpu",
            "Generator: CPU",
            "Share of one core that the busiest engine, the mean of all engines, and Locust used."
            + ("" if cpu is None else f" Above the dashed limit of {cpu * 100:.0f} % no room is left."),
            "share of a core",
            {"busiest": ("busiest", ORANGE), "mean": ("mean", BLUE), "Locust": ("locust", GREEN)},
            cpu,
            ".0%",
            lambda value: share(value, 0),
        ),
        _Drawing(
            "packets",
            "Generator: packets",
            "RTP packets that all engines sent and received per second.",
            "packets per second",
            {"sent": ("packets_sent", BLUE), "received": ("packets_received", ORANGE)},
            number=",.0f",
            written=lambda value: f"{value:,.0f} a second",
        ),
    ]


def _picture(drawing: _Drawing, table: pd.DataFrame, axis: Elapsed) -> Picture:
    columns = {column: name for name, (column, _) in drawing.lines.items()}
    named = table[["offset_s", *columns]].rename(columns=columns)
    lines = named.melt(["offset_s"], list(drawing.lines), "percentile", "ms").dropna().assign(count=None)
    if lines.empty:
        return Picture(drawing.name, drawing.title, drawing.text, None)
    present = set(lines["percentile"])
    colours = {name: colour for name, (_, colour) in drawing.lines.items() if name in present}
    zoom = f"{drawing.name.replace('-', '_')}_zoom"
    chart = lines_over_time(lines, axis, drawing.unit, colours, zoom, None, drawing.number, drawing.limit)
    worst = str(named[sorted(present)].max().idxmax())
    finding = range_of(
        f"The line “{worst}”" if len(drawing.lines) > 1 else worst, named, worst, axis, drawing.written
    )
    finding += over_limit(named[worst], drawing.limit)
    spec = with_limit(chart, drawing.limit)
    rim = "ms" if drawing.written is milliseconds else ""
    return Picture(drawing.name, drawing.title, drawing.text, spec, zooms=True, finding=finding, rim=rim)
