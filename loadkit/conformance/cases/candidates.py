"""ICE candidates, both ways."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Any

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import Case, ExpectationFailed, Kind, case, demand, shown
from loadkit.conformance.media_call import Manner, answer_sdp
from loadkit.conformance.sdp_lines import SdpLines
from loadkit.conformance.sources import ERROR_CODES, MESSAGES, both, clients, rfc
from loadkit.conformance.wire import Message, Wire

#: How long the gateway may gather: STUN and TURN servers that do not answer take seconds.
_GATHERING_S = 30.0
#: After the end of candidates it is listened so long for one more.
_AFTER_END_S = 0.5
_BETWEEN_TRIES_S = 0.1

#: RFC 8839 section 5.1, but for the extensions at the end.
_CANDIDATE = re.compile(
    r"candidate:[A-Za-z0-9+/]{1,32} (?:[1-9]\d{0,2}) [A-Za-z]+ \d{1,10} \S+ \d{1,5} typ (?:host|srflx|prflx|relay)"
    r"(?: raddr \S+ rport \d{1,5})?(?: \S+ \S+)*"
)
#: What Chrome and Firefox send beside UDP candidates; no gateway has to use it.
_TCP = "candidate:1 1 tcp 1518280447 127.0.0.1 9 typ host tcptype active generation 0"
_HARMLESS = "candidate:1 1 udp 2130706431 127.0.0.1 9 typ host"
_NOBODY = "00000000-0000-4000-8000-000000000000"


@case(
    "candidate.well-formed",
    "The gateway's candidates can be read",
    expect="each candidate of the gateway, in the answer or after it, is as RFC 8839 writes it; there is one",
    source=both(MESSAGES, rfc(8839, "5.1"), rfc(8838, "9")),
)
async def well_formed(bench: Bench) -> None:
    wire = await bench.wire()
    answer = await bench.answered(wire)
    in_sdp = SdpLines.of(answer_sdp(answer)).values("candidate")
    for value in in_sdp:
        demand(_CANDIDATE.fullmatch(f"candidate:{value}"), "a candidate line of RFC 8839", shown(value))
    count = len(in_sdp)
    for message in await _gathered(wire, answer):
        line = _line(message)
        if line:
            count += 1
            demand(_CANDIDATE.fullmatch(line), "a candidate line of RFC 8839", shown(line))
    demand(count, "one candidate at least", "none")


@case(
    "candidate.place",
    "The gateway's candidates say where they belong",
    expect="sdpMid of each is the answer's mid or null, sdpMLineIndex 0 or null, and not both are null",
    source=both(MESSAGES, rfc(8840, "4.3")),
    kind=Kind.SHOULD,
)
async def place(bench: Bench) -> None:
    wire = await bench.wire()
    answer = await bench.answered(wire)
    for message in await _gathered(wire, answer):
        data = _data(message)
        mid, index = data.get("sdpMid"), data.get("sdpMLineIndex")
        good = mid in ("0", None) and index in (0, None) and (mid, index) != (None, None)
        demand(
            good or not _line(message), 'sdpMid "0" or sdpMLineIndex 0', f"{shown(mid)} and {shown(index)}"
        )


@case(
    "candidate.session-id",
    "The gateway's candidates name their session",
    expect="each candidate that comes after the answer has the answer's sessionId",
    source=MESSAGES,
)
async def names_session(bench: Bench) -> None:
    wire = await bench.wire()
    answer = await bench.answered(wire)
    # Those that came before the answer may have none: the session has its name from the answer.
    for message in (await _gathered(wire, answer))[wire.candidates_before_answer :]:
        name = message.get("sessionId")
        demand(name == answer.get("sessionId"), "the answer's sessionId", f"sessionId {shown(name)}")


@case(
    "candidate.end-last",
    "The end of candidates comes, and comes last",
    expect="after its candidates the gateway says that no more come, and no more do",
    source=both(MESSAGES, rfc(8838, "13")),
)
async def end_last(bench: Bench) -> None:
    wire = await bench.wire()
    answer = await bench.answered(wire)
    await _until_end(wire, answer, [])
    try:
        late = await wire.take("ice-candidate", expected="", wait=_AFTER_END_S)
    except ExpectationFailed:
        return
    demand(not _line(late), "no candidate after the end of candidates", "one more")


async def _gathered(wire: Wire, answer: Message) -> list[Message]:
    """All candidates up to the end of them; that an end comes is for ``candidate.end-last`` to say."""
    found: list[Message] = []
    with contextlib.suppress(ExpectationFailed):
        await _until_end(wire, answer, found)
    return found


async def _until_end(wire: Wire, answer: Message, found: list[Message]) -> None:
    """Take candidates up to the end of them.

    :param found: they are put here.
    :raises ExpectationFailed: no end came.
    """
    if SdpLines.of(answer_sdp(answer)).has("end-of-candidates"):
        return
    expected = "an end of candidates: an empty candidate, or a=end-of-candidates in the answer"
    while not found or _line(found[-1]):
        found.append(await wire.take("ice-candidate", expected=expected, wait=_patience(wire, found)))


def _patience(wire: Wire, found: list[Message]) -> float:
    return min(_GATHERING_S, 3 * wire.wait) if not found else wire.wait


def _data(message: Message) -> dict[str, Any]:
    data = message.get("data")
    if not isinstance(data, dict):
        raise ExpectationFailed("a candidate's data, an object", shown(data))
    return data


def _line(message: Message) -> str:
    """The candidate line; empty for the end of candidates."""
    line = _data(message).get("candidate")
    if line is not None and not isinstance(line, str):
        raise ExpectationFailed("a candidate that is text", shown(line))
    return line or ""


# What the client sends


def _connects(name: str, title: str, source: str, manner: Manner, kind: Kind = Kind.MUST) -> Case:
    async def check(bench: Bench) -> None:
        call = await bench.call(manner)
        await call.hears(5, "sound")
        errors = [str(_data(message).get("message")) for message in call.wire.untaken("error")]
        demand(not errors, "no error", shown("; ".join(errors)))

    expectation = f"the call connects, without an error, when {title[0].lower()}{title[1:]}"
    return case(f"candidate.{name}", title, expect=expectation, source=source, kind=kind)(check)


manners = [
    _connects(
        "after-answer",
        "Ours come after the answer",
        both(clients("candidates wait for the sessionId"), rfc(8838, "9")),
        Manner(),
    ),
    _connects(
        "before-answer",
        "Ours come before the answer, without a sessionId",
        rfc(8838, "11"),
        Manner(when="before the answer"),
        Kind.SHOULD,
    ),
    _connects(
        "in-offer",
        "All of ours are in the offer",
        both(rfc(8829, "5.2.1"), rfc(8838, "16")),
        Manner(when="in the offer"),
    ),
    _connects("end-empty", "Our end of candidates is empty text", MESSAGES, Manner(end={"candidate": ""})),
    _connects("end-null", "Our end of candidates is null", MESSAGES, Manner(end={"candidate": None})),
    _connects("end-absent", "Our end of candidates has no candidate at all", MESSAGES, Manner(end={})),
    _connects("no-mid", "sdpMid of ours is null", MESSAGES, Manner(mid=None)),
    _connects("no-index", "sdpMLineIndex of ours is null", MESSAGES, Manner(index=None)),
    _connects(
        "no-place", "sdpMid and sdpMLineIndex of ours are null", MESSAGES, Manner(mid=None, index=None)
    ),
    _connects(
        "tcp",
        "One of ours is for TCP, as browsers send it",
        both(rfc(6544, "4.5"), rfc(8829, "3.5.1")),
        Manner(more=(_TCP,)),
    ),
]


@case(
    "candidate.malformed",
    "A candidate that is none does not end the call",
    expect="a candidate that cannot be read: INVALID_MESSAGE, and the session goes on",
    source=ERROR_CODES,
)
async def malformed(bench: Bench) -> None:
    call = await bench.call()
    await call.hears(5, "sound before the candidate")
    await call.wire.candidate(call.session_id, "candidate:garbage")
    await call.wire.error("INVALID_MESSAGE")
    await call.hears(25, "sound after the candidate")


@case(
    "candidate.unknown-session",
    "A candidate for a session that is not there is refused",
    expect="a candidate with a sessionId that nobody knows: INVALID_MESSAGE",
    source=ERROR_CODES,
)
async def unknown_session(bench: Bench) -> None:
    wire = await bench.wire()
    await wire.candidate(_NOBODY, _HARMLESS)
    await wire.error("INVALID_MESSAGE")
    await wire.alive("a candidate for an unknown session")


@case(
    "candidate.no-session",
    "A candidate without a session is refused",
    expect="a candidate without a sessionId over a socket where nothing was offered: INVALID_MESSAGE",
    source=ERROR_CODES,
)
async def no_session(bench: Bench) -> None:
    wire = await bench.wire()
    await wire.candidate("", _HARMLESS)
    await wire.error("INVALID_MESSAGE")


@case(
    "candidate.after-close",
    "A candidate for a session that has ended is refused",
    expect="a candidate for a session that was closed: INVALID_MESSAGE",
    source=ERROR_CODES,
)
async def after_close(bench: Bench) -> None:
    wire = await bench.wire()
    session_id = str((await bench.answered(wire)).get("sessionId"))
    await wire.say("close", session_id)
    await ended(wire, session_id)


async def ended(wire: Wire, session_id: str) -> None:
    """The session must be gone: a candidate for it is refused. Its end may take a moment.

    :raises ExpectationFailed: it is still there.
    """
    expected = "an error INVALID_MESSAGE for a candidate of a session that has ended"
    deadline = asyncio.get_running_loop().time() + wire.wait
    while not wire.untaken("error"):
        if asyncio.get_running_loop().time() > deadline:
            raise ExpectationFailed(expected, f"none within {wire.wait:g} s")
        await wire.candidate(session_id, _HARMLESS)
        await asyncio.sleep(_BETWEEN_TRIES_S)
    await wire.error("INVALID_MESSAGE")
