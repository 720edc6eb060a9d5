from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from loadkit.records import CallRecord, columns
from loadkit.reporters import json_document, write_reports
from loadkit.runs import RunFolder
from tests.synthetic import call_row, clean_run, failed_row, troubled_run, write_run_folder

DERIVED = {"calls.csv", "calls.parquet", "summary.json", "report.html", "junit.xml", "summary.md"}
RAW = {"records.jsonl", "figures.jsonl", "run.json"}


def names(folder: RunFolder) -> set[str]:
    return {path.name for path in folder.path.iterdir()}


def test_all_files_are_made_from_the_raw_ones(tmp_path: Path) -> None:
    folder = clean_run(tmp_path, 50)
    summary = write_reports(folder)
    assert names(folder) == RAW | DERIVED | {"turns.csv", "turns.parquet"}
    assert json.loads(folder.summary.read_text(encoding="utf-8")) == summary


def test_making_them_again_makes_the_same(tmp_path: Path) -> None:
    folder = troubled_run(tmp_path, 60)
    write_reports(folder)
    first = {name: (folder.path / name).read_bytes() for name in DERIVED}
    write_reports(folder)
    assert {name: (folder.path / name).read_bytes() for name in DERIVED} == first
    assert names(folder) == RAW | DERIVED


def test_a_folder_that_holds_nothing_but_a_name_still_gets_a_report(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "nothing")
    summary = write_reports(folder)
    assert summary["run_id"] == "nothing"
    assert summary["verdict"]["status"] == "no data"
    assert names(folder) == DERIVED


def test_parquet_keeps_types_and_says_unit_and_meaning(tmp_path: Path) -> None:
    folder = write_run_folder(tmp_path, [call_row(0), failed_row(1)])
    write_reports(folder)
    schema = pq.read_schema(folder.calls_parquet)
    assert schema.names == list(columns(CallRecord))
    assert schema.field("setup_ms").metadata[b"unit"] == b"ms"
    assert str(schema.field("packets_sent").type) == "int64"
    calls = pd.read_parquet(folder.calls_parquet)
    assert calls["packets_sent"].isna().to_list() == [False, True]


def test_a_spreadsheet_runs_nothing_that_a_gateway_sent(tmp_path: Path) -> None:
    formula = '=HYPERLINK("http://example.invalid/")'
    folder = write_run_folder(tmp_path, [failed_row(0, message=formula), failed_row(1, message="-1+1|cmd")])
    write_reports(folder)
    messages = pd.read_csv(folder.calls_csv)["error_message"].tolist()
    assert messages == [f"'{formula}", "'-1+1|cmd"]
    assert pd.read_parquet(folder.calls_parquet)["error_message"].tolist()[0] == formula


def test_a_summary_with_a_number_that_json_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_document({"p50": float("nan")})
