"""How long calls took to be set up, over the run; and what the stages of a set-up are called and drawn in."""

from __future__ import annotations

import altair as alt
import pandas as pd

from loadkit.analysis.percentiles import largest
from loadkit.analysis.timeline import Timeline, outcomes_over, percentiles_over
from loadkit.printable import printable
from loadkit.records import Outcome
from loadkit.reporters.chart_findings import range_of
from loadkit.reporters.chart_style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    YELLOW,
    Elapsed,
    Picture,
    data,
    finished,
    rows,
    zoom,
)

SLOWEST_POINTS = 50

#: The stages of a waterfall in the order in which they begin, and their colours.
STAGE_COLOURS: dict[str, str] = {
    "start_delay_ms": GREY,
    "ice_servers_ms": YELLOW,
    "websocket_ms": SKY,
    "gathering_ms": INK,
    "answer_ms": BLUE,
    "ice_ms": ORANGE,
    "dtls_ms": GREEN,
    "first_packet_ms": MUTED,
    "first_audio_ms": PURPLE,
}

STAGE_LABELS: dict[str, str] = {
    "start_delay_ms": "start delay",
    "ice_servers_ms": "ICE servers",
    "websocket_ms": "WebSocket",
    "gathering_ms": "gathering",
    "answer_ms": "answer",
    "ice_ms": "ICE",
    "dtls_ms": "DTLS",
    "setup_ms": "set-up",
    "first_packet_ms": "first packet",
    "first_audio_ms": "first audio",
    "greeting_ms": "greeting",
}


def setup_over_time(calls: pd.DataFrame, times: Timeline) -> Picture:
    """p50 and p95 per bin, the slowest calls as points, failed calls as crosses."""
    title = "Set-up time over the run"
    axis = Elapsed(times.span_s)
    table = percentiles_over(times, calls["intended_at"], calls["setup_ms"])
    # A line over a time without calls would look like a measurement.
    stretch = (table["offset_s"].diff() > 1.5 * times.width_s).cumsum()
    binned = axis.scaled(table.assign(stretch=stretch))
    slowest = largest(calls, "setup_ms", SLOWEST_POINTS)
    points = slowest[["call_id", "engine", "setup_ms"]].assign(offset_s=slowest["intended_at"] - times.start)
    text = (
        f"Per {_span(times.width_s)}: the set-up time that half (p50) and 95 % (p95) of the connected calls stayed "
        "within, by their intended start; of fewer than 20 calls p95 is little more than the slowest. Points are the "
        f"slowest calls (at most {SLOWEST_POINTS}), crosses at the top mark times at which calls failed. A line is "
        "broken where no call was set up."
    )
    if binned.empty:
        return Picture("setup-over-time", title, text, None, wide=True)
    lines = binned.melt(["offset_s", "count", "stretch"], ["p50", "p95"], "percentile", "setup_ms")
    y = alt.Y("setup_ms:Q", title="set-up, ms", scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=5))
    curves = _curves(lines, axis, y).add_params(zoom("setup_zoom"))
    layers = [_dots(points, axis, y), curves, _failures(calls, times, axis)]
    finding = range_of("Set-up p95", binned, "p95", axis)
    if failed := int((calls["outcome"] == Outcome.FAILED).sum()):
        finding += f" {failed:,} of {len(calls):,} calls failed."
    return Picture(
        "setup-over-time",
        title,
        text,
        finished(alt.layer(*layers)),
        wide=True,
        zooms=True,
        finding=finding,
        measure="setup_ms",
        rim="ms",
    )


def _curves(lines: pd.DataFrame, axis: Elapsed, y: alt.Y) -> alt.Chart:
    base = alt.Chart(data(rows(lines))).encode(x=axis.x())
    legend = alt.Legend(symbolType="stroke")
    colour = alt.Color(
        "percentile:N", scale=alt.Scale(domain=["p50", "p95"], range=[BLUE, ORANGE]), legend=legend
    )
    curves: alt.Chart = base.mark_line(strokeWidth=2, point={"size": 18}).encode(
        y=y,
        color=colour,
        detail="stretch:N",
        strokeDash=alt.StrokeDash(
            "percentile:N", scale=alt.Scale(domain=["p50", "p95"], range=[[1, 0], [6, 3]])
        ),
        tooltip=[
            axis.tooltip(),
            alt.Tooltip("percentile:N"),
            alt.Tooltip("setup_ms:Q", title="set-up, ms", format=",.1f"),
            alt.Tooltip("count:Q", title="calls"),
        ],
    )
    return curves


def _dots(points: pd.DataFrame, axis: Elapsed, y: alt.Y) -> alt.Chart:
    dots: alt.Chart = (
        alt.Chart(data(rows(_untrusted(axis.scaled(points)))))
        .mark_point(color=PURPLE, size=28, strokeWidth=1.5, opacity=0.8)
        .encode(
            x=axis.x(),
            y=y,
            tooltip=[
                alt.Tooltip("call_id:N", title="call"),
                alt.Tooltip("engine:N"),
                axis.tooltip(),
                alt.Tooltip("setup_ms:Q", title="set-up, ms", format=",.1f"),
            ],
        )
    )
    return dots


def _failures(calls: pd.DataFrame, times: Timeline, axis: Elapsed) -> alt.Chart:
    """Crosses at the top where calls failed."""
    ended = outcomes_over(times, calls)
    failed = axis.scaled(ended[ended["outcome"] == Outcome.FAILED])
    failed = failed.assign(offset_s=failed["offset_s"] + times.width_s / axis.unit_s / 2)
    chart = alt.Chart(data(rows(failed))).mark_point(
        shape="M-1,-1L1,1M1,-1L-1,1", color=RED, size=40, strokeWidth=2
    )
    tooltip = [axis.tooltip(), alt.Tooltip("calls:Q", title="failed calls")]
    crosses: alt.Chart = chart.encode(x=axis.x(), y=alt.value(4), tooltip=tooltip)
    return crosses


def _span(seconds: float) -> str:
    return "second" if seconds == 1 else f"{seconds:g} s" if seconds < 60 else f"{seconds / 60:g} min"


def _untrusted(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its text made printable."""
    names = [str(name) for name in table.columns if isinstance(table[name].dtype, pd.StringDtype)]
    return table.assign(**{name: table[name].map(printable, na_action="ignore") for name in names})
