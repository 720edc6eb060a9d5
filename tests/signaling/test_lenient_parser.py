"""A caller reads what it can use, and says why it drops the rest."""

from __future__ import annotations

import json

import pytest

from loadkit.signaling.lenient_parser import UnusableFrame, parse_from_gateway
from loadkit.signaling.messages import UNKNOWN_CODE, Close, Error, IceCandidate


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b'{"type":"close"}', "it is binary, not text"),
        ("{", "it is not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))"),
        ("[" * 100_000, "its JSON is nested too deeply"),
        ('{"type":"close","x":Infinity}', "it is not JSON (Infinity is not a JSON number)"),
        ("3", "it is JSON, but not an object"),
        ("{}", "it has no type"),
        ('{"type":"ping"}', "its type 'ping' is unknown here"),
        ('{"type":"answer"}', "it is an answer without an SDP"),
        ('{"type":"answer","data":[]}', "it is an answer without an SDP"),
        ('{"type":"ice-candidate"}', "it is an ice-candidate without data"),
        (
            '{"type":"ice-candidate","data":{"candidate":{}}}',
            "it is an ice-candidate whose candidate is not a string",
        ),
    ],
)
def test_unusable_frame_says_why(frame: str | bytes, reason: str) -> None:
    with pytest.raises(UnusableFrame) as caught:
        parse_from_gateway(frame)
    assert caught.value.reason == reason
    assert str(caught.value) == f"the frame cannot be used: {reason}"


@pytest.mark.parametrize("value", [7, True, [], {}, 1.5, None, ""])
def test_session_id_that_is_no_text_is_dropped(value: object) -> None:
    assert parse_from_gateway(json.dumps({"type": "close", "sessionId": value})) == Close(None)


@pytest.mark.parametrize("value", ["0", True, -1, 65536, 0.5, [], None])
def test_mline_index_that_is_none_is_dropped(value: object) -> None:
    frame = json.dumps({"type": "ice-candidate", "data": {"candidate": "c", "sdpMLineIndex": value}})
    assert parse_from_gateway(frame) == IceCandidate("c")


@pytest.mark.parametrize("data", [{}, {"candidate": None}, {"candidate": ""}])
def test_empty_or_missing_candidate_is_the_end(data: object) -> None:
    message = parse_from_gateway(json.dumps({"type": "ice-candidate", "data": data}))
    assert isinstance(message, IceCandidate)
    assert message.end_of_candidates


@pytest.mark.parametrize("data", [None, [], {}, {"code": 7}, {"code": ""}])
def test_error_without_code_is_still_an_error(data: object) -> None:
    assert parse_from_gateway(json.dumps({"type": "error", "data": data})) == Error(UNKNOWN_CODE, "")


def test_lone_surrogate_is_replaced_and_a_pair_is_kept() -> None:
    frame = r'{"type":"error","data":{"code":"A\ud800B","message":"\ud83d\ude00"}}'
    assert parse_from_gateway(frame) == Error("A\ufffdB", "😀")
