"""The compiled module under a sanitizer: whatever it is asked and sent, it touches no memory but its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadkit.native.building import NotBuilt
from tests.native.parts import library
from tests.native.sanitized import sanitized_module
from tests.native.stress import stress

_ROOT = Path(__file__).resolve().parents[2]


def test_garbage_and_calls_in_any_order_are_survived() -> None:
    stress(library(), 3000)


@pytest.mark.timeout(400)
def test_no_sanitizer_has_anything_to_say(tmp_path: Path) -> None:
    try:
        module, environment = sanitized_module(tmp_path)
    except NotBuilt as exc:
        if "CI" in os.environ:
            raise
        pytest.skip(str(exc))
    done = subprocess.run(
        [sys.executable, "-m", "tests.native.stress", str(module), "3000"],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.strip() == "done"
