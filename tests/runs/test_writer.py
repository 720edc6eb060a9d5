from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadkit.runs import RunFolder, RunWriter
from loadkit.runs.reader import read_calls, read_figures, read_run, read_turns
from tests.synthetic import call_row, figures_row, turn_row


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "run")


def test_what_is_written_is_read_again(folder: RunFolder) -> None:
    writer = RunWriter(folder)
    writer.write_call(call_row(1), [turn_row("call-000001", 1)])
    writer.write_figures(figures_row(0))
    writer.write_run({"run_id": "run", "future_key": [1]})
    writer.close()
    assert read_calls(folder).loc[0, "call_id"] == "call-000001"
    assert read_turns(folder).loc[0, "turn"] == 1
    assert read_figures(folder).loc[0, "engine"] == "local.0"
    assert read_run(folder) == {"run_id": "run", "future_key": [1]}
    assert writer.faults == []


def test_a_call_that_comes_twice_is_written_once(folder: RunFolder) -> None:
    writer = RunWriter(folder)
    assert [writer.write_call(call_row(number)) for number in (1, 2, 1)] == [True, True, False]
    writer.close()
    assert len(folder.records.read_text().splitlines()) == 2
    assert writer.calls_written == 2


def test_so_many_calls_are_remembered_that_memory_does_not_grow_with_the_run(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadkit.runs.writer.CALLS_REMEMBERED", 2)
    writer = RunWriter(folder)
    assert [writer.write_call(call_row(number)) for number in (1, 2, 3, 3, 2, 1)] == [True] * 3 + [
        False
    ] * 2 + [True]
    assert writer.calls_written == 4


def test_nothing_reaches_the_file_before_a_flush_and_all_of_it_after(folder: RunFolder) -> None:
    writer = RunWriter(folder)
    writer.write_call(call_row(1))
    assert folder.records.read_bytes() == b""
    writer.flush()
    assert folder.records.read_bytes().endswith(b"}\n")
    writer.close()


def test_the_disk_is_waited_for_at_most_once_a_second(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    synced: list[float] = []

    def fsync(_: int) -> None:
        synced.append(now[0])

    monkeypatch.setattr(os, "fsync", fsync)
    writer = RunWriter(folder, clock=lambda: now[0])
    for number in range(30):
        writer.write_call(call_row(number))
        writer.flush()
        now[0] += 0.1
    assert len(synced) == 3
    writer.close()


def test_numbers_that_json_cannot_write_become_null(folder: RunFolder) -> None:
    writer = RunWriter(folder)
    writer.write_call(call_row(1, setup_ms=float("nan"), jitter=float("inf"), error_message="\ud800"))
    writer.write_run({"figure": float("nan"), "nested": [float("inf")]})
    writer.close()
    call = json.loads(folder.records.read_text(encoding="utf-8"))["call"]
    assert (call["setup_ms"], call["jitter"], call["error_message"]) == (None, None, "?")
    assert read_run(folder) == {"figure": None, "nested": [None]}


def test_half_a_line_of_an_earlier_writer_spoils_only_itself(folder: RunFolder) -> None:
    folder.records.write_bytes(b'{"call":{"call_id":"torn')
    writer = RunWriter(folder)
    writer.write_call(call_row(1))
    writer.close()
    calls = read_calls(folder)
    assert list(calls["call_id"]) == ["call-000001"]
    assert calls.attrs["unreadable_lines"] == 1


def test_a_full_disk_is_told_once_and_nothing_is_lost_when_there_is_room_again(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RunWriter(folder)
    writer.write_call(call_row(1))
    room, real = [100], os.write

    def nearly_full(fd: int, data: Any) -> int:
        if room[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = real(fd, bytes(data)[: room[0]])
        room[0] -= taken
        return taken

    monkeypatch.setattr(os, "write", nearly_full)
    for _ in range(3):
        writer.flush()
    assert folder.records.stat().st_size == 100
    assert writer.faults == ["records.jsonl could not be written: No space left on device"]
    room[0] = 10**9
    writer.write_call(call_row(2))
    writer.close()
    calls = read_calls(folder)
    assert list(calls["call_id"]) == ["call-000001", "call-000002"]
    assert calls.attrs["unreadable_lines"] == 0


def test_a_disk_that_takes_nothing_for_too_long_costs_lines_that_are_counted(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadkit.runs.writer.PENDING_LIMIT", 5_000)
    writer = RunWriter(folder)
    for number in range(10):
        writer.write_call(call_row(number))
    writer.close()
    assert writer.dropped_lines > 0
    assert len(read_calls(folder)) == 10 - writer.dropped_lines


def test_a_run_folder_that_was_removed_is_made_again_with_all_that_it_held(folder: RunFolder) -> None:
    writer = RunWriter(folder)
    writer.write_run({"run_id": "run"})
    writer.write_call(call_row(1))
    writer.flush()
    shutil.rmtree(folder.path)
    writer.write_call(call_row(2))
    writer.close()
    assert list(read_calls(folder)["call_id"]) == ["call-000001", "call-000002"]
    assert read_run(folder) == {"run_id": "run"}
    assert writer.faults == []


def test_a_run_folder_that_was_moved_away_is_made_again_and_the_other_left_as_it_was(
    folder: RunFolder, tmp_path: Path
) -> None:
    writer = RunWriter(folder)
    writer.write_call(call_row(1))
    writer.flush()
    folder.path.rename(tmp_path / "moved")
    writer.write_call(call_row(2))
    writer.close()
    assert list(read_calls(folder)["call_id"]) == ["call-000001", "call-000002"]
    assert list(read_calls(RunFolder(tmp_path / "moved"))["call_id"]) == ["call-000001"]


def test_the_next_lines_go_to_a_file_that_was_put_in_the_place_of_ours(folder: RunFolder) -> None:
    writer = RunWriter(folder)
    writer.write_call(call_row(1))
    writer.flush()
    other = folder.path / "edited"
    other.write_bytes(folder.records.read_bytes().replace(b"call-000001", b"call-edited"))
    other.rename(folder.records)
    writer.write_call(call_row(2))
    writer.close()
    assert list(read_calls(folder)["call_id"]) == ["call-edited", "call-000002"]


def test_a_killed_process_loses_nothing_that_was_flushed(folder: RunFolder) -> None:
    program = f"""
from loadkit.runs import RunFolder, RunWriter
from tests.synthetic import call_row
writer = RunWriter(RunFolder({str(folder.path)!r}))
number = 0
while True:
    for _ in range(20):
        writer.write_call(call_row(number))
        number += 1
    writer.flush()
    print(number, flush=True)
"""
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=root, text=True
    ) as process:
        assert process.stdout is not None
        flushed = 0
        for line in process.stdout:
            flushed = int(line)
            if flushed >= 200:
                process.send_signal(signal.SIGKILL)
                break
        process.wait()
    calls = read_calls(folder)
    assert len(calls) >= flushed >= 200
    assert calls.attrs["unreadable_lines"] <= 1
    assert calls["call_id"].is_unique
