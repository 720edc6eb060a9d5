"""A gateway says what is wrong with a message, with the documented code."""

from __future__ import annotations

import json

import pytest

from loadkit.signaling.messages import Close, IceCandidate, Offer, Ping, encode
from loadkit.signaling.strict_parser import InvalidMessage, parse_from_client


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


@pytest.mark.parametrize("kind", ["ice-candidate", "close", "ping"])
def test_a_client_may_show_its_token_in_any_message(kind: str) -> None:
    message = parse_from_client(json.dumps({"type": kind, "data": {}, "authToken": "secret"}))
    assert isinstance(message, (IceCandidate, Close, Ping))
    assert message.auth_token == "secret"
    assert "secret" not in repr(message)
    assert "secret" not in encode(message)
