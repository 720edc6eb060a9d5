"""Bars over the time of a run: how many of each kind, one kind on the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from loadkit.reporters.chart_style import PAPER, Elapsed, data, rows, whole, zoom

#: What an entry of a legend takes, about: its square with the space around it, and each letter of 12 px.
_SYMBOL_PX, _LETTER_PX = 26, 8


def stacked_over_time(
    table: pd.DataFrame,
    axis: Elapsed,
    kind: str,
    what: str,
    colours: Mapping[str, str],
    width_s: float,
    zoom_name: str,
) -> Any:
    """A stack for each ``offset_s`` (scaled), of the counts in column ``what``, one colour for each name in ``kind``.

    :param colours: of every kind that may be there, the lowest first.
    :param width_s: how long a piece of time is.
    """
    present = [name for name in colours if name in set(table[kind])]
    table = (
        table.assign(rank=table[kind].map(present.index))
        .sort_values(["offset_s", "rank"])
        .drop(columns="rank")
    )
    top = table.groupby("offset_s")[what].cumsum()
    until = table["offset_s"] + width_s / axis.unit_s
    values = rows(table.assign(until=until, top=top, bottom=top - table[what]))
    scale = alt.Scale(domain=present, range=[colours[name] for name in present])
    # As many beside each other as there is room for: error codes are long, and half a page is narrow.
    entry_px = _SYMBOL_PX + _LETTER_PX * max(map(len, present), default=0)
    columns = {"expr": f"max(1, floor(width / {entry_px}))"}
    return (
        alt.Chart(data(values))
        .mark_rect(stroke=PAPER, strokeWidth=0.5)
        .encode(
            x=axis.x(),
            x2="until:Q",
            y=alt.Y("bottom:Q", title=what, axis=whole(int(top.max()))),
            y2="top:Q",
            color=alt.Color(
                f"{kind}:N", scale=scale, legend=alt.Legend(columns=columns, symbolType="square")
            ),
            tooltip=[axis.tooltip(), alt.Tooltip(f"{kind}:N"), alt.Tooltip(f"{what}:Q")],
        )
        .add_params(zoom(zoom_name))
    )
