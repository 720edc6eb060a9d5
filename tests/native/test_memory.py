"""The compiled module under a sanitizer: whatever it is asked and sent, it touches no memory but its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loadkit.native.building import NotBuilt, compile_module
from tests.native.parts import library
from tests.native.stress import stress

_ROOT = Path(__file__).resolve().parents[2]


def test_garbage_and_calls_in_any_order_are_survived() -> None:
    stress(library(), 3000)


def test_no_sanitizer_has_anything_to_say(tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None and "CI" not in os.environ:
        pytest.skip("there is no gcc")
    assert compiler is not None
    runtime = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    try:
        module = compile_module(
            compiler,
            tmp_path / "media.so",
            flags=("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-Werror"),
        )
    except NotBuilt as exc:
        if "CI" in os.environ:
            raise
        pytest.skip(f"the compiler has no sanitizers: {exc}")
    environment = os.environ | {
        "LD_PRELOAD": runtime,
        # Python itself, which is not built for it, leaks by these lights.
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.native.stress", str(module), "3000"],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.strip() == "done"
