"""A few values far above the rest stand at the upper rim, and the lines below stay readable."""

from __future__ import annotations

from typing import Any

import altair as alt
import vl_convert

from loadkit.reporters.chart_marks import with_limits
from loadkit.reporters.chart_rim import rim_of, with_rim
from loadkit.reporters.chart_style import Elapsed, Picture, data, finished, zoom

AXIS = Elapsed(100.0)
USUAL = [100.0, 120.0] * 20


def picture(line: list[float], points: list[float], rim: str = "ms") -> Picture:
    """A line of p95 and the slowest calls, as the set-up time has them."""

    def drawn(values: list[float], **more: Any) -> alt.Chart:
        rows = [{"offset_s": float(place), "ms": value, **more} for place, value in enumerate(values)]
        chart: alt.Chart = alt.Chart(data(rows)).encode(
            x=AXIS.x(), y=alt.Y("ms:Q"), tooltip=[alt.Tooltip("ms:Q")]
        )
        return chart

    spec = finished(
        alt.layer(drawn(points).mark_point(), drawn(line, percentile="p95").mark_line().add_params(zoom("z")))
    )
    return Picture("some", "Some", "Text.", spec, zooms=True, measure="setup_ms", rim=rim)


def framed(one: Picture, *limits: float) -> Picture:
    about = {"subject": "setup_ms p95", "operator": "<", "unit": "ms", "text": "t", "where": {}}
    thresholds = [{**about, "limit": limit} for limit in limits]
    return with_rim(with_limits(one, thresholds, rim_of(one)), rim_of(one))


def ends(one: Picture) -> set[float]:
    """Ends of the vertical axis, of every layer that sets one."""
    assert one.spec is not None
    scales = [layer["encoding"]["y"].get("scale") for layer in one.spec["layer"] if "y" in layer["encoding"]]
    return {scale["domain"][1] for scale in scales if scale}


def test_one_slow_call_stands_at_the_rim_with_its_true_value_and_does_not_press_the_lines_flat() -> None:
    changed = framed(picture(USUAL, [8_000.0, 300.0, 200.0]))
    assert changed.spec is not None
    (end,) = ends(changed)
    assert 300.0 < end < 400.0
    rows = [row for rows in changed.spec["datasets"].values() for row in rows]
    (slow,) = [row for row in rows if row["drawn"] != row["ms"]]
    assert slow["ms"] == 8_000.0
    assert slow["drawn"] < end
    assert "1 value is beyond the upper rim, the highest 8,000 ms" in changed.text
    (triangles,) = [layer for layer in changed.spec["layer"] if "triangle" in str(layer["mark"])]
    assert triangles["encoding"]["tooltip"] == [{"field": "ms", "type": "quantitative"}]


def test_values_that_lie_together_are_drawn_as_they_are() -> None:
    for one in (
        picture(USUAL, [300.0, 200.0]),
        picture(USUAL, [8_000.0], rim=""),
        picture([0.0, 0.0], [0.0]),
        # An outage of an eighth of the run is no odd spike.
        picture(USUAL + [2_000.0] * 5, [2_500.0]),
    ):
        assert framed(one) == one


def test_a_spike_of_a_line_is_cut_when_it_alone_would_press_it_flat() -> None:
    changed = framed(picture([*USUAL, 9_000.0], [150.0]))
    (end,) = ends(changed)
    assert 120.0 < end < 200.0
    assert changed.spec is not None
    # Vega itself takes it: a second layer with the zoom of the first is an error.
    assert "<svg" in vl_convert.vegalite_to_svg(changed.spec)
    assert "1 value is beyond" in changed.text


def test_the_rim_is_above_a_limit_that_is_drawn_and_what_is_below_it_is_in_its_place() -> None:
    changed = framed(picture(USUAL, [8_000.0, 900.0, 300.0]), 1_000.0)
    assert changed.spec is not None
    (end,) = ends(changed)
    assert end > 1_000.0
    rows = {
        row["ms"]: row["drawn"] for rows in changed.spec["datasets"].values() for row in rows if "ms" in row
    }
    assert rows[900.0] == 900.0
    assert rows[8_000.0] > 1_000.0
    assert "1 value is beyond" in changed.text
