from __future__ import annotations

import json
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from loadkit.errors import SettingsError
from loadkit.gateway.event_log import EventLog
from tests.waiting import PATIENCE_S

OFFSET = 1_800_000_000.0


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_event_is_one_line_in_the_order_of_writing(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path, OFFSET)
    log.start(port=1, agent_seed=2)
    for number in range(1000):
        log.write({"event": "e", "number": number}, 10.0 + number)
    log.close()
    first, *others = read(path)
    assert (first["event"], first["version"], first["pid"]) == ("gateway_started", 1, os.getpid())
    assert [event["number"] for event in others] == list(range(1000))
    assert others[0] == {"at": OFFSET + 10.0, "monotonic": 10.0, "event": "e", "number": 0}


def test_times_in_fields_are_unix_times(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path, OFFSET)
    log.start()
    log.write({"event": "e", "last_speech_at": 5.25, "never_at": None}, 6.0)
    log.close()
    event = read(path)[1]
    assert (event["last_speech_at"], event["never_at"]) == (OFFSET + 5.25, None)


def test_events_are_on_disk_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path, OFFSET)
    log.start()
    give_up = time.monotonic() + PATIENCE_S
    while not path.read_text() and time.monotonic() < give_up:
        time.sleep(0.01)
    assert read(path)[0]["event"] == "gateway_started"
    log.close()


def test_a_second_gateway_appends(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for _ in range(2):
        log = EventLog(path, OFFSET)
        log.start()
        log.close()
    assert [event["event"] for event in read(path)] == ["gateway_started"] * 2


def test_a_full_disk_is_logged_once_and_writing_goes_on_without_waiting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = EventLog(Path("/dev/full"), OFFSET)
    log.start()
    for _ in range(3):
        log.write({"event": "e"}, 1.0)
        log._flush()
    log.close()
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert said == ["events cannot be written to /dev/full: No space left on device; calls go on"]


def test_what_is_no_json_is_written_as_text_and_stops_nothing(tmp_path: Path) -> None:
    class Mute:
        def __repr__(self) -> str:
            raise RuntimeError("no words")

    path = tmp_path / "events.jsonl"
    log = EventLog(path, OFFSET)
    endless: list[object] = []
    endless.append(endless)
    log.start()
    for value in (float("nan"), endless, {(1, 2): 3}, Mute()):
        log.write({"event": "own", "value": value, "turn": 1}, 1.0)
    log.close()
    events = read(path)[1:]
    assert [event["value"] for event in events] == [
        "nan",
        "[[...]]",
        "{(1, 2): 3}",
        "(it cannot be written: RuntimeError)",
    ]
    assert {(event["event"], event["turn"]) for event in events} == {("own", 1)}


def test_what_the_buffer_did_not_take_is_told(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path, OFFSET, capacity=3)
    for number in range(5):
        log.write({"event": "e", "number": number}, 1.0)
    log.start()
    log.close()
    events = read(path)
    assert [event.get("number") for event in events[:3]] == [0, 1, 2]
    # Two of the events and the one of the start, for which there was no room either.
    assert (events[3]["event"], events[3]["count"], len(events)) == ("events_lost", 3, 4)


def test_a_line_that_the_disk_took_half_of_spoils_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path, OFFSET)
    write, room = os.write, 30

    def short(file: int, data: bytes) -> int:
        nonlocal room
        if not room:
            raise OSError(28, "No space left on device")
        done = write(file, data[:room])
        room -= done
        return done

    monkeypatch.setattr(os, "write", short)
    log.write({"event": "first"}, 1.0)
    log._flush()
    room = 10_000
    log.write({"event": "second"}, 2.0)
    log._flush()
    monkeypatch.undo()
    half, *whole = path.read_text().splitlines()
    assert len(half) == 30
    assert [json.loads(line)["event"] for line in whole] == ["second", "events_lost"]
    assert json.loads(whole[1])["count"] == 1


def test_a_disk_that_does_not_answer_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()
    write = os.write

    def hang(file: int, data: bytes) -> int:
        answer.wait(60)
        return write(file, data)

    log = EventLog(tmp_path / "events.jsonl", OFFSET, capacity=10)
    monkeypatch.setattr(os, "write", hang)
    log.start()
    for _ in range(100_000):
        log.write({"event": "e"}, 1.0)
    assert len(log._buffer) <= 10
    monkeypatch.setattr("loadkit.gateway.event_log._CLOSE_S", 0.05)
    log.close()
    answer.set()
    log._thread.join(PATIENCE_S)
    assert not log._thread.is_alive()


def test_a_file_that_cannot_be_opened_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "none" / "events.jsonl"
    with pytest.raises(SettingsError) as caught:
        EventLog(path, OFFSET)
    assert caught.value.faults == [f"--events {path}: it cannot be written: No such file or directory"]
