"""``close``: the end of a call, and what comes after it."""

from __future__ import annotations

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import Kind, case, demand
from loadkit.conformance.sources import MESSAGES, both, clients, rfc
from loadkit.conformance.wire import Wire, described

_NOBODY = "00000000-0000-4000-8000-000000000000"


async def _no_error(wire: Wire, after: str) -> None:
    """Nothing but silence, and the socket lives."""
    await wire.alive(after)
    errors = [described(message) for message in wire.untaken("error")]
    demand(not errors, f"no error after {after}", "; ".join(errors))


@case(
    "close.ends-sound",
    "A close ends the sound",
    expect="after a close no RTP comes any more",
    source=both(MESSAGES, rfc(3550, "6.6")),
)
async def ends_sound(bench: Bench) -> None:
    call = await bench.call()
    await call.hears(5, "sound before the close")
    await call.hang_up()
    await call.falls_silent("silence after a close")


@case(
    "close.no-error",
    "A close is no failure",
    expect="after a close no error comes, and the socket goes on",
    source=MESSAGES,
)
async def no_error(bench: Bench) -> None:
    call = await bench.call()
    await call.hears(5, "sound before the close")
    await call.hang_up()
    await call.falls_silent("silence after a close")
    await _no_error(call.wire, "a close")


@case(
    "close.unknown-session",
    "A close for a session that is not there is harmless",
    expect="a close with a sessionId that nobody knows is answered by silence, and the socket goes on",
    source=clients("a close is sent on every end"),
)
async def unknown_session(bench: Bench) -> None:
    wire = await bench.wire()
    await wire.say("close", _NOBODY)
    await _no_error(wire, "a close for an unknown session")


@case(
    "close.twice",
    "A second close is harmless",
    expect="a second close for a session is answered by silence, and the socket goes on",
    source=clients("a close is sent on every end"),
)
async def twice(bench: Bench) -> None:
    wire = await bench.wire()
    session_id = (await bench.answered(wire)).get("sessionId")
    await wire.say("close", session_id)
    await wire.say("close", session_id)
    await _no_error(wire, "a second close")


@case(
    "close.no-session",
    "A close without a session is harmless",
    expect="a close without a sessionId, over a socket where nothing was offered, is answered by silence",
    source=clients("a close is sent on every end"),
    kind=Kind.SHOULD,
)
async def no_session(bench: Bench) -> None:
    wire = await bench.wire()
    await wire.say("close", "")
    await _no_error(wire, "a close without a session")


@case(
    "close.then-ping",
    "A ping right behind a close is answered",
    expect="a ping without a sessionId that follows a close at once, over the same socket, is answered by a pong",
    source=MESSAGES,
)
async def then_ping(bench: Bench) -> None:
    wire = await bench.wire()
    await wire.say("close", (await bench.answered(wire)).get("sessionId"))
    await wire.say("ping", "")
    await wire.take("pong", expected="a pong")


@case(
    "close.then-offer",
    "After a close the same socket can offer again",
    expect="an offer over a socket whose session was closed is answered",
    source=MESSAGES,
    kind=Kind.SHOULD,
)
async def then_offer(bench: Bench) -> None:
    wire = await bench.wire()
    await wire.say("close", (await bench.answered(wire)).get("sessionId"))
    await bench.answered(wire)
