"""An engine that may have too few files open: its calls say so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.engine.conftest import SAMPLE, TOKEN

_ROOT = Path(__file__).resolve().parents[2]

_CODE = """
import json, resource
from loadkit.engine.client import EngineClient
from tests.engine.conftest import Told, configuration, echo_call
# Enough to start; each call takes two and more.
resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
told = Told()
engine = EngineClient("x", on_record=told.record, on_figures=told.figure, on_lost=told.gone)
engine.start(configuration({url!r}))
calls = [echo_call() for _ in range(20)]
for spec in calls:
    engine.place(spec)
replies = [engine.command(spec.call_id, "wait_connected", 30) for spec in calls]
engine.stop()
failed = [row for row in told.records if row["outcome"] == "failed"]
print(json.dumps([sorted({{row["error_code"] for row in failed}}), failed[0]["error_message"]]))
"""


def test_a_call_that_finds_no_file_descriptor_fails_with_a_code_that_says_so(gateway: str) -> None:
    assert SAMPLE and TOKEN
    done = subprocess.run(
        [sys.executable, "-c", _CODE.format(url=gateway)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = done.stdout.strip().splitlines()[-1]
    assert '["TOO_MANY_FILES"]' in told
    assert "this process has as many files open as it may, 24 (" in told
