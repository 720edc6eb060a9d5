"""Builds the C loop with the system's compiler and libsrtp2."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_SOURCES = Path(__file__).resolve().parent
#: As an optimised build of Debian's.
_FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror")


class FloorUnavailable(Exception):
    """The C loop cannot be built here; the sentence says what is missing."""


def build(folder: Path) -> Path:
    """Compile into a folder; returns the program.

    :raises FloorUnavailable: no compiler, or no libsrtp2.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise FloorUnavailable("there is no C compiler; on Debian: apt-get install gcc libc6-dev")
    program = folder / "floor"
    sources = [str(path) for path in sorted(_SOURCES.glob("*.c"))]
    done = subprocess.run(
        [compiler, *_FLAGS, "-o", str(program), *sources, "-lsrtp2"], capture_output=True, text=True
    )
    if done.returncode != 0:
        if "srtp.h" in done.stderr or "-lsrtp2" in done.stderr:
            raise FloorUnavailable(
                "there is no libsrtp2 to build with; on Debian: apt-get install libsrtp2-dev"
            )
        raise FloorUnavailable(f"the C loop does not compile:\n{done.stderr}")
    return program
