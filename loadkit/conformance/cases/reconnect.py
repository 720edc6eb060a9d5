"""A session outlives its socket, and belongs to whoever began it."""

from __future__ import annotations

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import ExpectationFailed, Kind, case, demand, shown
from loadkit.conformance.cases.refusals import TOKEN_INVALID
from loadkit.conformance.media_call import MediaCall
from loadkit.conformance.sources import ERROR_CODES, RECONNECT, both, clients
from loadkit.conformance.tokens import made_up_token
from loadkit.conformance.wire import Wire

_HALF_A_SECOND = 25


async def _torn_call(bench: Bench) -> tuple[MediaCall, Wire]:
    """A call whose socket was torn, and a fresh socket that has shown itself by a ping."""
    call = await bench.call()
    await call.hears(5, "sound before the socket was torn")
    await call.wire.drop()
    fresh = await bench.wire()
    await fresh.say("ping", call.session_id)
    return call, fresh


@case(
    "reconnect.ping",
    "A fresh socket can ping a session whose own was torn",
    expect="a ping with the sessionId over a fresh socket is answered by a pong there",
    source=both(RECONNECT, clients("reconnecting")),
)
async def ping(bench: Bench) -> None:
    _call, fresh = await _torn_call(bench)
    await fresh.take("pong", expected="a pong over the fresh socket")


@case(
    "reconnect.sound",
    "Sound goes on without a socket, and after a fresh one",
    expect="sound comes while a call has no socket, and after a fresh socket has gone on with it",
    source=both(RECONNECT, clients("reconnecting")),
)
async def sound(bench: Bench) -> None:
    call = await bench.call()
    await call.hears(5, "sound before the socket was torn")
    await call.wire.drop()
    await call.hears(_HALF_A_SECOND, "sound while there is no socket")
    fresh = await bench.wire()
    await fresh.say("ping", call.session_id)
    await call.hears(_HALF_A_SECOND, "sound after a fresh socket has gone on")


@case(
    "reconnect.close",
    "A fresh socket can end the call",
    expect="a close with the sessionId over a fresh socket ends the call",
    source=RECONNECT,
)
async def close(bench: Bench) -> None:
    call, fresh = await _torn_call(bench)
    await call.hears(5, "sound before the call is closed over a fresh socket")
    await fresh.say("close", call.session_id)
    await call.falls_silent("silence after a close over a fresh socket")


@case(
    "reconnect.before-candidates",
    "A call whose socket is torn before its candidates still connects",
    expect="candidates with the sessionId over a fresh socket are taken, and the call connects",
    source=both(RECONNECT, clients("reconnecting")),
    kind=Kind.SHOULD,
)
async def before_candidates(bench: Bench) -> None:
    call = await bench.new_call()
    await call.offer()
    await call.wire.drop()
    call.wire = await bench.wire()
    await call.trickle()
    await call.join()


@case(
    "reconnect.answers-there",
    "An answer comes over the socket that asked",
    expect="a ping with a sessionId over a second open socket is answered there",
    source=RECONNECT,
    kind=Kind.SHOULD,
)
async def answers_there(bench: Bench) -> None:
    session_id = (await bench.answered(await bench.wire())).get("sessionId")
    second = await bench.wire()
    await second.say("ping", session_id)
    await second.take("pong", expected="a pong over the second socket")


@case(
    "reconnect.other-token-upgrade",
    "Whoever shows another token at the upgrade cannot take a session over",
    expect=(
        f"a close over a socket opened with another token: UNAUTHORIZED {TOKEN_INVALID!r}, or no upgrade;"
        " the call goes on"
    ),
    source=both(RECONNECT, ERROR_CODES),
)
async def other_token_upgrade(bench: Bench) -> None:
    call = await bench.call()
    await call.hears(5, "sound before the other socket")
    try:
        thief = await bench.wire(bearer=made_up_token())
    except ExpectationFailed as exc:
        demand(exc.seen.startswith(("HTTP 401", "HTTP 403")), "HTTP 401 or 403, or an upgrade", exc.seen)
    else:
        await thief.say("close", call.session_id)
        await _refused(thief)
    await call.hears(_HALF_A_SECOND, "sound after another token's close")


@case(
    "reconnect.other-token-message",
    "Whoever shows another token in a message cannot take a session over",
    expect=f"a close with another authToken: UNAUTHORIZED {TOKEN_INVALID!r}; the call goes on",
    source=both(RECONNECT, ERROR_CODES),
)
async def other_token_message(bench: Bench) -> None:
    call = await bench.call()
    await call.hears(5, "sound before the other socket")
    thief = await bench.wire()
    await thief.say("close", call.session_id, authToken=made_up_token())
    await _refused(thief)
    await call.hears(_HALF_A_SECOND, "sound after another token's close")


async def _refused(thief: Wire) -> None:
    # A close is answered by silence when it is taken: ask for a sign of life behind it.
    await thief.say("ping", "")
    data = await thief.error("UNAUTHORIZED")
    message = data.get("message")
    demand(message == TOKEN_INVALID, f"the message {TOKEN_INVALID!r}", shown(message))
