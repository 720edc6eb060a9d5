"""The headline figures, and what of them the README quotes."""

from __future__ import annotations

from typing import Any

from benchmarks.quoted import ROW_HEAD, headline_cells, row_cells
from benchmarks.results import headline, read
from benchmarks.side_by_side import PARTS
from benchmarks.table import run_table

from .test_rows import GOOD


def _parts() -> dict[str, Any]:
    def row(calls: int, ms: float, **more: Any) -> dict[str, Any]:
        cost = {"calls": calls, "ms_per_call_second": ms, "calls_per_core": 1000 / ms}
        return {**GOOD.document(), **cost, **more}

    fast = [row(100, 2.0), row(200, 1.25, rss_kb_per_call=210.0, late_ms_p99=2.0), row(400, 1.2)]
    shown = {"calls": 650, "limit": "the gateway's core is full", "rows": [row(700, 1.2)]}
    return {
        "aiortc": row(20, 40.0),
        "python": {"rows": [row(200, 2.5)]},
        "native": {"rows": fast, "shown": shown},
        "floor": row(200, 0.5),
        "setup": {"setup_cpu_ms": 5.5, "setups_per_core_second": 181.8},
    }


def test_the_headline_is_that_of_the_native_path_at_200_calls() -> None:
    top = headline(_parts())
    assert top["fast_path"] == "native"
    assert top["calls_per_core"] == 800
    assert top["ratio_to_stock_aiortc"] == 32.0
    assert top["ratio_to_c_floor"] == 2.5
    assert top["setup_cpu_ms"] == 5.5
    assert top["rss_kb_per_call"] == 210.0
    assert top["calls_shown_on_one_core"] == 650


def test_without_the_compiled_module_the_headline_is_that_of_the_python_path() -> None:
    parts = _parts()
    del parts["native"]
    assert headline(parts)["fast_path"] == "python"
    assert headline(parts)["calls_per_core"] == 400


def test_what_was_not_measured_or_is_not_valid_has_no_ratio() -> None:
    parts = _parts()
    del parts["floor"]
    parts["aiortc"]["calls_per_core"] = None
    top = headline(parts)
    assert top["ratio_to_c_floor"] is None
    assert top["ratio_to_stock_aiortc"] is None
    assert headline({})["calls_per_core"] is None


def test_the_table_of_a_run_names_what_was_left_out_and_what_the_limit_was() -> None:
    document = {
        **headline(_parts()),
        "parts": _parts(),
        "left_out": {"floor_ahead": "there is no C compiler"},
    }
    text = run_table(document)
    assert "LEFT OUT: floor_ahead: there is no C compiler" in text
    assert (
        "shown, native path on one core: 650 calls; at 700 the limit was the gateway's core is full" in text
    )
    assert (
        "native path at 200 calls: 800 calls per core*, 32.0 times stock aiortc, 2.50 times the CPU" in text
    )


def test_the_figures_that_are_kept_are_of_a_whole_run_and_say_where_they_come_from() -> None:
    document = read()
    assert set(document["parts"]) | set(document["left_out"]) == set(PARTS)
    for key in (
        "calls_per_core",
        "ratio_to_stock_aiortc",
        "ratio_to_c_floor",
        "setup_cpu_ms",
        "rss_kb_per_call",
    ):
        assert document[key] is not None, f"{key}: make bench has not measured it"
    assert {"processor", "cores", "kernel", "python", "aiortc"} <= set(document["machine"])
    assert document == {**document, **headline(document["parts"])}, "the headline is not that of the parts"


def test_what_is_quoted_is_rounded_from_what_was_measured() -> None:
    document = {**headline(_parts()), "machine": {"processor": "P", "cores": 2}}
    told = dict(headline_cells(document))
    assert told["calls per core, an extrapolation: calls over the engine's share of a core"] == "800"
    assert any("32 times" in value for value in told.values())


def test_every_row_is_quoted_with_what_was_measured_of_it() -> None:
    cells = row_cells({"parts": _parts()})
    assert len(cells) == 6
    assert {len(row) for row in cells} == {len(ROW_HEAD)}, "a cell without its head"
    assert cells[2] == ("some caller", "100", "2.00", "500", "10 %", "", "", "0 %")
    assert cells[3] == ("some caller", "200", "1.25", "800", "10 %", "210", "2.0 ms", "0 %")
