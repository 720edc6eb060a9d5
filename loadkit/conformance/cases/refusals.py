"""Offers that a gateway refuses, and how it says so."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import Case, Kind, NotChecked, case, demand, shown
from loadkit.conformance.media_call import take_answer
from loadkit.conformance.offers import ABSENT
from loadkit.conformance.sources import ERROR_CODES, MESSAGES, MODES, both, rfc, signaling
from loadkit.conformance.target import ECHO
from loadkit.conformance.tokens import made_up_token, only_known_tokens

TOKEN_REQUIRED = "Auth token required"  # noqa: S105 - a message
TOKEN_INVALID = "Invalid authentication token"  # noqa: S105 - a message
_NOBODY = "00000000-0000-4000-8000-000000000000"


async def _refused(bench: Bench, code: str, **fields: Any) -> str:
    """The message of the refusal; the socket must go on."""
    wire = await bench.wire()
    data = await wire.refused(bench.offer(**fields), code)
    await wire.alive(f"{code}")
    return str(data.get("message"))


async def _no_token(bench: Bench, token: Any) -> None:
    message = await _refused(bench, "UNAUTHORIZED", authToken=token)
    demand(message == TOKEN_REQUIRED, f"the message {TOKEN_REQUIRED!r}", shown(message))


without_token = [
    case(
        f"refusal.{name}-token",
        f"An offer whose token is {words} is refused",
        expect=f"an offer whose authToken is {words}: UNAUTHORIZED {TOKEN_REQUIRED!r}",
        source=ERROR_CODES,
    )(partial(_no_token, token=token))
    for name, words, token in (("no", "not there", ABSENT), ("null", "null", None), ("empty", "empty", ""))
]

#: A shorter token may stand in a sentence by chance.
_TELLING = 8


@case(
    "refusal.wrong-token",
    "An offer with a wrong token is refused",
    expect=f"an offer with a token that is not accepted: UNAUTHORIZED {TOKEN_INVALID!r}",
    source=ERROR_CODES,
)
async def wrong_token(bench: Bench) -> None:
    await only_known_tokens(bench)
    message = await _refused(bench, "UNAUTHORIZED", authToken=made_up_token())
    demand(message == TOKEN_INVALID, f"the message {TOKEN_INVALID!r}", shown(message))


@case(
    "refusal.token-not-repeated",
    "A refusal does not repeat the token",
    expect="the error for an offer that cannot be taken does not hold the offer's token",
    source=rfc(6750, "5.3"),
    kind=Kind.SHOULD,
)
async def token_not_repeated(bench: Bench) -> None:
    wire = await bench.wire()
    token = bench.target.token
    if len(token) < _TELLING:
        raise NotChecked(f"the token has fewer than {_TELLING} characters, which any sentence may hold")
    # Cut short, so that a parser that quotes what it could not read would quote the token.
    text = bench.offer()
    for frame in (text[: text.index(token) + len(token)], bench.offer(data="v=0")):
        data = await wire.refused(frame, "INVALID_MESSAGE", "INVALID_ARGUMENT")
        demand(token not in json.dumps(dict(data)), "an error without the token", "the token is in it")


@case(
    "refusal.echo-in-production",
    "A production gateway refuses echo",
    expect="an offer with mode echo: FORBIDDEN, before there is a session",
    source=both(MODES, ERROR_CODES),
)
async def echo_in_production(bench: Bench) -> None:
    if not bench.plan.production:
        raise NotChecked("for production gateways only: say --production")
    await _refused(bench, "FORBIDDEN", mode=ECHO)


@case(
    "refusal.unknown-mode",
    "A mode that nobody knows is refused",
    expect="an offer with an unknown mode: INVALID_ARGUMENT",
    source=both(MODES, ERROR_CODES),
)
async def unknown_mode(bench: Bench) -> None:
    await _refused(bench, "INVALID_ARGUMENT", mode="loud")


def _half_override(name: str, field: str) -> Case:
    return case(
        f"refusal.half-override-{name}",
        f"agentVersionOverride with {field} alone is refused",
        expect=f"an offer whose agentVersionOverride has only {field}: INVALID_ARGUMENT",
        source=both(MESSAGES, ERROR_CODES),
    )(partial(_refused_only, code="INVALID_ARGUMENT", agentVersionOverride={field: "1"}))


async def _refused_only(bench: Bench, code: str, **fields: Any) -> None:
    await _refused(bench, code, **fields)


half_overrides = [
    _half_override("artifact", "artifactVersion"),
    _half_override("lambda", "lambdaDeploymentVersion"),
]

incomplete = [
    case(
        f"refusal.{name}",
        f"An offer {words} is refused",
        expect=f"an offer {words}: INVALID_MESSAGE",
        source=ERROR_CODES,
    )(partial(_refused_only, code="INVALID_MESSAGE", data=data))
    for name, words, data in (
        ("no-data", "without data", ABSENT),
        ("no-sdp", "without an SDP", {"type": "offer"}),
        ("empty-sdp", "with an empty SDP", {"type": "offer", "sdp": ""}),
    )
]


@case(
    "refusal.offer-for-unknown-session",
    "An offer for a session that is not there is refused",
    expect="an offer with a sessionId that nobody knows: INVALID_MESSAGE",
    source=both(MESSAGES, ERROR_CODES),
    kind=Kind.SHOULD,
)
async def unknown_session(bench: Bench) -> None:
    await _refused(bench, "INVALID_MESSAGE", sessionId=_NOBODY)


@case(
    "refusal.second-offer",
    "A second offer does not harm a session",
    expect="a second offer in a session: an error, or an answer to a renegotiation; the call goes on",
    source=both(MESSAGES, rfc(3264, "8")),
)
async def second_offer(bench: Bench) -> None:
    call = await bench.call()
    await call.hears(5, "sound before the second offer")
    # The same ICE and DTLS as before: a gateway that renegotiates has nothing to set up anew.
    await call.wire.send(bench.offer(call.offer_sdp().text(), sessionId=call.session_id, mode=call.mode))
    await call.wire.take("error", "answer", expected="an error, or an answer")
    await call.hears(25, "sound after the second offer")
    await call.wire.say("ping", call.session_id)
    await call.wire.alive("a second offer")


@case(
    "refusal.then-right",
    "After a refusal the same socket can offer again",
    expect="an offer that is right is answered over a socket where one was refused",
    source=signaling("errors"),
)
async def then_right(bench: Bench) -> None:
    wire = await bench.wire()
    await wire.send(bench.offer(mode="loud"))
    await wire.take("error", "answer", expected="an error")
    await wire.send(bench.offer())
    await take_answer(wire, bench.plan.mode)


@case(
    "refusal.error-form",
    "An error has a code and a message",
    expect='an error is {"type": "error", "data": {"code", "message"}}, both text and not empty',
    source=MESSAGES,
)
async def error_form(bench: Bench) -> None:
    wire = await bench.wire()
    await wire.send("{}")
    data = (await wire.take("error", expected="an error")).get("data")
    demand(isinstance(data, dict), "data, an object", shown(data))
    for name in ("code", "message"):
        text = data.get(name) if isinstance(data, dict) else None
        demand(isinstance(text, str) and text.strip(), f"data.{name}, a text that is not empty", shown(text))
