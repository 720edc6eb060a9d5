from __future__ import annotations

from collections import defaultdict
from typing import Any

from loadkit.reporters.engine_table import engine_tables
from loadkit.reporters.threshold_table import threshold_tables

HELD = {
    "name": "setup_ms p95 < 800 ms",
    "text": "setup_ms p95 < 800 ms",
    "operator": "<",
    "limit": 800.0,
    "unit": "ms",
    "value": 223.1,
    "count": 200,
    "status": "pass",
    "sentence": "setup_ms p95 < 800 ms: holds, it is 223.1 ms over 200",
}


def rows_of(*thresholds: dict[str, Any]) -> list[list[str]]:
    (table,) = threshold_tables({"thresholds": thresholds})
    assert all(len(row) == len(table.columns) for row in table.rows), "what has no head is not shown"
    return [list(row) for row in table.rows]


def test_a_threshold_with_a_name_shows_what_was_asked_and_one_without_data_why() -> None:
    named = {**HELD, "name": "set-up"}
    told = {**HELD, "value": None, "status": "no data", "sentence": "setup_ms p95 < 800 ms: no data, no call"}
    assert rows_of(HELD, told, named) == [
        [HELD["name"], "? no data", "–", "< 800 ms", "200", "setup_ms p95 < 800 ms: no data, no call"],
        [HELD["name"], "✓ holds", "223.1 ms", "< 800 ms", "200", ""],
        ["set-up", "✓ holds", "223.1 ms", "< 800 ms", "200", "setup_ms p95 < 800 ms"],
    ]
    assert rows_of(HELD) == [[HELD["name"], "✓ holds", "223.1 ms", "< 800 ms", "200"]]


def test_engines_that_are_left_out_are_counted_without_the_locust_processes() -> None:
    engine, locust = (defaultdict[str, Any](lambda: None, kind=kind) for kind in ("engine", "locust"))
    processes = {"local.0": engine, "local.1": engine, "local.2": engine, "local.locust": locust}
    generator = {"engines": 4, "processes": processes}
    (table,) = engine_tables({"generator": generator})
    assert "3 of 4 engines are shown." in table.caption
