"""Offers that a gateway takes."""

from __future__ import annotations

from functools import partial
from typing import Any

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import Case, ExpectationFailed, Kind, NotChecked, case, demand, shown
from loadkit.conformance.media_call import answer_sdp, take_answer
from loadkit.conformance.offers import ABSENT, CHROME_SDP, FIREFOX_SDP
from loadkit.conformance.sources import MESSAGES, MODES, both, clients, rfc, signaling
from loadkit.conformance.target import ECHO
from loadkit.conformance.wire import described

#: Refusals that say that a mode is not known; any other has understood it.
_NOT_UNDERSTOOD = ("INVALID_ARGUMENT", "INVALID_MESSAGE")


@case(
    "offer.answered",
    "An offer is answered",
    expect='an offer with sessionId "" is answered by {"type": "answer", "data": {"type": "answer", "sdp"}}',
    source=MESSAGES,
)
async def answered(bench: Bench) -> None:
    answer_sdp(await bench.answered(await bench.wire()))


@case(
    "offer.null-session-id",
    "An offer with sessionId null is answered",
    expect="an offer with sessionId null, as the official clients send it, is answered",
    source=clients("the offer"),
)
async def null_session_id(bench: Bench) -> None:
    await bench.answered(await bench.wire(), sessionId=None)


@case(
    "offer.no-session-id",
    "An offer without the field sessionId is answered",
    expect="an offer without sessionId is answered",
    source=MESSAGES,
    kind=Kind.SHOULD,
)
async def no_session_id(bench: Bench) -> None:
    await bench.answered(await bench.wire(), sessionId=ABSENT)


@case(
    "offer.session-id",
    "The answer names the session",
    expect="the answer has a sessionId that is text and not empty",
    source=MESSAGES,
)
async def session_id(bench: Bench) -> None:
    name = (await bench.answered(await bench.wire())).get("sessionId")
    demand(isinstance(name, str) and name, "a sessionId that is not empty", f"sessionId {shown(name)}")


@case(
    "offer.session-id-unique",
    "No two sessions have the same name",
    expect="two calls, the second after the end of the first, have different sessionIds",
    source=MESSAGES,
)
async def session_id_unique(bench: Bench) -> None:
    wire = await bench.wire()
    first = (await bench.answered(wire)).get("sessionId")
    await wire.say("close", first)
    second = (await bench.answered(await bench.wire())).get("sessionId")
    demand(first != second, "two different sessionIds", f"{shown(first)} twice")


@case(
    "offer.unknown-fields",
    "Fields that nobody knows are ignored",
    expect="an offer with unknown fields, outside and inside of data, is answered",
    source=signaling("compatibility"),
    kind=Kind.SHOULD,
)
async def unknown_fields(bench: Bench) -> None:
    data = {"type": "offer", "sdp": CHROME_SDP, "futureField": [1, {"a": None}]}
    await bench.answered(await bench.wire(), data=data, futureField={"nested": True}, another=1.5)


@case(
    "offer.all-fields",
    "All documented fields are taken",
    expect="an offer with callSid, caller, callee and both halves of agentVersionOverride is not INVALID",
    source=MESSAGES,
)
async def all_fields(bench: Bench) -> None:
    override = {"artifactVersion": "conformance", "lambdaDeploymentVersion": "conformance"}
    await _understood(
        bench,
        callSid="conformance",
        caller="+441632960000",
        callee="+441632960001",
        agentVersionOverride=override,
    )


@case(
    "offer.null-fields",
    "null in an optional field is as if it were not there",
    expect="an offer whose optional fields are null is answered",
    source=clients("the offer"),
    kind=Kind.SHOULD,
)
async def null_fields(bench: Bench) -> None:
    names = ("callSid", "caller", "callee", "agentVersionOverride")
    await bench.answered(await bench.wire(), **dict.fromkeys(names))


@case(
    "offer.chrome",
    "What Chrome offers is answered with Opus",
    expect="an offer with eight codecs and header extensions is answered, Opus among the codecs",
    source=both(signaling("supported browsers"), rfc(8829, "5.3.1")),
)
async def chrome(bench: Bench) -> None:
    _demand_opus(await bench.answer_sdp(CHROME_SDP), 111)


@case(
    "offer.firefox",
    "What Firefox offers is answered with Opus",
    expect="an offer with fingerprint and trickle for the whole session is answered, Opus among the codecs",
    source=both(signaling("supported browsers"), rfc(8829, "5.3.1"), rfc(8122, "5")),
)
async def firefox(bench: Bench) -> None:
    _demand_opus(await bench.answer_sdp(FIREFOX_SDP), 109)


def _demand_opus(sdp: str, payload_type: int) -> None:
    line = f"a=rtpmap:{payload_type} opus/48000/2"
    demand(line in sdp.splitlines(), line, "an answer without it")


async def _understood(bench: Bench, **fields: Any) -> None:
    """The offer is answered, or refused for another reason than that it was not understood."""
    wire = await bench.wire()
    await wire.send(bench.offer(**fields))
    message = await wire.take("answer", "error", expected="an answer")
    data = message.get("data")
    if message["type"] == "error" and isinstance(data, dict) and data.get("code") in _NOT_UNDERSTOOD:
        raise ExpectationFailed("an answer, or a refusal that has understood it", described(message))


async def _mode_answered(bench: Bench, mode: Any) -> None:
    if mode == ECHO and bench.plan.production:
        raise NotChecked("a production gateway refuses echo: see refusal.echo-in-production")
    wire = await bench.wire()
    await wire.send(bench.offer(mode=mode))
    await take_answer(wire, mode if isinstance(mode, str) else "default")


def _legacy(name: str) -> Case:
    return case(
        f"offer.mode-{name}",
        f"The older mode name {name} is understood",
        expect=f"an offer with mode {name} is answered, or refused for another reason than its mode",
        source=MODES,
    )(partial(_understood, mode=name))


canonical_modes = [
    case(
        f"offer.mode-{mode}",
        f"The mode {mode} is taken",
        expect=f"an offer with mode {mode} is answered",
        source=MODES,
    )(partial(_mode_answered, mode=mode))
    for mode in ("end-to-end", "traditional", ECHO)
]

default_modes = [
    case(
        f"offer.mode-{name}",
        f"An offer whose mode is {words} is answered",
        expect=f"an offer whose mode is {words} is answered: end-to-end is meant",
        source=MODES,
    )(partial(_mode_answered, mode=mode))
    for name, words, mode in (("absent", "not there", ABSENT), ("null", "null", None))
]

legacy_modes = [_legacy(name) for name in ("agent", "agent_v1", "agent_v2", "cascaded", "normal", "realtime")]
