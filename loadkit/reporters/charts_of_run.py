"""Pictures of the run: calls in progress, how calls ended, why they failed, and which way their media went."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import pandas as pd

from loadkit.analysis.splits import coarser, codes_of, failed_over
from loadkit.analysis.timeline import (
    Timeline,
    in_progress_over,
    outcomes_over,
    percentiles_over,
)
from loadkit.records import Outcome
from loadkit.reporters.chart_bars import stacked_over_time
from loadkit.reporters.chart_findings import parts_of, range_of, when
from loadkit.reporters.chart_lines import lines_over_time
from loadkit.reporters.chart_style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    NOTHING_MEASURED,
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
from loadkit.reporters.wording import plural

MOST_BARS = 12

_CODE_COLOURS = (RED, ORANGE, BLUE, PURPLE, SKY, YELLOW, INK, GREY)

OUTCOME_COLOURS = {"completed": GREEN, "hung up": BLUE, "cancelled": GREY, "failed": RED}


def calls_in_progress(calls: pd.DataFrame, times: Timeline) -> Picture:
    """The load that the run offered."""
    axis = Elapsed(times.span_s)
    table = in_progress_over(times, calls)
    text = "Most calls in progress at once, per piece of time. This is the load that the gateway had."
    if not table["calls"].any():
        return Picture("in-progress", "Calls in progress", text, None)
    chart = (
        alt.Chart(data(rows(axis.scaled(table))))
        .mark_area(interpolate="step-after", color=BLUE, opacity=0.25, line={"color": BLUE, "strokeWidth": 2})
        .encode(
            x=axis.x(),
            y=alt.Y("calls:Q", title="calls", axis=whole(int(table["calls"].max()))),
            tooltip=[axis.tooltip(), alt.Tooltip("calls:Q", title="calls in progress")],
        )
        .add_params(zoom("progress_zoom"))
    )
    top = int(table["calls"].max())
    first = float(axis.scaled(table)["offset_s"].to_numpy()[table["calls"].to_numpy().argmax()])
    finding = f"At most {plural(top, 'call')} at once, first {when(first, axis)}."
    return Picture("in-progress", "Calls in progress", text, finished(chart), zooms=True, finding=finding)


def outcomes(calls: pd.DataFrame, times: Timeline) -> Picture:
    """How calls ended, over time."""
    axis = Elapsed(times.span_s)
    table = axis.scaled(outcomes_over(times, calls))
    title = "Calls ended, and how"
    text = "Calls that ended, over time, by how they ended: completed, hung up by the gateway, failed, cancelled."
    if table.empty:
        return Picture("outcomes", title, text, None)
    table["outcome"] = table["outcome"].str.replace("_", " ")
    chart = stacked_over_time(table, axis, "outcome", "calls", OUTCOME_COLOURS, times.width_s, "outcome_zoom")
    totals = table.groupby("outcome")["calls"].sum()
    finding = f"{parts_of({str(name): int(number) for name, number in totals.items()})}.".capitalize()
    return Picture("outcomes", title, text, finished(chart), zooms=True, finding=finding)


def failures(calls: pd.DataFrame, times: Timeline) -> Picture:
    """Failed calls over time, by error code."""
    name, title = "failures", "Failed calls over the run, by code"
    text = "Failed calls by when they ended, one colour for each error code; the rare codes share one."
    failed = calls.loc[calls["outcome"] == Outcome.FAILED, ["error_code", "ended_at"]]
    codes = codes_of(failed)
    pieces = coarser(times)
    table = failed_over(pieces, failed, codes)
    if table.empty:
        return Picture(name, title, text, None, "No call failed.", zooms=True)
    axis = Elapsed(pieces.span_s)
    scaled = axis.scaled(table).rename(columns={"group": "code"})
    colours = dict(zip((str(code) for code in codes.cat.categories), _CODE_COLOURS, strict=False))
    chart = stacked_over_time(scaled, axis, "code", "calls", colours, pieces.width_s, "failures_zoom")
    first, last = (float(scaled["offset_s"].agg(edge)) for edge in ("min", "max"))
    worst = codes.value_counts()
    finding = (
        f"{plural(len(failed), 'failed call')}, most often {worst.index[0]} ({worst.iloc[0]:,}); the first "
        f"{when(first, axis)}, the last {when(last, axis)}."
    )
    return Picture(name, title, text, finished(chart), zooms=True, finding=finding)


def error_codes(errors: Mapping[str, int]) -> Picture:
    """Failed calls by code."""
    text = "Failed calls by error code; what each means is under “Why calls failed”."
    empty = "No call failed."
    return _bars("error-codes", "Error codes", text, errors, "error code", "failed calls", RED, empty)


def ice_pairs(pairs: Mapping[str, int]) -> Picture:
    """Connected calls by the kinds of both ends of their media path."""
    text = (
        "Connected calls by selected candidate pair, our side → the gateway's. host is a direct path, srflx and prflx "
        "go through NAT, relay through TURN."
    )
    return _bars("ice-pairs", "Media paths", text, pairs, "candidate pair", "calls", BLUE)


def _bars(
    name: str,
    title: str,
    text: str,
    counts: Mapping[str, int],
    what: str,
    of: str,
    colour: str,
    empty: str = NOTHING_MEASURED,
) -> Picture:
    if not counts:
        return Picture(name, title, text, None, empty)
    most = sorted(counts.items(), key=lambda item: -item[1])
    bars = [{"label": label, "count": count} for label, count in most[:MOST_BARS]]
    if len(most) > MOST_BARS:
        text += f" The {len(most) - MOST_BARS} rarest are left out."
    base = alt.Chart(data(bars)).encode(
        y=alt.Y(
            "label:N",
            sort=None,
            title=None,
            axis=alt.Axis(
                labelColor=INK, ticks=False, domain=False, labelLimit=150, labelFontSize=11, labelPadding=6
            ),
        ),
        tooltip=[alt.Tooltip("label:N", title=what), alt.Tooltip("count:Q", title=of, format=",d")],
    )
    x = alt.X(
        "count:Q",
        title=of,
        scale=alt.Scale(domain=[0, most[0][1] * 1.15], nice=False),
        axis=whole(most[0][1]),
    )
    drawn = base.mark_bar(color=colour, height={"band": 0.65}, cornerRadius=2).encode(x=x)
    labels = base.mark_text(align="left", dx=4).encode(x=x, text=alt.Text("count:Q", format=",d"))
    chart_spec = finished(alt.layer(drawn, labels), height=26 * len(bars) + 10)
    return Picture(name, title, text, chart_spec, finding=f"{parts_of(counts, 3)}.")


def turn_latency(calls: pd.DataFrame, turns: pd.DataFrame, times: Timeline) -> Picture:
    """How long the agent took to reply, over time."""
    axis = Elapsed(times.span_s)
    text = (
        "End of the caller's speech to the first agent speech heard, by the start of the call: p50 and p95 "
        "of the turns of talk."
    )
    started = turns["call_id"].map(calls.set_index("call_id")["started_at"])
    table = axis.scaled(percentiles_over(times, started, turns["turn_latency_ms"]))
    if table.empty:
        return Picture("turn-latency", "Turn latency over the run", text, None)
    lines = table.melt(["offset_s", "count"], ["p50", "p95"], "percentile", "ms")
    chart = lines_over_time(
        lines, axis, "turn latency, ms", {"p50": BLUE, "p95": ORANGE}, "turn_zoom", "turns"
    )
    return Picture(
        "turn-latency",
        "Turn latency over the run",
        text,
        finished(chart),
        zooms=True,
        finding=range_of("Turn latency p95", table, "p95", axis),
        measure="turn_latency_ms",
        rim="ms",
    )
