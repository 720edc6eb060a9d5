"""Limits of open files, lowered in a process of its own: a limit that was lowered cannot be raised again."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

from loadkit import descriptors

ROOT = Path(__file__).resolve().parents[1]


def printed(code: str) -> str:
    """What a process prints that runs this code under a soft limit of 64 and a hard one of 96."""
    limited = f"import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (64, 96))\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", limited], cwd=ROOT, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    assert (
        printed(
            "from loadkit import descriptors as d\nprint(d.raise_limit(), d.hard_limit(), resource.getrlimit(7))"
        )
        == "96 96 (96, 96)"
    )


def test_a_process_without_a_descriptor_left_knows_it_whatever_failed() -> None:
    assert (
        printed(
            "import socket\nfrom loadkit import descriptors as d\nheld = []\n"
            "print(d.used_up(), end=' ')\n"
            "try:\n    while True:\n        held.append(socket.socket())\nexcept OSError as exc:\n    error = exc\n"
            "print(d.used_up(error), d.used_up(ValueError('something else')), end=' ')\n"
            "held.clear()\nprint(d.used_up(ValueError('something else')))"
        )
        == "False True True False"
    )


def test_an_error_that_was_raised_from_a_full_table_says_so_later_too() -> None:
    full = OSError(errno.EMFILE, "Too many open files")
    wrapped = ValueError("no address")
    wrapped.__cause__ = full
    assert descriptors.used_up(wrapped)
    assert not descriptors.used_up(OSError(errno.ECONNREFUSED, "refused"))
