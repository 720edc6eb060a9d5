"""The messages, their JSON and the two parsers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.signaling.messages import (
    MAX_DEPTH,
    UNKNOWN_CODE,
    Answer,
    Close,
    Error,
    IceCandidate,
    InvalidMessage,
    Message,
    Offer,
    Ping,
    Pong,
    UnusableFrame,
    encode,
    parse_from_client,
    parse_from_gateway,
)
from loadkit.signaling.modes import LEGACY_MODES, MODES

texts = st.text(st.characters(exclude_categories=["Cs"]))
full_texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
maybe_texts = st.none() | texts
session_ids = st.none() | full_texts
candidates = st.builds(IceCandidate, texts, maybe_texts, st.none() | st.integers(0, 65535), session_ids)
closes = st.builds(Close, session_ids)


@st.composite
def offers(draw: st.DrawFn) -> Offer:
    versions = draw(st.just((None, None)) | st.tuples(full_texts, full_texts))
    return Offer(
        sdp=draw(full_texts),
        auth_token=draw(full_texts),
        session_id=draw(session_ids),
        mode=draw(st.none() | st.sampled_from([*MODES, *LEGACY_MODES])),
        call_sid=draw(maybe_texts),
        caller=draw(maybe_texts),
        callee=draw(maybe_texts),
        account_id=draw(maybe_texts),
        project_id=draw(maybe_texts),
        variant_id=draw(maybe_texts),
        artifact_version=versions[0],
        lambda_deployment_version=versions[1],
    )


from_clients = offers() | candidates | closes | st.builds(Ping, session_ids)
from_gateways = (
    st.builds(Answer, full_texts, session_ids)
    | candidates
    | closes
    | st.builds(Error, full_texts, texts, session_ids)
    | st.builds(Pong, session_ids)
)

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


# Writing


@given(from_clients)
def test_gateway_reads_what_a_client_writes(message: Message) -> None:
    assert parse_from_client(encode(message)) == message


@given(from_gateways)
def test_client_reads_what_a_gateway_writes(message: Message) -> None:
    assert parse_from_gateway(encode(message)) == message


def test_smallest_offer_leaves_out_what_it_has_not() -> None:
    assert json.loads(encode(Offer("SDP", "secret"))) == {
        "type": "offer",
        "sessionId": "",
        "data": {"type": "offer", "sdp": "SDP"},
        "authToken": "secret",
    }


def test_largest_offer_has_every_documented_field() -> None:
    offer = Offer(
        sdp="SDP",
        auth_token="secret",
        mode="echo",
        call_sid="sid",
        caller="+441",
        callee="+442",
        account_id="a",
        project_id="p",
        variant_id="v",
        artifact_version="7",
        lambda_deployment_version="8",
    )
    assert json.loads(encode(offer)) == {
        "type": "offer",
        "sessionId": "",
        "data": {"type": "offer", "sdp": "SDP"},
        "authToken": "secret",
        "mode": "echo",
        "callSid": "sid",
        "caller": "+441",
        "callee": "+442",
        "accountId": "a",
        "projectId": "p",
        "variantId": "v",
        "agentVersionOverride": {"artifactVersion": "7", "lambdaDeploymentVersion": "8"},
    }


def test_candidate_writes_null_for_what_it_has_not() -> None:
    assert json.loads(encode(IceCandidate("", session_id="S1"))) == {
        "type": "ice-candidate",
        "sessionId": "S1",
        "data": {"candidate": "", "sdpMid": None, "sdpMLineIndex": None},
    }


def test_what_is_written_is_ascii_even_with_a_lone_surrogate() -> None:
    assert encode(Offer("SDP", "secret", caller="\ud800é")).isascii()


def test_token_is_not_in_the_repr() -> None:
    assert "secret" not in repr(Offer("SDP", "secret"))


def test_half_a_version_override_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="agentVersionOverride needs both"):
        Offer("SDP", "secret", artifact_version="7")


# Bounds


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_json_may_be_nested_so_deep_and_no_deeper(opening: str, closing: str) -> None:
    def ping(levels: int) -> str:
        inner = opening * levels + "1" + closing * levels
        return f'{{"type": "ping", "extra": {inner}}}'

    assert parse_from_client(ping(MAX_DEPTH - 1)) == Ping()
    with pytest.raises(InvalidMessage, match="nested more than 32 levels deep"):
        parse_from_client(ping(MAX_DEPTH))


@pytest.mark.parametrize("kind", ["ice-candidate", "close", "ping"])
def test_a_client_may_show_its_token_in_any_message(kind: str) -> None:
    message = parse_from_client(json.dumps({"type": kind, "data": {}, "authToken": "secret"}))
    assert isinstance(message, (IceCandidate, Close, Ping))
    assert message.auth_token == "secret"
    assert "secret" not in repr(message)
    assert "secret" not in encode(message)


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


# The client forgives


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


# The gateway does not


def offer_with(**changes: object) -> str:
    document: dict[str, object] = {
        "type": "offer",
        "data": {"type": "offer", "sdp": "SDP"},
        "authToken": "t0ken",
    }
    return json.dumps(document | changes)


def refusal(frame: str | bytes) -> tuple[str, str]:
    with pytest.raises(InvalidMessage) as caught:
        parse_from_client(frame)
    assert str(caught.value) == f"{caught.value.code}: {caught.value.message}"
    assert "t0ken" not in str(caught.value)
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (b"{}", "the message cannot be read: it is binary, not text"),
        ("[" * 100_000, "the message cannot be read: its JSON is nested too deeply"),
        ("[]", "the message cannot be read: it is JSON, but not an object"),
        ("{}", "the message cannot be read: it has no type"),
        ('{"type":"dance"}', "the message cannot be read: its type 'dance' is unknown here"),
        ('{"type":"answer"}', "the message cannot be read: its type 'answer' is unknown here"),
        ('{"type":"close","sessionId":7}', "sessionId must be a string"),
        ('{"type":"ice-candidate"}', "data must be an object"),
        ('{"type":"ice-candidate","data":{"candidate":7}}', "data.candidate must be a string"),
        ('{"type":"ice-candidate","data":{"sdpMid":0}}', "data.sdpMid must be a string"),
        (
            '{"type":"ice-candidate","data":{"sdpMLineIndex":"0"}}',
            "data.sdpMLineIndex must be an integer from 0 to 65535",
        ),
        (offer_with(data=None), "data must be an object"),
        (offer_with(data={"type": "offer"}), "an offer needs an SDP in data.sdp"),
        (offer_with(data={"type": "offer", "sdp": 1}), "data.sdp must be a string"),
        (offer_with(data={"type": "answer", "sdp": "S"}), "data.type of an offer must be 'offer'"),
        (offer_with(callSid=5), "callSid must be a string"),
        (offer_with(mode=["echo"]), "mode must be a string"),
        (offer_with(authToken=5), "authToken must be a string"),
        (offer_with(agentVersionOverride="7"), "agentVersionOverride must be an object"),
        (
            offer_with(agentVersionOverride={"artifactVersion": 7}),
            "agentVersionOverride.artifactVersion must be a string",
        ),
    ],
)
def test_malformed_message_is_refused_in_words(frame: str | bytes, message: str) -> None:
    assert refusal(frame) == ("INVALID_MESSAGE", message)


@pytest.mark.parametrize("override", [{"artifactVersion": "7"}, {"lambdaDeploymentVersion": "7"}])
def test_half_a_version_override_is_an_invalid_argument(override: object) -> None:
    assert refusal(offer_with(agentVersionOverride=override)) == (
        "INVALID_ARGUMENT",
        "agentVersionOverride needs both artifactVersion and lambdaDeploymentVersion",
    )


def test_unknown_mode_is_an_invalid_argument() -> None:
    code, message = refusal(offer_with(mode="psychic"))
    assert code == "INVALID_ARGUMENT"
    assert message.startswith("unknown mode 'psychic'")


@pytest.mark.parametrize("token", [None, ""])
def test_missing_token_is_refused_in_the_documented_words(token: object) -> None:
    assert refusal(offer_with(authToken=token)) == ("UNAUTHORIZED", "Auth token required")


def test_missing_token_is_reported_before_a_wrong_value() -> None:
    assert refusal(offer_with(authToken=None, mode="psychic"))[0] == "UNAUTHORIZED"


def test_null_is_the_same_as_missing() -> None:
    frame = offer_with(sessionId=None, mode=None, callSid=None, caller=None, agentVersionOverride=None)
    assert parse_from_client(frame) == Offer("SDP", "t0ken")


def test_empty_version_override_is_none() -> None:
    assert parse_from_client(offer_with(agentVersionOverride={})) == Offer("SDP", "t0ken")
