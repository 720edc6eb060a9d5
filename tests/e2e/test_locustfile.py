"""Locustfiles of users: scripts that end early, go wrong, or ask for something special."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loadkit.errors import ExitCode
from tests.e2e.processes import (
    ROOT,
    TO_THE_END,
    TOKEN,
    Command,
    headless,
    locust,
    records,
    spoilt_turns,
    summary,
)

_HEAD = """
import sys
sys.path.insert(0, {root!r})
from locust import constant, task
from loadkit import CallUser

class Tester(CallUser):
    wait_time = constant(0.5)

    @task
    def scenario(self):
"""


def _locustfile(folder: Path, body: str) -> list[str]:
    lines = "".join(f"        {line}\n" for line in body.strip().splitlines())
    path = folder / "mine.py"
    path.write_text(_HEAD.format(root=str(ROOT)) + lines)
    return ["-f", str(path)]


def _turns(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "run" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    return [turn for line in lines for turn in json.loads(line)["turns"]]


@contextmanager
def _gateway(folder: Path, *arguments: str) -> Iterator[str]:
    command = Command(
        [sys.executable, "-m", "loadkit", "gateway", "--port", "0", *arguments],
        cwd=folder,
        PYTHONPATH=str(ROOT),
        LOADKIT_GATEWAY_TOKENS=TOKEN,
    )
    try:
        command.wait_for("The gateway listens at ")
        yield command.output.split("The gateway listens at ")[1].split()[0]
    finally:
        command.end()


def test_a_script_that_raises_fails_its_call_and_shows_its_traceback(tmp_path: Path) -> None:
    script = _locustfile(
        tmp_path, "with self.call() as call:\n    call.pause(0.3)\n    raise KeyError('mine')"
    )
    with locust(tmp_path, *headless(1, 4), *TO_THE_END, *script) as command:
        assert command.wait() == ExitCode.FAILED, command.output
    assert set(summary(tmp_path)["errors"]) == {"SCRIPT_ERROR"}
    assert records(tmp_path)[0]["failed_stage"] == "script"
    assert records(tmp_path)[0]["error_message"] == "KeyError: 'mine'"
    assert records(tmp_path)[0]["packets_sent"] > 0
    assert 'raise KeyError("mine")' in command.output.replace("'", '"')


def test_fields_of_the_offer_are_set_per_call(tmp_path: Path) -> None:
    script = _locustfile(
        tmp_path,
        """
with self.call(mode="normal", call_sid="mine-1", caller="+15550100", variant_id="b",
               artifact_version="7", lambda_deployment_version="9") as call:
    assert call.session_id
    call.pause(0.2)
self.environment.runner.quit()
""",
    )
    with locust(tmp_path, *headless(1, 30), *script) as command:
        assert command.wait() == ExitCode.PASSED, command.output
    call = records(tmp_path)[0]
    assert (call["mode"], call["call_sid"], call["outcome"], call["scenario"]) == (
        "normal",
        "mine-1",
        "completed",
        "scenario",
    )
    assert call["user"].startswith("Tester#")


def test_an_unknown_mode_is_the_gateways_refusal(tmp_path: Path) -> None:
    script = _locustfile(tmp_path, "with self.call(mode='telepathy'):\n    pass")
    with locust(tmp_path, *headless(1, 4), *TO_THE_END, *script) as command:
        assert command.wait() == ExitCode.FAILED, command.output
    assert set(summary(tmp_path)["errors"]) == {"INVALID_ARGUMENT"}
    # A refusal is no fault of the script: Locust's list of exceptions stays empty.
    assert "Traceback" not in command.output


def test_an_agent_that_hangs_up_is_a_good_end(tmp_path: Path) -> None:
    script = _locustfile(
        tmp_path,
        """
with self.call(mode="traditional") as call:
    call.wait_for_agent()
    call.say("opening_hours.wav")
    call.wait_for_reply()
    call.pause(60)
""",
    )
    with (
        _gateway(tmp_path, "--agent-turns", "1") as url,
        locust(tmp_path, *headless(1, 5), *TO_THE_END, *script, "--host", url) as command,
    ):
        assert command.wait() == ExitCode.PASSED, command.output
    told = summary(tmp_path)
    assert told["calls"]["hung_up"] >= 1
    assert told["calls"]["failed"] == 0
    assert told["turns"]["turn_latency_ms"]["count"] + spoilt_turns(tmp_path) >= 1


def test_an_agent_that_is_interrupted_stops(tmp_path: Path) -> None:
    script = _locustfile(
        tmp_path,
        """
with self.call(mode="end-to-end") as call:
    call.interrupt("opening_hours.wav", after=0.2)
    call.wait_for_reply()
""",
    )
    with (
        _gateway(tmp_path, "--agent-latency", "500ms") as url,
        locust(tmp_path, *headless(1, 5), *TO_THE_END, *script, "--host", url) as command,
    ):
        assert command.wait() == ExitCode.PASSED, command.output
    told = summary(tmp_path)["turns"]
    spoilt = spoilt_turns(tmp_path)
    assert told["barge_in_stop_ms"]["count"] + spoilt >= 1
    assert told["barge_in_missed"] == 0 or spoilt
    assert told["turn_latency_ms"]["count"] + spoilt >= 1


def test_an_agent_that_says_nothing_in_time_fails_the_call(tmp_path: Path) -> None:
    script = _locustfile(
        tmp_path,
        """
with self.call(mode="end-to-end") as call:
    call.wait_for_agent()
    call.say("opening_hours.wav")
    call.wait_for_reply(timeout=1)
""",
    )
    with (
        _gateway(tmp_path, "--agent-latency", "20s") as url,
        locust(tmp_path, *headless(1, 5), *TO_THE_END, *script, "--host", url) as command,
    ):
        assert command.wait() == ExitCode.FAILED, command.output
    failed = [call for call in records(tmp_path) if call["outcome"] == "failed"]
    assert {call["error_code"] for call in failed} == {"NO_RESPONSE"}
    assert {call["failed_stage"] for call in failed} == {"agent"}
    assert any(turn["no_response"] for turn in _turns(tmp_path))
    assert "Traceback" not in command.output


def test_a_time_out_of_the_script_ends_its_call(tmp_path: Path) -> None:
    script = _locustfile(
        tmp_path,
        """
import gevent
with gevent.Timeout(0.01, False):
    with self.call() as call:
        call.pause(60)
with self.call() as call:
    call.pause(1)
self.environment.runner.quit()
""",
    )
    with locust(tmp_path, *headless(1, 60), *script) as command:
        assert command.wait() == ExitCode.PASSED, command.output
    # Nobody was left in the first call while the second one was talked.
    assert [call["outcome"] for call in records(tmp_path)] == ["cancelled", "completed"]


def test_production_refuses_echo_with_its_own_code(tmp_path: Path) -> None:
    with (
        _gateway(tmp_path, "--production") as url,
        locust(tmp_path, *headless(1, 4), *TO_THE_END, "--host", url.replace("ws://", "http://")) as command,
    ):
        assert command.wait() == ExitCode.FAILED, command.output
    assert set(summary(tmp_path)["errors"]) == {"FORBIDDEN"}
    failed = [call for call in records(tmp_path) if call["outcome"] == "failed"]
    assert {call["failed_stage"] for call in failed} == {"answer"}
