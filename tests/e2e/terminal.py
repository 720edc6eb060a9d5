"""A command in a real terminal: a pseudo-terminal, and what pyte, a VT100 in Python, makes of what comes."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte

from tests.e2e.processes import LOCUST, NOT_JUDGED, PATIENT, ROOT, TOKEN, shown_in_failures, wait_until

CTRL_C = b"\x03"


class TerminalCommand:
    """One running command, and its terminal."""

    def __init__(self, command: list[str], *, columns: int, cwd: Path, **environment: str) -> None:
        self._screen = pyte.HistoryScreen(columns, 30, history=5_000, ratio=0.5)
        self._stream = pyte.ByteStream(self._screen)
        self._columns = columns
        self._lock = threading.Lock()
        #: Everything that came, as it came.
        self.raw = b""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
        self.settings_before = termios.tcgetattr(self._master)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LOCUST_", "LOADKIT_", "NO_COLOR"))}
        self.process = subprocess.Popen(
            # The terminal has to be the one that controls the session: Ctrl-C goes to its foreground.
            [sys.executable, "-c", _IN_ITS_SESSION, *command],
            cwd=cwd,
            env={**kept, "TERM": "xterm-256color", "LOADKIT_AUTH_TOKEN": TOKEN, **environment},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        shown_in_failures.append(self)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65_536)
            except OSError:
                return  # nobody holds the other end any more
            if not data:
                return
            with self._lock:
                self.raw += data
                self._stream.feed(data)

    @property
    def shown(self) -> str:
        """What stands on the screen, and above it when one scrolls up."""
        with self._lock:
            above = ["".join(row[x].data for x in range(self._columns)) for row in self._screen.history.top]
            return "\n".join(line.rstrip() for line in [*above, *self._screen.display])

    @property
    def output(self) -> str:
        """The same, for a wait that is in vain."""
        return self.shown

    @property
    def cursor_hidden(self) -> bool:
        """Whether the terminal shows no cursor."""
        return bool(self._screen.cursor.hidden)

    @property
    def settings(self) -> list[object]:
        """How the terminal is set: echo, line by line."""
        return termios.tcgetattr(self._master)

    def wait_for(self, text: str) -> None:
        """Wait until this stands on the screen."""
        wait_until(lambda: text in self.shown or self.process.poll() is not None, f"{text!r} is shown")
        if text not in self.shown:
            self._reader.join(10)
        assert text in self.shown, self.shown

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self._master, keys)

    def wait(self) -> int:
        """Wait for the end; returns the exit code."""
        wait_until(lambda: self.process.poll() is not None, "the command ends", 150)
        code = self.process.wait()
        self._reader.join(10)
        return code

    def end(self) -> None:
        """End it, whatever a failed test left of it."""
        shown_in_failures.remove(self)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)


_IN_ITS_SESSION = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@contextmanager
def in_terminal(folder: Path, *arguments: str, columns: int = 80) -> Iterator[TerminalCommand]:
    """``locust -f locustfile.py`` in a terminal; no report is made."""
    command = [
        str(LOCUST),
        "-f",
        str(ROOT / "locustfile.py"),
        "--reports-dir",
        str(folder),
        "--run-id",
        "run",
    ]
    terminal = TerminalCommand(
        [*command, "--no-report", *arguments],
        columns=columns,
        cwd=folder,
        LOADKIT_ENGINES="1",
        **NOT_JUDGED,
        **PATIENT,
    )
    try:
        yield terminal
    finally:
        terminal.end()
