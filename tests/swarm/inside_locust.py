"""Run a piece of code in a process that has imported locust."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

_FRAME = """
import json, sys
import locust
from locust.argument_parser import get_parser
import loadkit.swarm.user
{code}
print(json.dumps(result))
"""

#: Code to begin with: a master that has no worker yet, and one kind of users, which do nothing.
MASTER = """
import gevent, logging
from locust import User, constant, task
from locust.env import Environment
logging.disable(logging.CRITICAL)

class Caller(User):
    wait_time = constant(0)
    @task
    def place(self):
        pass

environment = Environment(user_classes=[Caller])
runner = environment.create_master_runner("127.0.0.1", 0)
"""


def inside_locust(code: str, **environment: str) -> Any:
    """The value that the code leaves in ``result``, by way of JSON."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LOCUST_", "LOADKIT_"))}
    done = subprocess.run(
        [sys.executable, "-c", _FRAME.format(code=textwrap.dedent(code))],
        cwd=ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
