"""One engine process: placed calls, commands, records, and its end in every way."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from loadkit.engine.client import EngineClient, EngineLost
from loadkit.errors import EngineError
from loadkit.records import Outcome
from tests.engine.conftest import SAMPLE, SAMPLES, TOKEN, Told, configuration, echo_call
from tests.waiting import has_ended


def test_a_call_is_placed_talked_and_recorded(engine: EngineClient, told: Told, gateway: str) -> None:
    engine.start(configuration(gateway))
    spec = echo_call()
    engine.place(spec)
    session_id = engine.command(spec.call_id, "wait_connected", 60)["value"]["session_id"]
    assert engine.command(spec.call_id, "talk", 60, sample=SAMPLE, seconds=0.5)["value"] is None
    engine.end(spec.call_id, Outcome.COMPLETED)
    assert engine.wait_until_over(spec.call_id, 60)
    (record,) = told.records
    assert record["outcome"] == "completed"
    assert record["session_id"] == session_id
    assert (record["engine"], record["user"], record["call_sid"]) == ("local.0", "Caller#1", "sid")
    # How many is the machine's matter: when it stands still frames are skipped.
    assert record["packets_sent"] > 0
    assert engine.calls == {}
    told.wait(lambda: any(row["engine"] == "local.0" for row in told.figures))


def test_a_command_to_a_call_that_has_ended_says_so(engine: EngineClient, told: Told, gateway: str) -> None:
    engine.start(configuration(gateway))
    spec = echo_call()
    engine.place(spec)
    engine.command(spec.call_id, "wait_connected", 60)
    engine.end(spec.call_id, Outcome.COMPLETED)
    assert engine.wait_until_over(spec.call_id, 60)
    assert "ended" in engine.command(spec.call_id, "pause", 60, seconds=1)


def test_a_call_ended_while_a_command_waits_ends_the_wait(
    engine: EngineClient, told: Told, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.start(configuration(gateway))
    spec = echo_call()
    engine.place(spec)
    engine.command(spec.call_id, "wait_connected", 60)
    send, sent = engine._send, threading.Event()

    def send_and_tell(message: dict[str, Any]) -> None:
        send(message)
        sent.set()

    monkeypatch.setattr(engine, "_send", send_and_tell)
    replies: list[object] = []
    waiting = threading.Thread(
        target=lambda: replies.append(engine.command(spec.call_id, "pause", 600, seconds=500))
    )
    waiting.start()
    # The command goes out first.
    assert sent.wait(60)
    engine.end(spec.call_id, Outcome.CANCELLED)
    waiting.join(60)
    assert [reply["ended"]["outcome"] for reply in replies] == ["cancelled"]  # type: ignore[index]
    told.wait(lambda: told.records)
    assert told.records[0]["outcome"] == "cancelled"


def test_a_wrong_token_is_the_gateways_own_code(engine: EngineClient, told: Told, gateway: str) -> None:
    engine.start(configuration(gateway, settings={"auth_token": "wrong-" + TOKEN}))
    spec = echo_call()
    engine.place(spec)
    reply = engine.command(spec.call_id, "wait_connected", 60)
    assert reply["ended"]["code"] == "UNAUTHORIZED"
    told.wait(lambda: told.records)
    assert told.records[0]["error_code"] == "UNAUTHORIZED"
    assert told.records[0]["error_message"] == "Invalid authentication token"
    assert told.records[0]["ice_servers_error"] == "HTTP 401"


def test_a_missing_sample_is_refused_by_name(engine: EngineClient, gateway: str) -> None:
    with pytest.raises(EngineError, match=r"nowhere\.wav: there is no such file"):
        engine.start(configuration(gateway, samples=[str(SAMPLES / "nowhere.wav")]))


def test_settings_change_between_two_runs(engine: EngineClient, told: Told, gateway: str) -> None:
    engine.start(configuration(gateway, settings={"auth_token": "wrong"}))
    engine.configure(configuration(gateway))
    spec = echo_call()
    engine.place(spec)
    assert "value" in engine.command(spec.call_id, "wait_connected", 60)


def test_a_killed_engine_leaves_a_record_for_each_call_and_ends_all_waits(
    engine: EngineClient, told: Told, gateway: str
) -> None:
    engine.start(configuration(gateway))
    calls = [echo_call() for _ in range(3)]
    for spec in calls:
        engine.place(spec)
        engine.command(spec.call_id, "wait_connected", 60)
    assert engine.pid is not None
    psutil.Process(engine.pid).kill()
    told.wait(lambda: told.lost)
    assert {record["call_id"] for record in told.records} == {spec.call_id for spec in calls}
    assert {record["error_code"] for record in told.records} == {"ENGINE_LOST"}
    assert all(record["intended_at"] <= record["ended_at"] for record in told.records)
    for record in told.records:
        delay = (record["started_at"] - record["intended_at"]) * 1000
        assert record["start_delay_ms"] == pytest.approx(delay, abs=0.01)
    assert engine.command(calls[0].call_id, "pause", 60, seconds=1)["ended"]["code"] == "ENGINE_LOST"
    with pytest.raises(EngineLost):
        engine.place(echo_call())


def test_of_a_call_that_an_engine_never_told_of_nobody_says_that_it_started(
    engine: EngineClient, told: Told, gateway: str
) -> None:
    engine.start(configuration(gateway))
    assert engine.pid is not None
    psutil.Process(engine.pid).suspend()
    engine.place(echo_call())
    engine.abandon()
    (record,) = told.records
    assert (record["error_code"], record["failed_stage"]) == ("ENGINE_STALLED", "place")
    assert record["intended_at"] is not None
    assert record["started_at"] is record["start_delay_ms"] is None


def test_stop_cancels_calls_keeps_their_records_and_leaves_no_process(
    engine: EngineClient, told: Told, gateway: str
) -> None:
    engine.start(configuration(gateway))
    spec = echo_call()
    engine.place(spec)
    engine.command(spec.call_id, "wait_connected", 60)
    assert engine.pid is not None
    process = psutil.Process(engine.pid)
    engine.stop()
    assert told.records[0]["outcome"] == "cancelled"
    assert not process.is_running()
    assert told.lost == []


def test_the_token_is_in_no_argument_and_no_environment(
    engine: EngineClient, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADKIT_AUTH_TOKEN", TOKEN)
    engine.start(configuration(gateway))
    assert engine.pid is not None
    process = psutil.Process(engine.pid)
    assert TOKEN not in " ".join(process.cmdline())
    assert TOKEN not in "".join(process.environ().values())


def test_an_engine_ends_when_its_parent_is_killed(tmp_path: Path, gateway: str) -> None:
    import subprocess
    import sys

    script = tmp_path / "parent.py"
    script.write_text(
        "import sys, time\n"
        "from loadkit.engine.client import EngineClient\n"
        "from tests.engine.conftest import Told, configuration, echo_call\n"
        "told = Told()\n"
        "engine = EngineClient('x', on_record=told.record, on_figures=told.figure, on_lost=told.gone)\n"
        f"engine.start(configuration({gateway!r}))\n"
        "spec = echo_call()\n"
        "engine.place(spec)\n"
        "engine.command(spec.call_id, 'wait_connected', 60)\n"
        "print(engine.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    root = str(Path(__file__).resolve().parents[2])
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=root,
        env={"PYTHONPATH": root},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    process = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    assert has_ended(process)


def test_calls_have_no_thread_of_their_own(engine: EngineClient, told: Told, gateway: str) -> None:
    engine.start(configuration(gateway))
    assert engine.pid is not None
    process, threads = psutil.Process(engine.pid), []
    for count in (1, 8):
        specs = [echo_call() for _ in range(count)]
        for spec in specs:
            engine.place(spec)
        for spec in specs:
            engine.command(spec.call_id, "wait_connected", 60)
            # Already encoded: nobody has to wait for a thread, or for what the call has to say.
            engine.command(spec.call_id, "talk", 0, sample=SAMPLE, seconds=60)
        threads.append(process.num_threads())
        for spec in specs:
            engine.end(spec.call_id, Outcome.COMPLETED)
            assert engine.wait_until_over(spec.call_id, 60)
    # A first call may start one for the process.
    assert threads[1] <= threads[0] + 1
    assert {record["outcome"] for record in told.records} == {"completed"}
