"""The gateway's machine, where no transcript reaches, and both machines joined."""

from __future__ import annotations

import pytest

from loadkit.signaling.candidates import MAX_CANDIDATES
from loadkit.signaling.client_protocol import AnswerReceived, ClientProtocol, ClientState
from loadkit.signaling.lenient_parser import parse_from_gateway
from loadkit.signaling.messages import Close, Error, IceCandidate, Offer, Ping
from loadkit.signaling.server_protocol import ClientCandidate, ServerProtocol, ServerState
from loadkit.signaling.strict_parser import parse_from_client

OFFER = Offer("OFFER-SDP", "token")


def test_session_has_one_offer() -> None:
    session = ServerProtocol("S1")
    session.receive(OFFER)
    assert session.receive(OFFER) == []
    (frame,) = session.data_to_send()
    assert parse_from_gateway(frame) == Error("INVALID_MESSAGE", "the session already has its offer")


def test_answer_needs_an_offer() -> None:
    with pytest.raises(RuntimeError, match="an answer goes to an open offer; the state is NEW"):
        ServerProtocol("S1").send_answer("SDP")


def test_candidates_before_the_answer_come_with_it_in_order() -> None:
    session = ServerProtocol("S1")
    session.receive(OFFER)
    candidates = [IceCandidate(f"candidate:{n}", session_id="S1") for n in range(3)]
    for candidate in candidates:
        assert session.receive(candidate) == []
    assert session.send_answer("SDP") == [ClientCandidate(candidate) for candidate in candidates]


def test_too_many_candidates_before_the_answer_are_refused() -> None:
    session = ServerProtocol("S1")
    session.receive(OFFER)
    for _ in range(MAX_CANDIDATES + 1):
        session.receive(IceCandidate("candidate:1"))
    (frame,) = session.data_to_send()
    assert parse_from_gateway(frame) == Error(
        "INVALID_MESSAGE", f"more than {MAX_CANDIDATES} candidates before the answer"
    )
    assert len(session.send_answer("SDP")) == MAX_CANDIDATES


def test_ended_session_says_nothing_more() -> None:
    session = ServerProtocol("S1")
    session.receive(OFFER)
    session.send_answer("SDP")
    session.send_close()
    session.data_to_send()
    session.send_close()
    session.send_error("HANDLER_ERROR", "too late")
    session.send_candidate(IceCandidate("candidate:1"))
    assert session.receive(Ping("S1")) == []
    assert session.receive(Close("S1")) == []
    assert session.data_to_send() == []
    assert session.state is ServerState.CLOSED


def test_two_machines_joined_make_a_call() -> None:
    caller, session = ClientProtocol(), ServerProtocol("S1")
    caller.send_offer(OFFER)
    for frame in caller.data_to_send():
        session.receive(parse_from_client(frame))
    session.send_answer("SDP")
    heard = [event for frame in session.data_to_send() for event in caller.receive(frame, 0)]
    assert heard == [AnswerReceived("SDP", "S1")]
    assert caller.state is ClientState.ESTABLISHED
    assert session.state is ServerState.ANSWERED
