from __future__ import annotations

import json
import threading
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadkit.records import CallRecord, TurnRecord, columns
from loadkit.runs import RunFolder, json_lines, reader
from loadkit.runs.reader import read_calls, read_figures, read_records, read_run, read_turns
from tests.synthetic import call_row, failed_row, figures_row, turn_row


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return RunFolder.create(tmp_path_factory.mktemp("reports"), "run")


def line(call: dict[str, Any], *turns: dict[str, Any]) -> bytes:
    return json.dumps({"call": call, "turns": turns}).encode() + b"\n"


def test_a_run_without_any_file_is_empty_tables_with_all_columns(folder: RunFolder) -> None:
    records = read_records(folder)
    assert list(records.calls.columns) == list(columns(CallRecord))
    assert list(records.turns.columns) == list(columns(TurnRecord))
    assert (len(records.calls), len(records.turns), records.unreadable_lines) == (0, 0, 0)
    assert len(read_figures(folder)) == 0
    assert read_run(folder) == {}


def test_an_empty_file_is_an_empty_table(folder: RunFolder) -> None:
    folder.records.write_bytes(b"")
    folder.figures.write_bytes(b"\n\n")
    folder.run.write_bytes(b"")
    assert len(read_calls(folder)) == len(read_turns(folder)) == len(read_figures(folder)) == 0
    assert read_run(folder) == {}


def test_unmeasured_stays_unmeasured_and_columns_have_their_types(folder: RunFolder) -> None:
    folder.records.write_bytes(line(call_row(0)) + line(failed_row(1)))
    calls = read_calls(folder)
    assert {str(calls[name].dtype) for name in ("packets_sent", "turns")} == {"Int64"}
    assert str(calls["setup_ms"].dtype) == "float64"
    assert str(calls["no_audio"].dtype) == "boolean"
    assert str(calls["error_code"].dtype) == "string"
    assert calls.loc[1, ["packets_sent", "setup_ms", "no_audio", "session_id"]].isna().all()
    assert not calls.loc[0, "no_audio"]


def test_a_torn_last_line_is_counted_and_left_out(folder: RunFolder) -> None:
    whole = line(call_row(0)) + line(call_row(1))
    folder.records.write_bytes(whole[:-40])
    calls = read_calls(folder)
    assert list(calls["call_id"]) == ["call-000000"]
    assert calls.attrs["unreadable_lines"] == 1


@pytest.mark.parametrize(
    "spoilt",
    [
        b"\x00\x00\x00\x00\n",
        b"garbage\n",
        b'{"call": {"call_id": "half", {"call": {}}\n',
        b'{"call": null}\n',
        b'{"turns": []}\n',
        b"[]\n",
        b"3\n",
        b'{"call": {"call_id": null}}\n',
        b'{"call": {"call_id": "x", "setup_ms": "soon"}}\n',
        b'{"call": {"call_id": "x", "packets_sent": 1.5}}\n',
        b'{"call": {"call_id": "x"}, "turns": 3}\n',
        b'{"call": {"call_id": "\xff\xfe"}}\n',
        b"[" * 100_000 + b"\n",
    ],
    ids=lambda spoilt: repr(spoilt[:30]),
)
def test_a_spoilt_line_in_the_middle_costs_only_itself(folder: RunFolder, spoilt: bytes) -> None:
    folder.records.write_bytes(line(call_row(0)) + spoilt + line(call_row(1)))
    calls = read_calls(folder)
    assert list(calls["call_id"]) == ["call-000000", "call-000001"]
    assert calls.attrs["unreadable_lines"] == 1


def test_of_a_call_that_is_there_twice_the_first_is_kept(folder: RunFolder) -> None:
    first, again = call_row(0, outcome="completed"), call_row(0, outcome="failed")
    turn = turn_row("call-000000", 1)
    folder.records.write_bytes(line(first, turn) + line(again, turn))
    assert list(read_calls(folder)["outcome"]) == ["completed"]
    assert len(read_turns(folder)) == 1


def test_an_older_version_s_missing_columns_are_empty_and_a_newer_one_s_are_ignored(
    folder: RunFolder,
) -> None:
    folder.records.write_bytes(line({"call_id": "old", "setup_ms": 12, "of_the_future": {"a": [1]}}))
    calls = read_calls(folder)
    assert calls.loc[0, "setup_ms"] == 12.0
    assert calls.loc[0, "packets_sent"] is pd.NA
    assert list(calls.columns) == list(columns(CallRecord))
    assert calls.attrs["unreadable_lines"] == 0


def test_a_count_written_as_a_float_is_read_as_the_count(folder: RunFolder) -> None:
    folder.records.write_bytes(line(call_row(0, packets_sent=500.0)))
    assert read_calls(folder).loc[0, "packets_sent"] == 500


def test_blocks_end_at_lines(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 1_000)
    folder.records.write_bytes(b"".join(line(call_row(number)) for number in range(50)))
    assert list(read_calls(folder)["call_id"]) == [f"call-{number:06d}" for number in range(50)]


def test_what_a_thread_raises_is_raised_to_who_reads_and_no_thread_stays(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 1_000)
    folder.records.write_bytes(b"".join(line(call_row(number)) for number in range(50)))

    def parse(block: bytes) -> None:
        if b"call-000020" in block:
            raise MemoryError("no room")

    with pytest.raises(MemoryError, match="no room"):
        list(json_lines.parsed(folder.records, parse))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("parse")]


def test_a_line_without_end_costs_only_itself_and_no_memory(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 10_000)
    monkeypatch.setattr(json_lines, "LONGEST_LINE_BYTES", 10_000)
    zeros = bytes(95_000)
    parts = [
        line(call_row(0)),
        zeros + b"\n",
        line(call_row(1)),
        zeros + line(call_row(2)),
        line(call_row(3)),
        zeros,
    ]
    folder.records.write_bytes(b"".join(parts))
    assert max(len(block) for block in json_lines.blocks(folder.records)) <= 20_000
    records = read_records(folder)
    assert list(records.calls["call_id"]) == ["call-000000", "call-000001", "call-000003"]
    assert records.unreadable_lines == 3


def test_figures_keep_their_histogram(folder: RunFolder) -> None:
    rows = [figures_row(0, late_histogram={"3": 7, "72": 1}), figures_row(1, late_histogram=None)]
    folder.figures.write_text("\n".join([*map(json.dumps, rows), '{"at": 1, "calls": "x"}', "{"]))
    figures = read_figures(folder)
    assert list(figures["late_histogram"]) == [{3: 7, 72: 1}, None]
    assert figures.attrs["unreadable_lines"] == 2


messages = st.text(max_size=20) | st.none()
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.none() | st.integers(-(2**53), 2**53)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(messages, numbers, st.booleans() | st.none()), max_size=8))
def test_the_fast_way_and_the_way_line_by_line_read_alike(
    folder: RunFolder, values: list[tuple[str | None, float | None, bool | None]]
) -> None:
    block = b"".join(
        line(
            {"call_id": str(number), "error_message": text, "setup_ms": measured, "no_audio": flag},
            {"call_id": str(number), "turn": 1, "no_response": bool(flag)},
        )
        for number, (text, measured, flag) in enumerate(values)
    )
    folder.records.write_bytes(block)
    fast = read_records(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_parse", reader._parse_each)
        slow = read_records(folder)
    pd.testing.assert_frame_equal(fast.calls, slow.calls)
    pd.testing.assert_frame_equal(fast.turns, slow.turns)
    assert fast.unreadable_lines == slow.unreadable_lines == 0
