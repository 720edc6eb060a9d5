"""Records: every column says what it means, and a row has exactly the columns."""

from __future__ import annotations

import dataclasses
import json

import pytest

from loadkit.records import RECORD_VERSION, STAGES, CallRecord, Outcome, TurnRecord, columns, to_row

TYPES = [CallRecord, TurnRecord]


@pytest.mark.parametrize("record_type", TYPES)
def test_every_column_has_a_meaning(record_type: type[CallRecord] | type[TurnRecord]) -> None:
    for name, (unit, meaning) in columns(record_type).items():
        assert meaning, name
        assert unit in ("", "ms", "s", "B", "0..1", "unix s", "ppm"), (name, unit)


@pytest.mark.parametrize("record_type", TYPES)
def test_names_and_units_agree(record_type: type[CallRecord] | type[TurnRecord]) -> None:
    for name, (unit, _) in columns(record_type).items():
        assert ("_ms" in name) == (unit == "ms"), name


@pytest.mark.parametrize("record_type", TYPES)
def test_row_has_the_columns_in_their_order(record_type: type[CallRecord] | type[TurnRecord]) -> None:
    row = to_row(record_type())
    assert list(row) == list(columns(record_type))
    assert json.loads(json.dumps(row)) == row


@pytest.mark.parametrize("record_type", TYPES)
def test_what_was_not_measured_is_none(record_type: type[CallRecord] | type[TurnRecord]) -> None:
    numbers = {
        field.name: getattr(record_type(), field.name)
        for field in dataclasses.fields(record_type)
        if "None" in str(field.type)
    }
    assert numbers
    assert set(numbers.values()) == {None}


def test_row_carries_the_values() -> None:
    row = to_row(CallRecord(call_id="c", outcome=Outcome.HUNG_UP, setup_ms=1.5))
    assert (row["call_id"], row["outcome"], row["setup_ms"]) == ("c", "hung_up", 1.5)
    assert row["record_version"] == RECORD_VERSION
    assert to_row(TurnRecord(call_id="c", turn=2))["turn"] == 2


def test_stages_are_columns() -> None:
    assert set(STAGES) <= set(columns(CallRecord))
    assert len(set(STAGES)) == len(STAGES)


def test_record_takes_no_column_that_is_not_there() -> None:
    with pytest.raises(AttributeError):
        CallRecord().setup = 3  # type: ignore[attr-defined]
