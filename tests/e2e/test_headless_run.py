"""A run from the command to its files."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from loadkit.errors import ExitCode
from tests.e2e.processes import (
    TO_THE_END,
    assert_files_complete,
    assert_no_secret,
    free_port,
    headless,
    locust,
    records,
    report_again,
    run_document,
    spoilt_turns,
    summary,
)


@dataclass(frozen=True)
class Passed:
    """A run that has passed."""

    folder: Path
    """With its reports."""
    output: str


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Passed:
    """One run for all tests of what such a run leaves; its options come from the environment."""
    folder = tmp_path_factory.mktemp("passed")
    environment = {"LOADKIT_CALL_DURATION": "2s", "LOADKIT_CALLER": "+15550100"}
    with locust(folder, *headless(3, 9), *TO_THE_END, **environment) as command:
        command.wait_for("records of this run")
        assert len(command.children("loadkit.engine")) >= 1
        assert len(command.children("loadkit.gateway")) == 1
        assert command.wait() == ExitCode.PASSED, command.output
        command.assert_no_process_left()
    return Passed(folder, command.output)


def test_a_run_against_the_embedded_gateway_leaves_every_file_and_no_process(passed: Passed) -> None:
    folder, output = passed.folder, passed.output
    assert_files_complete(folder)
    assert_no_secret(folder, output)
    told = summary(folder)
    assert told["calls"]["completed"] >= 3
    assert told["calls"]["failed"] == 0
    assert told["media"]["packets_lost"] == 0
    assert told["stages"]["setup_ms"]["p50"] > 0
    assert told["verdict"]["status"] == "pass"
    calls = pd.read_parquet(folder / "run" / "calls.parquet")
    assert len(calls) == told["calls"]["total"] == len(records(folder))
    assert calls["call_sid"].is_unique
    completed = calls[calls["outcome"] == "completed"]
    # How many is the machine's matter: when it stands still frames are skipped, and told.
    assert (completed["packets_sent"] > 0).all()
    assert (completed["packets_received"] > 0).all()
    assert run_document(folder)["ended_by"] == "run_time"
    assert f"PASSED, exit code 0: {folder / 'run' / 'report.html'}" in output


def test_an_agent_is_talked_with_turn_by_turn(tmp_path: Path) -> None:
    options = [
        *headless(2, 5),
        *TO_THE_END,
        "--call-mode",
        "end-to-end",
        # Longer than a greeting, on a busy machine, too, and shorter than a greeting and a turn.
        "--call-duration",
        "10s",
        "--sample",
        "opening_hours.wav",
    ]
    with locust(tmp_path, *options) as command:
        assert command.wait() == ExitCode.PASSED, command.output
    told = summary(tmp_path)
    assert told["turns"]["count"] >= 2
    # The reference agent answers 600 ms after the caller's last speech; its answers begin with 100 ms of silence.
    # Counted from where the speech began it would be 7 s; in between is what a busy machine adds.
    # An engine that the machine let stand still in a turn, or in a greeting, does not measure it.
    p50, spoilt = told["turns"]["turn_latency_ms"]["p50"], spoilt_turns(tmp_path)
    assert spoilt if p50 is None else 550 <= p50 <= 5000
    figures = [json.loads(line) for line in (tmp_path / "run" / "figures.jsonl").read_text().splitlines()]
    replies = sum(sum(row.get("turn_histogram", {}).values()) for row in figures)
    assert (spoilt or replies > 0) and replies <= told["turns"]["count"], "told while calls were talked"
    for call in records(tmp_path):
        assert call["greeting_ms"] is not None or call["stood_still_ms"] is not None, call


def test_a_gateway_that_is_not_there_fails_every_call_with_a_code(tmp_path: Path) -> None:
    host = ("--host", f"ws://127.0.0.1:{free_port()}")
    with locust(tmp_path, *headless(2, 4), *TO_THE_END, *host, "--no-preflight") as command:
        assert command.wait() == ExitCode.FAILED, command.output
    told = summary(tmp_path)
    assert set(told["errors"]) == {"WEBSOCKET_REFUSED"}
    # One that had only just begun when the time was over was cancelled.
    calls = told["calls"]
    assert calls["failed"] > 0
    assert calls["failed"] + calls["cancelled"] == calls["total"]
    failed = [call for call in records(tmp_path) if call["outcome"] == "failed"]
    assert {call["ice_servers_error"] for call in failed} == {"connection refused"}
    # Locust's own table counts by code, not by sentence.
    assert "WEBSOCKET_REFUSED" in command.output
    # There is no terminal: the log has a line for the code when it first came, and one at the end.
    assert "first call that failed with WEBSOCKET_REFUSED in stage websocket: " in command.output
    assert re.search(r"s; 0 calls in progress; \d+ started.* [1-9]\d* failed; ", command.output)
    assert "\x1b" not in command.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--sample", "nowhere.wav"], "nowhere.wav: there is no such file"),
        (["--call-duration", "soon"], "--call-duration 'soon'"),
        (["--host", "ftp://127.0.0.1"], "--host 'ftp://127.0.0.1'"),
        (["--local-address", "203.0.113.7"], "--local-address '203.0.113.7'"),
        (["--ice-timeout", "-1", "--engines", "many", "--mark", "soon:x"], "3 settings cannot be used"),
    ],
)
def test_bad_settings_end_the_run_before_the_first_call(
    tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    with locust(tmp_path, *headless(1, 5), *arguments) as command:
        assert command.wait() == ExitCode.BAD_SETTINGS, command.output
        command.assert_no_process_left()
    assert sentence in command.output
    assert "Traceback" not in command.output
    assert not (tmp_path / "run").exists()


def test_a_sample_that_is_no_audio_is_named(tmp_path: Path) -> None:
    sample = tmp_path / "notes.wav"
    sample.write_text("not a sound")
    with locust(tmp_path, *headless(1, 5), "--sample", str(sample)) as command:
        assert command.wait() == ExitCode.BAD_SETTINGS, command.output
    assert f"{sample}: it cannot be read as audio" in command.output


def test_a_report_is_made_anew_from_the_raw_records(passed: Passed, tmp_path: Path) -> None:
    shutil.copytree(passed.folder / "run", tmp_path / "run")
    before = summary(tmp_path)
    derived = ["summary.json", "report.html", "calls.csv", "calls.parquet"]
    for name in derived:
        (tmp_path / "run" / name).unlink()
    # The last line torn and no end told, as after a power cut.
    told = run_document(tmp_path) | {"ended_at": None, "ended_by": None}
    (tmp_path / "run" / "run.json").write_text(json.dumps(told), encoding="utf-8")
    with (tmp_path / "run" / "records.jsonl").open("a") as raw:
        raw.write('{"call": {"call_id": "torn')
    report_again(tmp_path)
    after = summary(tmp_path)
    assert after["calls"] == before["calls"]
    assert after["stages"] == before["stages"]
    assert all((tmp_path / "run" / name).exists() for name in derived)


def test_options_come_from_the_environment(passed: Passed) -> None:
    settings = run_document(passed.folder)["settings"]
    assert settings["call_duration"] == 2.0
    assert settings["caller"] == "+15550100"
    assert "token" not in str(settings["auth_token"])
