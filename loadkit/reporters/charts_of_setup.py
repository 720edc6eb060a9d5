"""Pictures of how calls were set up: over the run, how the times spread, and stage by stage."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from loadkit.analysis.histogram import Histogram, histogram
from loadkit.analysis.percentiles import largest, measured, quantile
from loadkit.analysis.timeline import Timeline, outcomes_over, percentiles_over
from loadkit.analysis.waterfall import waterfall
from loadkit.printable import printable
from loadkit.records import Outcome
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
    whole,
    zoom,
)

SLOWEST_POINTS = 50
SLOWEST_BARS = 6

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
        f"Per {_span(times.width_s)}: the set-up time that half (p50) and 95 % (p95) of the calls stayed within, by "
        f"their intended start. Points are the slowest calls (at most {SLOWEST_POINTS}), crosses at the top mark times "
        "at which calls failed. A line is broken where no call was set up."
    )
    if binned.empty:
        return Picture("setup-over-time", title, text, None, wide=True)
    lines = binned.melt(["offset_s", "count", "stretch"], ["p50", "p95"], "percentile", "setup_ms")
    y = alt.Y("setup_ms:Q", title="set-up, ms", scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=5))
    base = alt.Chart(data(rows(lines))).encode(x=axis.x())
    legend = alt.Legend(symbolType="stroke")
    colour = alt.Color(
        "percentile:N", scale=alt.Scale(domain=["p50", "p95"], range=[BLUE, ORANGE]), legend=legend
    )
    curves = base.mark_line(strokeWidth=2, point={"size": 18}).encode(
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
    dots = (
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
    layers = [dots, curves.add_params(zoom("setup_zoom")), _failures(calls, times, axis)]
    return Picture("setup-over-time", title, text, finished(alt.layer(*layers)), wide=True, zooms=True)


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


def distribution_of(values: pd.Series[Any], name: str, title: str, what: str, of: str = "calls") -> Picture:
    """A histogram of ``what``, counting ``of``, with its percentiles."""
    numbers = measured(values)
    spread = histogram(numbers)
    text = f"How many {of} had which {what}."
    if spread is None:
        return Picture(name, title, text, None)
    if spread.logarithmic:
        text += " The axis is logarithmic."
    marks = [
        {"name": label, "ms": quantile(numbers, q), "lane": lane}
        for lane, (label, q) in enumerate((("p50", 50), ("p95", 95), ("p99", 99)))
    ]
    return Picture(name, title, text, finished(_histogram_chart(spread, marks, what, of)))


def _histogram_chart(spread: Histogram, marks: list[dict[str, Any]], what: str, of: str) -> Any:
    bars = [
        {"from": low, "to": high, "calls": count}
        for low, high, count in zip(spread.edges, spread.edges[1:], spread.counts, strict=False)
        if count
    ]
    low, high = spread.edges[0], spread.edges[-1]
    if spread.logarithmic:
        low, high = low / 1.15, high * 1.15
        ticks: dict[str, Any] = {"values": _round_values(low, high)}
        scale = alt.Scale(type="log", domain=[low, high], nice=False)
    else:
        ticks = {"tickCount": 5}
        scale = alt.Scale(domain=[low, high], nice=False, zero=False)
    x = alt.X(
        "from:Q",
        scale=scale,
        title=f"{what}, ms",
        axis=alt.Axis(**ticks),
    )
    top = max(spread.counts)
    columns = (
        alt.Chart(data(bars))
        .mark_bar(color=BLUE, binSpacing=1)
        .encode(
            x=x,
            x2="to:Q",
            y=alt.Y("calls:Q", title=of, scale=alt.Scale(domain=[0, top * 1.25]), axis=whole(top)),
            y2=alt.datum(0),
            tooltip=[
                alt.Tooltip("from:Q", title="from, ms", format=",.1f"),
                alt.Tooltip("to:Q", title="to, ms", format=",.1f"),
                alt.Tooltip("calls:Q", title=of),
            ],
        )
    )
    where = alt.Chart(data(marks)).encode(x=alt.X("ms:Q"))
    tooltip = [
        alt.Tooltip("name:N", title="percentile"),
        alt.Tooltip("ms:Q", title=f"{what}, ms", format=",.1f"),
    ]
    rules = where.mark_rule(color=INK, strokeDash=[3, 3]).encode(tooltip=tooltip)
    # Percentiles can lie close together: each has a line of its own, on the side where there is room.
    middle = (low * high) ** 0.5 if spread.logarithmic else (low + high) / 2
    labels = [
        where.transform_filter(f"datum.ms {'>' if side == 'right' else '<='} {middle!r}")
        .mark_text(align=side, dx=-4 if side == "right" else 4, fontWeight="bold")
        .encode(text="name:N", y=alt.Y("lane:Q", scale=None, axis=None).stack(None))
        .transform_calculate(lane="6 + 13 * datum.lane")
        for side in ("left", "right")
    ]
    return alt.layer(columns, rules, *labels).resolve_scale(y="independent")


def _round_values(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten that lie between."""
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    values = [step * 10.0**power for power in powers for step in (1, 2, 5)]
    return [value for value in values if low <= value <= high]


def typical_call(calls: pd.DataFrame) -> Picture:
    """The stages of the call whose set-up time is nearest to the median."""
    title = "Stages of a typical call"
    connected = calls[calls["setup_ms"].notna()]
    if connected.empty:
        return Picture("typical-call", title, "The call with the median set-up time.", None)
    distance = (connected["setup_ms"] - connected["setup_ms"].median()).abs()
    call = connected[distance == distance.min()].iloc[0].to_dict()
    text = (
        f"Call {printable(str(call['call_id']), 40)}, whose set-up time of {call['setup_ms']:,.0f} ms is the median. "
        "A record holds durations; where stages ran side by side, their order is the usual one."
    )
    stages = waterfall({str(name): value for name, value in call.items()})
    bars = [
        {
            "stage": STAGE_LABELS[bar.stage],
            "start": bar.start_ms,
            "end": bar.end_ms,
            "ms": bar.end_ms - bar.start_ms,
        }
        for bar in stages
    ]
    base = alt.Chart(data(bars)).encode(
        y=alt.Y(
            "stage:N",
            sort=None,
            title=None,
            axis=alt.Axis(labelColor=INK, ticks=False, domain=False, labelPadding=6),
        ),
    )
    end = max(bar.end_ms for bar in stages) * 1.22 + 0.1
    drawn = base.mark_bar(height={"band": 0.65}, minBandSize=1, cornerRadius=2).encode(
        x=alt.X("start:Q", title="ms since the intended start", scale=alt.Scale(domain=[0, end], nice=False)),
        x2="end:Q",
        color=_stage_colour(legend=False),
        tooltip=_bar_tooltip(),
    )
    labels = base.mark_text(align="left", dx=5).encode(x="end:Q", text=alt.Text("ms:Q", format=",.1f"))
    return Picture("typical-call", title, text, finished(alt.layer(drawn, labels), height=26 * len(bars)))


def slowest_calls(calls: pd.DataFrame) -> Picture:
    """The stages of the slowest calls, one row each; what ran beside another stage is drawn thinner below it."""
    title = "Stages of the slowest calls"
    slowest = largest(calls, "setup_ms", SLOWEST_BARS)
    text = (
        "The calls that took longest to set up, slowest first. A thin bar below ran beside another stage; a gap "
        "is time that no stage accounts for."
    )
    if slowest.empty:
        return Picture("slowest-calls", title, text, None)
    bars, names = [], []
    for place, call in enumerate(slowest.to_dict("records"), 1):
        names.append(f"{place}.  {call['setup_ms']:,.0f} ms")
        for bar in waterfall({str(key): value for key, value in call.items()}):
            if bar.stage not in ("first_packet_ms", "first_audio_ms"):
                row = {
                    "call": printable(str(call["call_id"]), 60),
                    "place": names[-1],
                    "lane": int(bar.beside),
                }
                times = {"start": bar.start_ms, "end": bar.end_ms, "ms": bar.end_ms - bar.start_ms}
                bars.append({**row, "stage": STAGE_LABELS[bar.stage], **times})
    ticks = alt.Axis(tickCount={"expr": "max(2, floor(width / 90))"})
    scale = alt.Scale(domainMin=0, nice=True)
    x = alt.X("start:Q", title="ms since the intended start", scale=scale, axis=ticks)
    y = alt.Y(
        "place:N",
        sort=names,
        title=None,
        axis=alt.Axis(labelColor=INK, ticks=False, domain=False, labelPadding=6),
    )
    base = alt.Chart(data(bars)).encode(
        x=x,
        x2="end:Q",
        y=y,
        color=_stage_colour(legend=True),
        tooltip=[alt.Tooltip("call:N"), *_bar_tooltip()],
    )
    thick = base.transform_filter("datum.lane == 0").mark_bar(height=13, yOffset=-4)
    thin = base.transform_filter("datum.lane == 1").mark_bar(height=5, yOffset=8)
    return Picture(
        "slowest-calls", title, text, finished(alt.layer(thick, thin), height=34 * len(names)), wide=True
    )


def _bar_tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("stage:N"),
        alt.Tooltip("ms:Q", title="took, ms", format=",.1f"),
        alt.Tooltip("start:Q", title="began at, ms", format=",.1f"),
    ]


def _stage_colour(legend: bool) -> alt.Color:
    shown = (
        alt.Legend(columns={"expr": "max(2, floor(width / 120))"}, symbolType="square") if legend else None
    )
    names = [stage for stage in STAGE_COLOURS if not (legend and stage.startswith("first_"))]
    scale = alt.Scale(
        domain=[STAGE_LABELS[name] for name in names], range=[STAGE_COLOURS[name] for name in names]
    )
    return alt.Color("stage:N", scale=scale, legend=shown)


def _untrusted(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its text made printable."""
    names = [str(name) for name in table.columns if isinstance(table[name].dtype, pd.StringDtype)]
    return table.assign(**{name: table[name].map(printable, na_action="ignore") for name in names})
