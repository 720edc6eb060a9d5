"""What is written is read as the same, and is the documented JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.signaling.lenient_parser import parse_from_gateway
from loadkit.signaling.messages import (
    Answer,
    Close,
    Error,
    IceCandidate,
    Message,
    Offer,
    Ping,
    Pong,
    encode,
)
from loadkit.signaling.modes import LEGACY_MODES, MODES
from loadkit.signaling.strict_parser import parse_from_client

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
