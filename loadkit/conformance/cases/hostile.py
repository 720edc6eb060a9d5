"""What no client should send: each is refused, and nobody else notices."""

from __future__ import annotations

import contextlib

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import Case, ExpectationFailed, case, demand
from loadkit.conformance.sources import ERROR_CODES, both, rfc
from loadkit.conformance.wire import described

_REFUSED = "INVALID_MESSAGE"
_DEEP = 100

#: name, what it is, the frame. Documented: malformed JSON, no object, unknown type, a field of the wrong type.
FRAMES: tuple[tuple[str, str, str | bytes], ...] = (
    ("not-json", "text that is not JSON", "hello"),
    ("cut-short", "JSON that is cut short", '{"type": "ping", "sessionId": "'),
    ("empty", "an empty frame", ""),
    ("nul", "JSON with a NUL in it", '{"type": "ping",\x00 "sessionId": ""}'),
    ("nan", "NaN, which is not JSON", '{"type": "ping", "sessionId": NaN}'),
    ("array", "an array", '["ping"]'),
    ("number", "a number", "42"),
    ("string", "a string", '"ping"'),
    ("null", "null", "null"),
    ("no-type", "an object without a type", '{"sessionId": ""}'),
    ("unknown-type", "a type that nobody knows", '{"type": "renegotiate", "sessionId": ""}'),
    ("type-number", "a type that is a number", '{"type": 1, "sessionId": ""}'),
    ("type-surrogate", "a type that is half a surrogate pair", '{"type": "\\ud800", "sessionId": ""}'),
    (
        "answer",
        "an answer, which only gateways send",
        '{"type": "answer", "sessionId": "", "data": {"type": "answer", "sdp": "v=0"}}',
    ),
    ("session-id-number", "a sessionId that is a number", '{"type": "ping", "sessionId": 7}'),
    ("session-id-object", "a sessionId that is an object", '{"type": "ping", "sessionId": {}}'),
    ("offer-data-text", "an offer whose data is text", '{"type": "offer", "data": "v=0", "authToken": "t"}'),
    (
        "offer-sdp-number",
        "an offer whose SDP is a number",
        '{"type": "offer", "sessionId": "", "data": {"type": "offer", "sdp": 0}, "authToken": "t"}',
    ),
    (
        "offer-token-number",
        "an offer whose token is a number",
        '{"type": "offer", "sessionId": "", "data": {"type": "offer", "sdp": "v=0"}, "authToken": 1}',
    ),
    (
        "offer-mode-list",
        "an offer whose mode is a list",
        '{"type": "offer", "sessionId": "", "data": {"type": "offer", "sdp": "v=0"}, "authToken": "t",'
        ' "mode": ["echo"]}',
    ),
    (
        "candidate-number",
        "a candidate that is a number",
        '{"type": "ice-candidate", "sessionId": "", "data": {"candidate": 1}}',
    ),
    (
        "candidate-index-text",
        "a candidate whose sdpMLineIndex is text",
        '{"type": "ice-candidate", "sessionId": "", "data": {"candidate": "", "sdpMLineIndex": "0"}}',
    ),
    ("deep-arrays", f"arrays {_DEEP} levels deep", "[" * _DEEP + "]" * _DEEP),
    (
        "deep-objects",
        f"a ping with objects {_DEEP} levels deep in it",
        '{"type": "ping", "sessionId": "", "more": ' + '{"a":' * _DEEP + "1" + "}" * _DEEP + "}",
    ),
    ("unclosed-arrays", "ten thousand arrays that are never closed", "[" * 10_000),
    ("megabyte", "a message of 1 MB", '{"type": "ping", "sessionId": "", "more": "' + "x" * 1_000_000 + '"}'),
    ("binary-json", "a binary frame with JSON in it", b'{"type": "ping", "sessionId": ""}'),
    ("binary", "a binary frame with noise in it", bytes(range(256)) * 4),
)


def _refused(name: str, words: str, frame: str | bytes) -> Case:
    async def check(bench: Bench) -> None:
        wire = await bench.wire()
        await wire.refused(frame, _REFUSED)
        await wire.alive(words)

    return case(
        f"hostile.{name}",
        f"{words[0].upper()}{words[1:]} is refused, and the socket goes on",
        expect=f"{words}: {_REFUSED}, and the socket still answers",
        source=both(ERROR_CODES, rfc(8259, "2")) if "JSON" in words else ERROR_CODES,
    )(check)


refused_frames = [_refused(*row) for row in FRAMES]


@case(
    "hostile.live-call",
    "A call does not suffer from what others send",
    expect="a call goes on, its socket without an error, while all of this is sent over another socket",
    source=ERROR_CODES,
    timeout=60.0,
)
async def live_call(bench: Bench) -> None:
    call = await bench.call()
    await call.hears(5, "sound before anything hostile")
    wire = await bench.wire()
    for _name, _words, frame in FRAMES:
        # How it is refused, and whether the socket lives on, is for the other cases to say.
        try:
            await wire.send(frame)
        except ExpectationFailed:
            wire = await bench.wire()
    with contextlib.suppress(ExpectationFailed):
        await wire.alive("everything hostile")
    await call.hears(25, "sound after everything hostile")
    await call.wire.alive("hostile frames over another socket")
    errors = [described(message) for message in call.wire.untaken("error")]
    demand(not errors, "no error for the call", "; ".join(errors))


@case(
    "hostile.own-call",
    "A call does not suffer from what its own socket sends",
    expect="a call goes on after a frame that is not JSON came over its own socket",
    source=ERROR_CODES,
)
async def own_call(bench: Bench) -> None:
    call = await bench.call()
    await call.hears(5, "sound before anything hostile")
    await call.wire.send("hello")
    await call.hears(25, "sound after a frame that is not JSON")
    await call.wire.alive("a frame that is not JSON")
