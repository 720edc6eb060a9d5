"""Tokens that the gateway does not know, and whether it minds."""

from __future__ import annotations

import secrets
from typing import Any

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import ExpectationFailed, NotChecked
from loadkit.signaling.urls import ICE_SERVERS_PATH


def made_up_token() -> str:
    """A token that nobody has issued."""
    return f"made-up-{secrets.token_hex(16)}"


async def only_known_tokens(bench: Bench) -> None:
    """Go on only when the gateway tells tokens apart, at either of the places where it is shown one.

    A gateway for practice may take every token, and then there is no wrong one. One that refuses a made-up
    token at one place and takes it at another is at fault, not open.

    :raises NotChecked: it takes every token everywhere.
    """
    answer = await bench.get(ICE_SERVERS_PATH, bearer=made_up_token())
    if answer.status == 401:
        return
    if not await _takes(bench, made_up_token()):
        return
    raise NotChecked("the gateway accepts every token: start it with one to check this")


async def _takes(bench: Bench, token: str) -> bool:
    wire = await bench.wire()
    await wire.send(bench.offer(authToken=token))
    try:
        message: dict[str, Any] = await wire.take("answer", "error", expected="an answer, or an error")
    except ExpectationFailed:
        return False
    return bool(message["type"] == "answer")
