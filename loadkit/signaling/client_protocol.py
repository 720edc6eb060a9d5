"""The caller's signaling machine, where no socket can reach it: text in, events out, text to send.

    state        what happens            state after  what it does
    -----------  ----------------------  -----------  --------------------------------------------
    NEW          send_offer              OFFERED      sends the offer
    NEW          answer, candidate in    NEW          drops it: nothing was offered
    OFFERED      answer in               ESTABLISHED  AnswerReceived; sends the held local candidates
    ESTABLISHED  answer in               ESTABLISHED  drops it: a session has one answer
    OFFERED      send_candidate          OFFERED      holds it: the sessionId is not known
    ESTABLISHED  send_candidate          ESTABLISHED  sends it
    OFFERED      candidate, end in       OFFERED      holds it: ICE knows no ufrag yet
    ESTABLISHED  answer_applied          ESTABLISHED  RemoteCandidate for each that was held
    ESTABLISHED  candidate, end in       ESTABLISHED  RemoteCandidate; RemoteCandidatesEnd when due
    not CLOSED   error in                the same     GatewayErrorReceived; the caller decides
    not CLOSED   close in                CLOSED       RemoteClosed
    not CLOSED   pong in                 the same     PongReceived
    not CLOSED   what cannot be used     the same     FrameDropped, counted
    any          send_close              CLOSED       sends close, once, if a sessionId is known
    CLOSED       anything in             CLOSED       nothing: it crossed with the end, and is no fault

It has an outbox: what it wants to send waits there until ``data_to_send()`` hands it over. The machine at the
other end is in ``server_protocol.py``.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .candidates import RemoteCandidates
from .lenient_parser import UnusableFrame, parse_from_gateway
from .messages import Answer, Close, Error, IceCandidate, Offer, Ping, Pong, encode


@dataclass(frozen=True, slots=True)
class AnswerReceived:
    """The gateway took the call: apply the SDP, then call :meth:`ClientProtocol.answer_applied`."""

    sdp: str
    session_id: str | None
    """None when the gateway named none that can be read: nothing more can be sent, audio can flow."""


@dataclass(frozen=True, slots=True)
class RemoteCandidate:
    """Hand this candidate to ICE; it is never the end of candidates."""

    candidate: IceCandidate


@dataclass(frozen=True, slots=True)
class RemoteCandidatesEnd:
    """Tell ICE that no more candidates will come."""


@dataclass(frozen=True, slots=True)
class RemoteClosed:
    """The gateway ended the call well: the agent hung up."""


@dataclass(frozen=True, slots=True)
class GatewayErrorReceived:
    """The gateway refused or failed."""

    code: str
    """Verbatim, see :class:`~.messages.Error`."""
    message: str
    """Untrusted text; may be empty."""


@dataclass(frozen=True, slots=True)
class FrameDropped:
    """A frame could not be used; the call goes on."""

    reason: str
    """A clause that begins with the frame, such as "it is binary, not text"."""


@dataclass(frozen=True, slots=True)
class PongReceived:
    """The gateway answered a ping."""


ClientEvent: TypeAlias = (
    AnswerReceived
    | RemoteCandidate
    | RemoteCandidatesEnd
    | RemoteClosed
    | GatewayErrorReceived
    | FrameDropped
    | PongReceived
)


class ClientState(enum.Enum):
    """States of a caller; see the table at the top of the file."""

    NEW = enum.auto()
    OFFERED = enum.auto()
    ESTABLISHED = enum.auto()
    CLOSED = enum.auto()


class ClientProtocol:
    """The caller's side of one call's signaling.

    It outlives the socket: after :meth:`connection_lost` what is to be sent waits for
    :meth:`connection_reopened`, and the gateway knows the session again by its ``sessionId``.

    ``now`` is any monotonic clock in seconds, the same in every call.

    :param remote: the rules for remote candidates.
    """

    def __init__(self, remote: RemoteCandidates | None = None) -> None:
        self.state = ClientState.NEW
        self.session_id: str | None = None
        """The name that the gateway gave the session; None until an answer brings it."""
        self.frames_dropped = 0
        """Frames from the gateway that could not be used."""
        self._remote = RemoteCandidates() if remote is None else remote
        self._answer_sdp = ""
        self._held: list[IceCandidate] = []
        self._outbox: list[str] = []
        self._connected = True
        self._close_sent = False

    @property
    def resumable(self) -> bool:
        """Whether a fresh socket can continue the session: it has a name and has not ended."""
        return self.session_id is not None and self.state is ClientState.ESTABLISHED

    @property
    def end_of_candidates_early(self) -> bool | None:
        """Whether the gateway told of candidates after the end of them; None when it never told the end."""
        return self._remote.end_came_early

    # In

    def receive(self, frame: str | bytes, now: float) -> list[ClientEvent]:
        """Take a frame from the socket."""
        if self.state is ClientState.CLOSED:
            return []
        try:
            message = parse_from_gateway(frame)
        except UnusableFrame as exc:
            return self._drop(exc.reason)
        if message.session_id and self.session_id and message.session_id != self.session_id:
            return self._drop("it belongs to another session")
        match message:
            case Answer():
                return self._receive_answer(message)
            case IceCandidate():
                return self._receive_candidate(message, now)
            case Close():
                self.state = ClientState.CLOSED
                return [RemoteClosed()]
            case Error():
                return [GatewayErrorReceived(message.code, message.message)]
            case Pong():
                return [PongReceived()]
        raise AssertionError(f"a gateway does not send {type(message).__name__}")

    def _receive_answer(self, answer: Answer) -> list[ClientEvent]:
        if self.state is ClientState.NEW:
            return self._drop("it is an answer, and nothing was offered")
        if self.state is ClientState.ESTABLISHED:
            return self._drop("it is a second answer")
        self.state = ClientState.ESTABLISHED
        self.session_id = answer.session_id
        self._answer_sdp = answer.sdp
        if self.session_id is not None:
            held, self._held = self._held, []
            for candidate in held:
                self._send_candidate(candidate)
        return [AnswerReceived(answer.sdp, answer.session_id)]

    def _receive_candidate(self, candidate: IceCandidate, now: float) -> list[ClientEvent]:
        if self.state is ClientState.NEW:
            return self._drop("it is an ice-candidate, and nothing was offered")
        if candidate.end_of_candidates:
            self._remote.end_received(now)
        elif not self._remote.candidate_received(candidate, now):
            return self._drop("it is an ice-candidate after the end, or one too many")
        return self.poll(now)

    def _drop(self, reason: str) -> list[ClientEvent]:
        self.frames_dropped += 1
        return [FrameDropped(reason)]

    def answer_applied(self, now: float) -> list[ClientEvent]:
        """ICE has the answer: hand over the remote candidates that were held.

        :raises RuntimeError: no answer has come.
        """
        if not self._answer_sdp:
            raise RuntimeError("answer_applied() was called before an answer had come")
        lines = self._answer_sdp.splitlines()
        self._remote.answer_applied(candidates_in_sdp=any(line.startswith("a=candidate:") for line in lines))
        # RFC 8840: the SDP itself can say that all candidates are in it.
        if "a=end-of-candidates" in lines:
            self._remote.end_received(now)
        return self.poll(now)

    def poll(self, now: float) -> list[ClientEvent]:
        """Events that time alone has made due; call it at :meth:`next_deadline`, or at any time."""
        if self.state is ClientState.CLOSED:
            return []
        candidates, end = self._remote.poll(now)
        events: list[ClientEvent] = [RemoteCandidate(candidate) for candidate in candidates]
        if end:
            events.append(RemoteCandidatesEnd())
        return events

    def next_deadline(self) -> float | None:
        """When :meth:`poll` has something to say if no frame comes before; None while it has not."""
        return None if self.state is ClientState.CLOSED else self._remote.next_deadline()

    # Out

    def data_to_send(self) -> list[str]:
        """Frames for the socket, each handed over once; none while the socket is lost."""
        if not self._connected:
            return []
        outbox, self._outbox = self._outbox, []
        return outbox

    def send_offer(self, offer: Offer) -> None:
        """Ask for the call.

        :raises RuntimeError: an offer was sent already, or the call has ended.
        """
        if self.state is not ClientState.NEW:
            raise RuntimeError(f"an offer can be sent once, at the start; the state is {self.state.name}")
        self.state = ClientState.OFFERED
        self._outbox.append(encode(offer))

    def send_candidate(self, candidate: IceCandidate) -> None:
        """Tell a local candidate, or the end of them, as soon as the ``sessionId`` is known.

        Its own ``session_id`` is ignored. After the end of the call nothing is sent.
        """
        if self.state is ClientState.CLOSED:
            return
        if self.session_id is None:
            self._held.append(candidate)
        else:
            self._send_candidate(candidate)

    def _send_candidate(self, candidate: IceCandidate) -> None:
        self._outbox.append(encode(dataclasses.replace(candidate, session_id=self.session_id)))

    def send_ping(self) -> None:
        """Ask the gateway for a sign of life; nothing after the end of the call.

        After a reconnect it also shows the gateway which socket the session now has.
        """
        if self.state is not ClientState.CLOSED:
            self._outbox.append(encode(Ping(self.session_id)))

    def send_close(self) -> bool:
        """End the call, whatever its state; True when this queued a ``close``.

        The official clients send one on every end, also after an ``error`` or a ``close`` from the
        gateway, but only when they know a ``sessionId``, and only once.
        """
        self.state = ClientState.CLOSED
        if self.session_id is None or self._close_sent:
            return False
        self._close_sent = True
        self._outbox.append(encode(Close(self.session_id)))
        return True

    # The socket

    def put_back(self, frames: Sequence[str]) -> None:
        """Frames out of :meth:`data_to_send` that the socket did not take; they go first next time."""
        self._outbox[:0] = frames

    def connection_lost(self) -> None:
        """The socket is gone: keep what is to be sent. See :attr:`resumable`."""
        self._connected = False

    def connection_reopened(self) -> None:
        """A fresh socket is there: what was kept goes to it."""
        self._connected = True
