"""The set-up stage by stage: over the run, of a typical call, and of the slowest ones."""

from __future__ import annotations

import altair as alt
import pandas as pd

from loadkit.analysis.percentiles import largest
from loadkit.analysis.splits import coarser
from loadkit.analysis.timeline import Timeline, percentiles_over
from loadkit.analysis.waterfall import Bar, waterfall
from loadkit.printable import printable
from loadkit.reporters.chart_lines import lines_over_time
from loadkit.reporters.chart_style import INK, Elapsed, Picture, data, finished
from loadkit.reporters.charts_of_setup import STAGE_COLOURS, STAGE_LABELS
from loadkit.reporters.wording import milliseconds

SLOWEST_BARS = 6

_SET_UP = [name for name in STAGE_COLOURS if not name.startswith("first_")]


def stages_over_time(calls: pd.DataFrame, times: Timeline) -> Picture:
    """p95 of each stage over the run: which one it is that grew."""
    name, title = "stages-over-time", "Stages over the run"
    text = (
        "95 % of the calls passed each stage within this time, by their intended start. The stage whose line rises is "
        "the one that made the set-up slow."
    )
    pieces = coarser(times)
    axis = Elapsed(pieces.span_s)
    tables = [
        percentiles_over(pieces, calls["intended_at"], calls[stage]).assign(percentile=STAGE_LABELS[stage])
        for stage in _SET_UP
    ]
    table = axis.scaled(pd.concat(tables, ignore_index=True)).rename(columns={"p95": "ms"})
    if table.empty:
        return Picture(name, title, text, None, wide=True)
    peaks = table.groupby("percentile")["ms"].max()
    finding = f"The highest p95 was that of {peaks.idxmax()}: {milliseconds(float(peaks.max()))}."
    colours = {STAGE_LABELS[stage]: STAGE_COLOURS[stage] for stage in _SET_UP}
    present = {label: colour for label, colour in colours.items() if label in set(table["percentile"])}
    kept = table[["offset_s", "percentile", "ms", "count"]]
    chart = lines_over_time(kept, axis, "p95, ms", present, "stages_zoom", "calls")
    return Picture(name, title, text, finished(chart), wide=True, zooms=True, finding=finding, rim="ms")


def typical_call(calls: pd.DataFrame) -> Picture:
    """The stages of the call whose set-up time is nearest to the median."""
    title = "Stages of a typical call"
    setup = calls["setup_ms"].dropna()
    if setup.empty:
        return Picture("typical-call", title, "The call with the median set-up time.", None)
    nearest = (setup - setup.median()).abs().nsmallest(1).index
    call = calls.loc[nearest].iloc[0].to_dict()
    text = (
        f"Call {printable(str(call['call_id']), 40)}, whose set-up time of {call['setup_ms']:,.0f} ms is the nearest "
        "to the median. A record holds durations; where stages ran side by side, their order is the usual one."
    )
    stages = waterfall({str(name): value for name, value in call.items()})
    if not stages:
        return Picture("typical-call", title, text, None)
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
    finding = f"{_longest(stages, 'The longest part')} of {milliseconds(call['setup_ms'])}."
    chart = finished(alt.layer(drawn, labels), height=26 * len(bars))
    return Picture("typical-call", title, text, chart, finding=finding)


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
    worst = {str(key): value for key, value in slowest.iloc[0].items()}
    finding = f"The slowest took {milliseconds(worst['setup_ms'])}; {_longest(waterfall(worst), 'its longest part')}."
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
    chart = finished(alt.layer(thick, thin), height=34 * len(names))
    return Picture("slowest-calls", title, text, chart, wide=True, finding=finding)


def _longest(stages: list[Bar], what: str) -> str:
    """``The longest part was answer with 60 ms``."""
    within = [bar for bar in stages if bar.stage in _SET_UP]
    if not within:
        return f"{what} is not known"
    longest = max(within, key=lambda bar: bar.end_ms - bar.start_ms)
    return f"{what} was {STAGE_LABELS[longest.stage]} with {milliseconds(longest.end_ms - longest.start_ms)}"


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
