from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from loadkit.reporters.json_document import json_document
from loadkit.reporters.run_report import summary_of
from loadkit.reporters.summary_schema import LATER, record_schema, summary_schema
from tests.arriving import arriving_run
from tests.reporters.schema_files import meanings, schema_files
from tests.soaking import soak_run
from tests.synthetic import (
    clean_run,
    failed_row,
    run_with_thresholds,
    troubled_run,
    turn_row,
    write_run_folder,
)

SUMMARY = Draft202012Validator(summary_schema())
RECORD = Draft202012Validator(record_schema())


@pytest.fixture(scope="module")
def summaries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """As they are read from a file."""
    folder = tmp_path_factory.mktemp("runs")
    runs = [
        clean_run(folder, 60),
        run_with_thresholds(folder, calls=60),
        troubled_run(folder, 80),
        arriving_run(folder),
        soak_run(folder, minutes=3),
        arriving_run(folder, "killed", killed=True),
        write_run_folder(folder, [], run={}, run_id="nothing"),
    ]
    found = {}
    for run in runs:
        found[run.run_id] = json.loads(json_document(summary_of(run)))
    return found


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object within a value, itself first."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def faults(validator: Draft202012Validator, document: object) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(document)]


def test_the_schemas_are_schemas_and_the_files_are_in_step_with_the_code() -> None:
    for validator in (SUMMARY, RECORD):
        Draft202012Validator.check_schema(validator.schema)
    for path, text in schema_files().items():
        assert path.read_text(encoding="utf-8") == text, "run: python -m tests.reporters.schema_files"


def test_every_summary_keeps_to_the_schema(summaries: dict[str, dict[str, Any]]) -> None:
    for name, summary in summaries.items():
        assert faults(SUMMARY, summary) == [], f"{name}: add the key to loadkit/reporters/summary_schema.py"


def test_a_key_that_is_not_in_the_schema_is_a_fault_wherever_it_stands(
    summaries: dict[str, dict[str, Any]],
) -> None:
    for name in ("thresholds", "arriving", "soak"):
        places = len(list(objects(summaries[name])))
        refused = 0
        for place in range(places):
            summary = deepcopy(summaries[name])
            # Neither text nor a count: so that names out of the run are no way in either.
            list(objects(summary))[place]["a new key"] = ["of somebody"]
            refused += not SUMMARY.is_valid(summary)
        assert refused == places > 20


def test_a_key_that_is_missing_and_a_number_where_null_is_meant_are_faults(
    summaries: dict[str, dict[str, Any]],
) -> None:
    for key in summaries["clean"]:
        summary = {name: value for name, value in summaries["clean"].items() if name != key}
        assert not SUMMARY.is_valid(summary) or key in LATER
    summary = deepcopy(summaries["clean"])
    summary["calls"]["failed"] = None
    assert faults(SUMMARY, summary) == ["$.calls.failed: None is not of type 'integer'"]


def test_every_line_of_records_keeps_to_its_schema(tmp_path: Path) -> None:
    folder = troubled_run(tmp_path, 60)
    for line in folder.records.read_text(encoding="utf-8").split("\n")[:-1]:
        assert faults(RECORD, json.loads(line)) == []
    assert RECORD.is_valid({"call": failed_row(1), "turns": [turn_row("x", 1)]})
    assert not RECORD.is_valid({"call": {**failed_row(1), "new": 1}, "turns": []})


def test_the_schema_says_what_each_key_means() -> None:
    text = "".join(schema_files().values())
    left_out = [
        key for key, meaning in meanings().items() if json.dumps(meaning, ensure_ascii=False) not in text
    ]
    assert left_out == []
