"""``ping`` and ``pong`` messages."""

from __future__ import annotations

import json

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import Kind, case, demand, shown
from loadkit.conformance.sources import MESSAGES


async def _pong(bench: Bench, ping: dict[str, object]) -> None:
    wire = await bench.wire()
    await wire.send(json.dumps(ping))
    await wire.take("pong", expected="a pong")


@case(
    "ping.without-session",
    "A ping without a session is answered",
    expect='a ping with sessionId "" is answered by a pong',
    source=MESSAGES,
)
async def without_session(bench: Bench) -> None:
    await _pong(bench, {"type": "ping", "sessionId": ""})


@case(
    "ping.null-session",
    "A ping with sessionId null is answered",
    expect="a ping with sessionId null is answered by a pong",
    source=MESSAGES,
)
async def null_session(bench: Bench) -> None:
    await _pong(bench, {"type": "ping", "sessionId": None})


@case(
    "ping.no-session-id",
    "A ping that has no sessionId at all is answered",
    expect="a ping without the field sessionId is answered by a pong",
    source=MESSAGES,
    kind=Kind.SHOULD,
)
async def no_session_id(bench: Bench) -> None:
    await _pong(bench, {"type": "ping"})


@case(
    "ping.in-session",
    "A ping of a session is answered for that session",
    expect="a ping with the sessionId of a session is answered by a pong with the same sessionId",
    source=MESSAGES,
)
async def in_session(bench: Bench) -> None:
    wire = await bench.wire()
    session_id = (await bench.answered(wire)).get("sessionId")
    await wire.say("ping", session_id)
    pong = await wire.take("pong", expected="a pong")
    # Clients ignore what is in it, so an empty one harms nobody.
    fitting = pong.get("sessionId") in (session_id, "", None)
    demand(fitting, "the session's own sessionId, or none", f"sessionId {shown(pong.get('sessionId'))}")


@case(
    "ping.unknown-session",
    "A ping for an unknown session is answered, one way or another",
    expect="a ping with a sessionId that nobody knows is answered by a pong or by an error INVALID_MESSAGE",
    source=MESSAGES,
    kind=Kind.SHOULD,
)
async def unknown_session(bench: Bench) -> None:
    wire = await bench.wire()
    await wire.say("ping", "00000000-0000-4000-8000-000000000000")
    await wire.take("pong", "error", expected="a pong, or an error")
