"""Whatever a frame holds, it is read or refused, by both parsers alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.signaling.frames import MAX_DEPTH
from loadkit.signaling.lenient_parser import UnusableFrame, parse_from_gateway
from loadkit.signaling.messages import Ping, encode
from loadkit.signaling.strict_parser import InvalidMessage, parse_from_client

# Any JSON that Python can write, NaN and lone surrogates included.
any_text = st.text(st.characters())
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=8,
)
# Objects that look like messages, so that the parsers get past the first line.
near_messages = st.fixed_dictionaries(
    {},
    optional={
        "type": any_json
        | st.sampled_from(["offer", "answer", "ice-candidate", "close", "error", "ping", "pong"]),
        "sessionId": any_json,
        "data": any_json
        | st.fixed_dictionaries(
            {},
            optional={
                "type": any_json | st.just("offer"),
                "sdp": any_json,
                "candidate": any_json,
                "sdpMid": any_json,
                "sdpMLineIndex": any_json,
                "code": any_json,
                "message": any_json,
            },
        ),
        "authToken": any_json,
        "mode": any_json,
        "callSid": any_json,
        "agentVersionOverride": any_json
        | st.fixed_dictionaries(
            {}, optional={"artifactVersion": any_json, "lambdaDeploymentVersion": any_json}
        ),
    },
)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_may_be_nested_so_deep_and_no_deeper(opening: str, closing: str) -> None:
    def ping(levels: int) -> str:
        inner = opening * levels + "1" + closing * levels
        return f'{{"type": "ping", "extra": {inner}}}'

    assert parse_from_client(ping(MAX_DEPTH - 1)) == Ping()
    with pytest.raises(InvalidMessage, match="nested more than 32 levels deep"):
        parse_from_client(ping(MAX_DEPTH))


# Never anything but the documented errors


def read_both_ways(frame: str | bytes) -> None:
    for parse, error in ((parse_from_gateway, UnusableFrame), (parse_from_client, InvalidMessage)):
        message, sentence = None, ""
        try:
            message = parse(frame)
        except error as exc:
            sentence = str(exc)
        # A sentence is for a log line; what came through can be written, sent and stored.
        assert len(sentence) < 300
        sentence.encode("utf-8")
        if message is not None:
            encode(message).encode("utf-8")
            repr(message).encode("utf-8")


@given(any_text)
def test_any_text_is_read_or_refused(text: str) -> None:
    read_both_ways(text)


@given(any_json)
def test_any_json_is_read_or_refused(document: Any) -> None:
    read_both_ways(json.dumps(document))


@given(near_messages)
def test_any_near_message_is_read_or_refused(document: Any) -> None:
    read_both_ways(json.dumps(document))


@pytest.mark.parametrize(
    "frame",
    [
        "[" * 500_000,
        '{"type":' * 100_000,
        '{"type":"pong","sessionId":' + "9" * 5_000 + "}",
        '{"type":"pong","x":1e999999}',
        '{"type":"error","data":{"code":"X","message":"' + "m" * 1_000_000 + '"}}',
        "x" * 1_000_000,
        "\ufeff{}",
        "",
        b"\x00\xff",
        b'{"type":"close"}',
    ],
    ids=lambda frame: repr(frame[:20]),
)
def test_hostile_frame_is_read_or_refused(frame: str | bytes) -> None:
    read_both_ways(frame)
