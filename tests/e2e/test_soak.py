"""A short run against a gateway that leaks its sessions."""

from __future__ import annotations

import json
from pathlib import Path

from loadkit.errors import ExitCode
from tests.e2e.processes import ROOT, TO_THE_END, headless, locust, summary

_LOCUSTFILE = """
from locust import constant, task
from loadkit import CallUser
from loadkit.swarm import health_poll

health_poll._STAYS_S = 6.0

class Caller(CallUser):
    wait_time = constant(0)

    @task
    def talk(self):
        with self.call() as call:
            call.talk(1)
"""


def test_sessions_that_stay_after_the_last_call_are_found_and_fail_a_run_that_asks_for_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "leaks.py").write_text(_LOCUSTFILE, encoding="utf-8")
    options = ["-f", str(tmp_path / "leaks.py"), "--health-poll", "500ms", "--fail-on-drift"]
    environment = {"PYTHONPATH": str(ROOT), "LOADKIT_GATEWAY_FAULT": "leak memory=1000"}
    # To the end: a call that was cancelled early has no session yet that could leak.
    with locust(tmp_path, *headless(2, 3), *TO_THE_END, *options, **environment) as command:
        assert command.wait(170) == ExitCode.FAILED, command.output
    told = summary(tmp_path)
    sessions = told["sessions"]
    calls = told["calls"]["total"]
    assert sessions["before"] == 0
    assert (sessions["left"], sessions["left_state"]) == (calls, "stay")
    assert told["drift"]["direction"] == "worse"
    assert "left" in told["verdict"]["sentence"]
    rows = [json.loads(line) for line in (tmp_path / "run" / "health.jsonl").read_text().splitlines()]
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert rows[-1]["at"] > told["run"]["ended_at"], "looking on afterwards is not the run"
