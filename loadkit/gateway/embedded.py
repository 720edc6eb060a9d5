"""The gateway as a child process, for a load test that has none to point at.

Plain blocking Python, for the Locust process: under gevent's monkey patching its waits are cooperative.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from loadkit.errors import GatewayStartError
from loadkit.gateway.settings import GatewaySettings

logger = logging.getLogger(__name__)

_TOKENS_VARIABLE = GatewaySettings.env_var("tokens")
#: On loopback, between a test and its own gateway, there is nothing to verify.
_TLS_VARIABLES = [GatewaySettings.env_var(name) for name in ("tls", "tls_folder", "tls_cert", "tls_key")]

#: A child that cannot come up ends at once and says why; one that can may take long on a machine full of others.
_START_S = 60.0
#: Longer than the child takes to end its sessions and sockets, so that it is not killed over it.
_STOP_S = 15.0
#: Lines of the child's standard error that are passed on.
_LAST_LINES = 10


class EmbeddedGateway:
    """One child process with a gateway on a free loopback port.

    The child ends with :meth:`stop` and, however this process ends, when the pipe to its standard input
    closes. It has a session of its own, so that Ctrl-C at the terminal does not end it before the calls.

    :param arguments: more options of ``python -m loadkit gateway``; no secrets, others can see them.
    """

    def __init__(self, arguments: Sequence[str] = ()) -> None:
        self._arguments = list(arguments)
        self._child: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None
        self._started_by = 0

    @property
    def pid(self) -> int | None:
        """The child's process; None while there is none."""
        return self._child.pid if self._child else None

    def start(self, tokens: Sequence[str]) -> str:
        """Start the child and return its URL; with no tokens it accepts any that is not empty.

        :raises GatewayStartError: it did not come up; with the last lines it said.
        """
        if self._child is not None:
            raise RuntimeError("the embedded gateway is running already")
        if any("," in token or token != token.strip() for token in tokens):
            raise GatewayStartError(
                "the embedded gateway cannot be given a token with a comma in it or a space around it"
            )
        # A file and not a pipe: nobody has to read it in time, and a stalled parent does not stall the child.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop()
        self._started_by = os.getpid()
        self._child = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "loadkit.gateway",
                "--port",
                "0",
                "--until-stdin-closes",
                *self._arguments,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=_environment(tokens),
            start_new_session=True,
        )
        line = self._first_line(self._child)
        try:
            return str(json.loads(line)["url"])
        except (ValueError, KeyError, TypeError):
            said = "; ".join(self._last_lines()) or "it said nothing"
            self.stop()
            raise GatewayStartError(
                f"the embedded gateway did not come up within {_START_S:g} s: {said}"
            ) from None

    def stop(self) -> None:
        """End the child: ask, wait, kill. May be called more than once; a forked copy does nothing."""
        child, self._child = self._child, None
        if child is None or self._started_by != os.getpid():
            return
        assert child.stdin is not None
        assert child.stdout is not None
        with contextlib.suppress(OSError):
            child.stdin.close()
        # Closing is not enough when this process was forked meanwhile: the copies hold the pipe open.
        child.terminate()
        try:
            child.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()
        for line in self._last_lines():
            logger.warning("embedded gateway: %s", line)
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None

    def _first_line(self, child: subprocess.Popen[bytes]) -> bytes:
        """The child's ready line; empty when none comes in time, or the child ends first."""
        assert child.stdout is not None
        stdout = child.stdout
        lines: list[bytes] = []
        # A thread, since a pipe has no read time-out. It ends with the child at the latest.
        reader = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
        reader.start()
        reader.join(_START_S)
        return lines[0] if lines else b""

    def _last_lines(self) -> list[str]:
        if self._stderr is None:
            return []
        # The child writes through the same file description, so its position is not touched here.
        size = os.fstat(self._stderr.fileno()).st_size
        tail = os.pread(self._stderr.fileno(), 16_384, max(0, size - 16_384))
        return tail.decode("utf-8", "replace").splitlines()[-_LAST_LINES:]


def _environment(tokens: Sequence[str]) -> dict[str, str]:
    """The child's environment: this one's, with its tokens, without TLS and the token that callers use."""
    environment = dict(os.environ)
    for name in ("LOADKIT_AUTH_TOKEN", _TOKENS_VARIABLE, *_TLS_VARIABLES):
        environment.pop(name, None)
    if tokens:
        environment[_TOKENS_VARIABLE] = ",".join(tokens)
    # Also when loadkit runs out of a checkout and the current folder is another.
    package_folder = str(Path(__file__).resolve().parents[2])
    inherited = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = os.pathsep.join([package_folder, *([inherited] if inherited else [])])
    return environment
