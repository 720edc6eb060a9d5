from __future__ import annotations

import json
from pathlib import Path

from loadkit.reporters import text_summary, write_reports
from loadkit.reporters.charts_of_traffic import traffic_pictures
from loadkit.runs.reader import read_arrivals, read_figures, read_records, read_run
from tests.arriving import arriving_run
from tests.synthetic import clean_run


def test_the_terminal_tells_arrivals_and_traffic(tmp_path: Path) -> None:
    lines = dict(
        line.split(maxsplit=1) for line in text_summary(write_reports(arriving_run(tmp_path))).splitlines()
    )
    assert lines["arrivals"] == "400 intended, 358 on time, 1 late (over 100 ms), 40 dropped, 1 not started"
    assert lines["traffic"].startswith("offered 100 erlang (10/s constant × 10 s); carried ")
    assert "of 100 erlang offered, 31 s steady" in lines["traffic"]


def test_the_page_shows_offered_carried_and_dropped_over_time(tmp_path: Path) -> None:
    folder = arriving_run(tmp_path)
    summary = write_reports(folder)
    page = folder.report.read_text(encoding="utf-8")
    for words in (
        "Traffic offered and carried",
        "Arrivals, and what became of them",
        "Carried traffic",
        "arrivals.jsonl",
    ):
        assert words in page
    traffic, fates = traffic_pictures(
        read_records(folder).calls, read_figures(folder), read_arrivals(folder), summary, read_run(folder)
    )
    drawn = json.dumps([traffic.spec, fates.spec])
    assert all(f'"{name}"' in drawn for name in ("carried", "offered", "on time", "late", "dropped"))


def test_a_run_by_users_has_neither(tmp_path: Path) -> None:
    folder = clean_run(tmp_path, 20)
    assert "arrivals" not in text_summary(write_reports(folder))
    page = folder.report.read_text(encoding="utf-8")
    assert "Traffic offered" not in page and "arrivals.jsonl" not in page
