"""The caller's machine, where no transcript reaches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.signaling.candidates import MAX_CANDIDATES, QUIET_S
from loadkit.signaling.client_protocol import (
    AnswerReceived,
    ClientProtocol,
    ClientState,
    FrameDropped,
    RemoteCandidate,
    RemoteCandidatesEnd,
    RemoteClosed,
)
from loadkit.signaling.messages import Answer, Close, IceCandidate, Offer, encode
from loadkit.signaling.strict_parser import parse_from_client

OFFER = Offer("OFFER-SDP", "token")
ANSWER = encode(Answer("ANSWER-SDP", "S1"))


def established() -> ClientProtocol:
    protocol = ClientProtocol()
    protocol.send_offer(OFFER)
    protocol.receive(ANSWER, 0)
    protocol.data_to_send()
    return protocol


def test_offer_is_sent_once() -> None:
    protocol = established()
    with pytest.raises(
        RuntimeError, match="an offer can be sent once, at the start; the state is ESTABLISHED"
    ):
        protocol.send_offer(OFFER)


def test_answer_must_come_before_it_is_applied() -> None:
    with pytest.raises(RuntimeError, match="before an answer had come"):
        ClientProtocol().answer_applied(0)


@pytest.mark.parametrize("message", [Answer("SDP", "S1"), IceCandidate("candidate:1")])
def test_what_answers_no_offer_is_dropped(message: Answer | IceCandidate) -> None:
    protocol = ClientProtocol()
    (event,) = protocol.receive(encode(message), 0)
    assert isinstance(event, FrameDropped)
    assert "nothing was offered" in event.reason
    assert protocol.state is ClientState.NEW


def test_dropped_frames_are_counted() -> None:
    protocol = established()
    protocol.receive("rubbish", 0)
    protocol.receive(b"rubbish", 0)
    assert protocol.frames_dropped == 2


def test_nothing_is_heard_or_counted_after_the_end() -> None:
    protocol = established()
    protocol.answer_applied(0)
    protocol.receive(encode(IceCandidate("candidate:1", session_id="S1")), 0)
    protocol.receive(encode(IceCandidate("", session_id="S1")), 0)
    protocol.send_close()
    assert protocol.receive("rubbish", 0) == []
    assert protocol.receive(encode(Close("S1")), 0) == []
    assert protocol.next_deadline() is None
    assert protocol.poll(1000) == []
    protocol.send_candidate(IceCandidate("candidate:2"))
    protocol.send_ping()
    assert protocol.frames_dropped == 0
    assert protocol.data_to_send() == [encode(Close("S1"))]


def test_answer_without_a_session_id_establishes_but_nothing_can_be_sent() -> None:
    protocol = ClientProtocol()
    protocol.send_offer(OFFER)
    protocol.data_to_send()
    protocol.send_candidate(IceCandidate("candidate:1"))
    frame = '{"type":"answer","sessionId":5,"data":{"type":"answer","sdp":"SDP"}}'
    assert protocol.receive(frame, 0) == [AnswerReceived("SDP", None)]
    assert protocol.data_to_send() == []
    assert not protocol.resumable
    assert not protocol.send_close()


def test_endless_candidates_are_capped_and_the_rest_counted() -> None:
    protocol = established()
    frame = encode(IceCandidate("candidate:1", session_id="S1"))
    for _ in range(MAX_CANDIDATES + 7):
        protocol.receive(frame, 0)
    assert protocol.frames_dropped == 7
    assert len(protocol.answer_applied(0)) == MAX_CANDIDATES


def test_an_end_of_candidates_in_the_answer_passes_like_one_that_trickles() -> None:
    protocol = ClientProtocol()
    protocol.send_offer(OFFER)
    sdp = "v=0\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\na=end-of-candidates\r\n"
    protocol.receive(encode(Answer(sdp, "S1")), 0)
    assert protocol.answer_applied(0) == []
    assert protocol.next_deadline() == QUIET_S
    assert protocol.poll(QUIET_S) == [RemoteCandidatesEnd()]


def test_frames_that_a_socket_did_not_take_go_first_on_the_next() -> None:
    protocol = established()
    protocol.send_candidate(IceCandidate("candidate:1"))
    unsent = protocol.data_to_send()
    protocol.send_candidate(IceCandidate("candidate:2"))
    protocol.put_back(unsent)
    protocol.connection_lost()
    assert protocol.data_to_send() == []
    protocol.connection_reopened()
    sent = [parse_from_client(frame) for frame in protocol.data_to_send()]
    assert sent == [
        IceCandidate("candidate:1", session_id="S1"),
        IceCandidate("candidate:2", session_id="S1"),
    ]


def test_call_without_an_answer_cannot_be_resumed() -> None:
    protocol = ClientProtocol()
    protocol.send_offer(OFFER)
    assert not protocol.resumable


def test_call_that_the_gateway_ended_is_not_resumed() -> None:
    protocol = established()
    assert protocol.resumable
    assert protocol.receive(encode(Close("S1")), 0) == [RemoteClosed()]
    assert not protocol.resumable


@given(st.lists(st.sampled_from(["local", "remote", "answer"]), max_size=30))
def test_held_candidates_come_out_in_order_exactly_once(script: list[str]) -> None:
    protocol = ClientProtocol()
    protocol.send_offer(OFFER)
    protocol.data_to_send()
    heard: list[str] = []
    sent: list[str] = []
    for number, step in enumerate([*script, "answer"]):
        events = []
        if step == "local":
            protocol.send_candidate(IceCandidate(f"candidate:{number}"))
        elif step == "remote":
            events = protocol.receive(encode(IceCandidate(f"candidate:{number}", session_id="S1")), 0)
        elif protocol.receive(ANSWER, 0) == [AnswerReceived("ANSWER-SDP", "S1")]:
            events = protocol.answer_applied(0)
        heard += [event.candidate.candidate for event in events if isinstance(event, RemoteCandidate)]
        for frame in protocol.data_to_send():
            message = parse_from_client(frame)
            assert isinstance(message, IceCandidate)
            assert message.session_id == "S1"
            sent.append(message.candidate)
    assert sent == [f"candidate:{n}" for n, step in enumerate(script) if step == "local"]
    assert heard == [f"candidate:{n}" for n, step in enumerate(script) if step == "remote"]
