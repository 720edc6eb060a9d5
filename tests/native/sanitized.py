"""The compiled module under address and undefined-behaviour sanitizers, and what a process that loads it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from loadkit.native.building import NotBuilt, compile_module


def sanitized_module(folder: Path) -> tuple[Path, dict[str, str]]:
    """The module in ``folder``, and the environment for the process.

    :raises NotBuilt: there is no gcc, or it has no sanitizers.
    """
    compiler = shutil.which("gcc")
    if compiler is None:
        raise NotBuilt("there is no gcc")
    runtime = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    module = compile_module(
        compiler,
        folder / "media.so",
        flags=("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-Werror"),
    )
    return module, os.environ | {
        "LD_PRELOAD": runtime,
        # Python itself, which is not built for it, leaks by these lights.
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",
    }
