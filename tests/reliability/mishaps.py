"""What goes wrong around a run, done for real and without privileges: a clock that is set, a name that is gone."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.processes import ROOT, TOKEN


class Circumstances:
    """Clock and names as one process and its children see them; see ``circumstances.c``."""

    def __init__(self, folder: Path) -> None:
        self._file, self._library = folder / "circumstances", folder / "circumstances.so"
        compiler = shutil.which("cc")
        if compiler is None:
            if os.environ.get("CI"):
                pytest.fail("there is no C compiler")
            pytest.skip("there is no C compiler: apt-get install gcc libc6-dev")
        source = Path(__file__).with_name("circumstances.c")
        command = [
            compiler,
            "-O1",
            "-Wall",
            "-Werror",
            "-shared",
            "-fPIC",
            "-o",
            str(self._library),
            str(source),
        ]
        subprocess.run([*command, "-ldl"], check=True, timeout=60)
        self._set_clock, self._known = 0, True
        self._write()

    @property
    def environment(self) -> dict[str, str]:
        """To start a process with."""
        return {
            "LD_PRELOAD": str(self._library),
            "CIRCUMSTANCES": str(self._file),
            "PYTHONPATH": str(ROOT),
        }

    def set_clock(self, seconds: int) -> None:
        """So far ahead of the real one."""
        self._set_clock = seconds
        self._write()

    def know_name(self, *, known: bool) -> None:
        """Whether ``gateway.test`` resolves, to 127.0.0.1."""
        self._known = known
        self._write()

    def _write(self) -> None:
        # In place: it is mapped.
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("qq", self._set_clock, self._known))


@contextmanager
def gateway(port: int, token: str = TOKEN) -> Iterator[subprocess.Popen[str]]:
    """The reference gateway on this port, which accepts this token."""
    process = subprocess.Popen(
        [sys.executable, "-m", "loadkit", "gateway", "--port", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "LOADKIT_GATEWAY_TOKENS": token},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), "the gateway did not come up"
        yield process
    finally:
        process.kill()
        process.communicate()
