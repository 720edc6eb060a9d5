"""Each hand-written conversation in tests/data/signaling is replayed against both machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadkit.signaling.client_protocol import (
    AnswerReceived,
    ClientEvent,
    ClientProtocol,
    FrameDropped,
    GatewayErrorReceived,
    PongReceived,
    RemoteCandidate,
    RemoteCandidatesEnd,
    RemoteClosed,
)
from loadkit.signaling.lenient_parser import parse_from_gateway
from loadkit.signaling.messages import Answer, Close, Error, IceCandidate, Offer, Pong
from loadkit.signaling.server_protocol import (
    ClientCandidate,
    ClientCandidatesEnd,
    ClientClosed,
    OfferReceived,
    ServerEvent,
    ServerProtocol,
)
from loadkit.signaling.strict_parser import parse_from_client

FOLDER = Path(__file__).parent.parent / "data" / "signaling"
TRANSCRIPTS = sorted(FOLDER.glob("*.txt"))


def lines_of(path: Path) -> Iterator[tuple[str, str, str]]:
    """(place, sign, rest) of each line that says something."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line and not line.startswith("#"):
            sign, _, rest = line.partition(" ")
            yield f"{path.name}:{number}", sign, rest


def word_of(event: ClientEvent | ServerEvent) -> str:
    match event:
        case AnswerReceived():
            return f"answer {event.sdp}"
        case RemoteCandidate() | ClientCandidate():
            return f"candidate {event.candidate.candidate}"
        case RemoteCandidatesEnd() | ClientCandidatesEnd():
            return "end"
        case RemoteClosed() | ClientClosed():
            return "closed"
        case GatewayErrorReceived():
            return f"error {event.code} {event.message}".rstrip()
        case FrameDropped():
            return f"dropped {event.reason}"
        case PongReceived():
            return "pong"
        case OfferReceived():
            return f"offer {event.mode}"


class Caller:
    """The caller's application, driven by a transcript."""

    def __init__(self) -> None:
        self.protocol = ClientProtocol()
        self.now = 100.0
        self.events: list[str] = []
        self.sent: list[str] = []

    def step(self, sign: str, rest: str) -> None:
        if sign == "*":
            verb, _, argument = rest.partition(" ")
            self.act(verb, argument)
        elif sign in ("<", "<!"):
            self.note(self.protocol.receive(rest, self.now))
        elif sign == ">":
            assert json.loads(self.sent.pop(0)) == json.loads(rest)
        elif sign == ">!":
            self.sent.pop(0)
        elif sign == "=":
            assert self.events.pop(0) == rest
        self.sent += self.protocol.data_to_send()

    def note(self, events: list[ClientEvent]) -> None:
        self.events += [word_of(event) for event in events]

    def act(self, verb: str, argument: str) -> None:
        match verb:
            case "offer":
                self.protocol.send_offer(Offer("OFFER-SDP", "token", mode="end-to-end", call_sid="call-1"))
            case "candidate":
                data = json.loads(argument)
                self.protocol.send_candidate(
                    IceCandidate(data["candidate"], data["sdpMid"], data["sdpMLineIndex"])
                )
            case "applied":
                self.note(self.protocol.answer_applied(self.now))
            case "ping":
                self.protocol.send_ping()
            case "close":
                assert self.protocol.send_close()
            case "close-unsent":
                assert not self.protocol.send_close()
            case "lost":
                self.protocol.connection_lost()
                assert self.protocol.resumable
            case "reopened":
                self.protocol.connection_reopened()
            case "wait":
                # Half a microsecond more: sums of decimal fractions are not exact.
                self.now += float(argument) + 5e-7
                self.note(self.protocol.poll(self.now))
            case _:
                pytest.fail(f"no such verb: {verb}")


class Gateway:
    """The gateway's application: it sends what the transcript says it sends."""

    def __init__(self) -> None:
        self.protocol = ServerProtocol("S1")
        self.events: list[str] = []

    def step(self, sign: str, rest: str) -> None:
        if sign in (">", ">!"):
            self.note(self.protocol.receive(parse_from_client(rest)))
        elif sign == "<":
            self.send(rest)
            (sent,) = self.protocol.data_to_send()
            assert json.loads(sent) == json.loads(rest)
        elif sign == "~":
            assert self.events.pop(0) == rest

    def note(self, events: list[ServerEvent]) -> None:
        self.events += [word_of(event) for event in events]

    def send(self, frame: str) -> None:
        message = parse_from_gateway(frame)
        match message:
            case Answer():
                self.note(self.protocol.send_answer(message.sdp))
            case IceCandidate():
                self.protocol.send_candidate(message)
            case Error():
                self.protocol.send_error(message.code, message.message)
            case Close():
                self.protocol.send_close()
            case Pong():
                pass  # sent by itself, as the answer to a ping
            case _:
                pytest.fail(f"a gateway does not send {message}")


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
@pytest.mark.parametrize("side", [Caller, Gateway])
def test_machine_follows_the_transcript(side: type[Caller] | type[Gateway], path: Path) -> None:
    machine = side()
    for place, sign, rest in lines_of(path):
        assert sign in ("*", ">", ">!", "<", "<!", "=", "~"), place
        try:
            machine.step(sign, rest)
        except (AssertionError, IndexError) as exc:
            raise AssertionError(f"{place}: {exc!r}, events not spoken of: {machine.events}") from exc
    assert machine.events == [], "events that no line speaks of"
    assert machine.protocol.data_to_send() == [], "frames that no line speaks of"
    if isinstance(machine, Caller):
        assert machine.sent == [], "frames that no line speaks of"


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 11
