"""Runs ``python -m loadkit call`` as a user does, and sees that it never shows the token."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: A secret that must turn up nowhere.
TOKEN = "s3cret-connector-token-0cc175b9"

_LIMIT_S = 150


@dataclass(frozen=True)
class Ended:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output, when it is one JSON document."""
        read: dict[str, Any] = json.loads(self.out)
        return read

    def events(self, name: str) -> list[dict[str, Any]]:
        """The data of the document's events of one name."""
        return [event["data"] for event in self.document["events"] if event["event"] == name]


def environment(token: str | None = TOKEN, **more: str) -> dict[str, str]:
    """Of the command: nothing of this test's own settings."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("LOCUST_", "LOADKIT_"))}
    given = {} if token is None else {"LOADKIT_AUTH_TOKEN": token}
    return {**inherited, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **given, **more}


async def start(*arguments: str, token: str | None = TOKEN, **more: str) -> asyncio.subprocess.Process:
    """The command, running."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "loadkit",
        "call",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(token, **more),
        limit=2**24,
    )


async def ended(process: asyncio.subprocess.Process, before: str = "") -> Ended:
    """Wait for its end; ``before`` is what was read already of its output."""
    try:
        async with asyncio.timeout(_LIMIT_S):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    left = Ended(process.returncode, before + out.decode(), err.decode())
    assert TOKEN not in left.out + left.err
    assert "Traceback" not in left.err, left.err
    return left


async def call(*arguments: str, token: str | None = TOKEN, **more: str) -> Ended:
    """The command, from start to end."""
    return await ended(await start(*arguments, token=token, **more))


async def read_until(process: asyncio.subprocess.Process, text: str) -> str:
    """Its output up to the line that holds a text."""
    assert process.stdout is not None
    seen = ""
    async with asyncio.timeout(_LIMIT_S):
        async for line in process.stdout:
            seen += line.decode()
            if text in seen:
                return seen
    raise AssertionError(f"{text!r} was never printed:\n{seen}")
