"""What the steps of a search for the limit ask of a run: calls without a pause, and no report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loadkit.errors import ExitCode
from tests.swarm.inside_locust import inside_locust

_WAIT = """
from types import SimpleNamespace
import time
import locust.user.wait_time
from locust import constant
from loadkit import CallUser
from loadkit.settings import make_settings
import loadkit.swarm.user as module

module.swarm_of = lambda environment: SimpleNamespace(settings=make_settings({{"back_to_back": {back_to_back}}}))

class Caller(CallUser):
    wait_time = constant(30)

# No time passes but what is said below.
time.perf_counter = locust.user.wait_time.perf_counter = lambda: 1000.0
callers = [Caller(SimpleNamespace()) for _ in range(4)]
first = [caller.wait_time() for caller in callers]
for caller in callers:
    caller._cp_last_run = caller._cp_last_run - 5  # the last call took that long
result = {{
    "first": first,
    "after": [caller.wait_time() for caller in callers],
    "staggers": [caller._stagger for caller in callers],
}}
"""


def test_back_to_back_leaves_no_pause_after_a_call_and_one_of_a_second_after_a_refusal() -> None:
    told = inside_locust(_WAIT.format(back_to_back=True))
    # Counted from the start of the caller, which was just now.
    assert told["first"] == [1, 1, 1, 1]
    assert told["after"] == [0, 0, 0, 0]
    assert len(set(told["staggers"])) == 4
    assert all(0 < seconds < 1 for seconds in told["staggers"])


def test_without_it_the_locustfile_s_own_pause_counts() -> None:
    told = inside_locust(_WAIT.format(back_to_back=False))
    assert told["first"] == told["after"] == [30, 30, 30, 30]
    assert told["staggers"] == [0, 0, 0, 0]


_FINISH = """
from pathlib import Path
from loadkit.settings import make_settings
from loadkit.swarm.run import Run

run = Run(make_settings({{"reports_dir": {folder!r}, "run_id": "run", "no_report": True}}), "ws://127.0.0.1", 0)
for number, outcome in enumerate({outcomes!r}):
    run.record({{"call": {{"call_id": str(number), "outcome": outcome}}, "turns": []}})
result = [int(run.finish("run_time")), sorted(path.name for path in run.path.iterdir())]
"""


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        (["completed", "cancelled"], ExitCode.PASSED),
        (["hung_up", "failed"], ExitCode.FAILED),
        (["cancelled"], ExitCode.NO_DATA),
    ],
)
def test_a_run_without_a_report_keeps_its_records_and_says_whether_calls_failed(
    tmp_path: Path, outcomes: list[str], code: ExitCode
) -> None:
    told: Any = inside_locust(_FINISH.format(folder=str(tmp_path), outcomes=outcomes))
    assert told == [code, ["figures.jsonl", "records.jsonl", "run.json"]]
