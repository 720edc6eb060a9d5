"""``python -m loadkit`` in a process of its own: pandas, and drawing pictures, would hold up Locust's heartbeats."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PACKAGE_PARENT = str(Path(__file__).resolve().parents[2])


def run_subcommand(arguments: Sequence[str], seconds: float) -> int:
    """Run it without our token; returns its exit code.

    :raises OSError: it could not be started.
    :raises subprocess.TimeoutExpired: it took longer than ``seconds``, and was ended.
    """
    environment = {key: value for key, value in os.environ.items() if key != "LOADKIT_AUTH_TOKEN"}
    environment["PYTHONPATH"] = os.pathsep.join(
        filter(None, [_PACKAGE_PARENT, environment.get("PYTHONPATH")])
    )
    # A session of its own: a second Ctrl-C must not cost the report.
    done = subprocess.run(
        [sys.executable, "-m", "loadkit", *arguments],
        env=environment,
        timeout=seconds,
        start_new_session=True,
        check=False,
    )
    return done.returncode
