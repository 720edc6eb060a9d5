"""The gateway's signaling machine, one for each session, without its sockets: messages in, events out, text to send.

    state       what happens                state after  what it does
    ----------  --------------------------  -----------  ----------------------------------------------
    NEW         offer in                    OFFERED      OfferReceived
    other       offer in                    the same     sends error INVALID_MESSAGE
    OFFERED     send_answer                 ANSWERED     sends it; ClientCandidate for each that was held
    OFFERED     candidate in                OFFERED      holds it
    ANSWERED    candidate, end in           ANSWERED     ClientCandidate, ClientCandidatesEnd
    not CLOSED  ping in                     the same     sends pong
    not CLOSED  send_candidate, send_error  the same     sends it
    not CLOSED  close in                    CLOSED       ClientClosed
    not CLOSED  send_close                  CLOSED       sends close
    CLOSED      anything                    CLOSED       nothing

It has an outbox: what it wants to send waits there until ``data_to_send()`` hands it over. The machine at the
other end is in ``client_protocol.py``.
"""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass
from typing import TypeAlias

from .candidates import MAX_CANDIDATES
from .messages import Answer, Close, Error, IceCandidate, Message, Offer, Ping, Pong, encode
from .modes import resolve_mode


@dataclass(frozen=True, slots=True)
class OfferReceived:
    """A client asks for a call: check its token, then answer or refuse."""

    offer: Offer
    mode: str
    """The canonical mode, see :mod:`~loadkit.signaling.modes`."""


@dataclass(frozen=True, slots=True)
class ClientCandidate:
    """Hand this candidate to ICE; it is never the end of candidates."""

    candidate: IceCandidate


@dataclass(frozen=True, slots=True)
class ClientCandidatesEnd:
    """Tell ICE that no more candidates will come."""


@dataclass(frozen=True, slots=True)
class ClientClosed:
    """The client ended the call."""


ServerEvent: TypeAlias = OfferReceived | ClientCandidate | ClientCandidatesEnd | ClientClosed


class ServerState(enum.Enum):
    """States of a session; see the table at the top of the file."""

    NEW = enum.auto()
    OFFERED = enum.auto()
    ANSWERED = enum.auto()
    CLOSED = enum.auto()


class ServerProtocol:
    """The gateway's side of one session.

    It is about a session, not about a socket: a fresh socket may continue the session, so whoever
    owns the sockets reads frames with :func:`~.strict_parser.parse_from_client`, finds the session by
    ``sessionId``, and sends what :meth:`data_to_send` returns over the session's latest socket.

    :param session_id: the name to give the session, not empty.
    :param max_candidates: candidates that are held before the answer.
    """

    def __init__(self, session_id: str, max_candidates: int = MAX_CANDIDATES) -> None:
        self.state = ServerState.NEW
        self.session_id = session_id
        self._max_candidates = max_candidates
        self._held: list[IceCandidate] = []
        self._outbox: list[str] = []

    def receive(self, message: Message) -> list[ServerEvent]:
        """Take a message that belongs to this session."""
        if self.state is ServerState.CLOSED:
            return []
        match message:
            case Offer():
                if self.state is not ServerState.NEW:
                    self.send_error("INVALID_MESSAGE", "the session already has its offer")
                    return []
                self.state = ServerState.OFFERED
                return [OfferReceived(message, resolve_mode(message.mode))]
            case IceCandidate():
                if self.state is ServerState.ANSWERED:
                    return [self._candidate_event(message)]
                if len(self._held) < self._max_candidates:
                    self._held.append(message)
                else:
                    self.send_error(
                        "INVALID_MESSAGE", f"more than {self._max_candidates} candidates before the answer"
                    )
            case Close():
                self.state = ServerState.CLOSED
                return [ClientClosed()]
            case Ping():
                self._outbox.append(encode(Pong(message.session_id)))
        return []

    @staticmethod
    def _candidate_event(candidate: IceCandidate) -> ServerEvent:
        return ClientCandidatesEnd() if candidate.end_of_candidates else ClientCandidate(candidate)

    def data_to_send(self) -> list[str]:
        """Frames for the session's socket, each handed over once."""
        outbox, self._outbox = self._outbox, []
        return outbox

    def send_answer(self, sdp: str) -> list[ServerEvent]:
        """Take the call; returns the candidates that came before.

        :raises RuntimeError: there is no offer to answer.
        """
        if self.state is not ServerState.OFFERED:
            raise RuntimeError(f"an answer goes to an open offer; the state is {self.state.name}")
        self.state = ServerState.ANSWERED
        self._outbox.append(encode(Answer(sdp, self.session_id)))
        held, self._held = self._held, []
        return [self._candidate_event(candidate) for candidate in held]

    def send_candidate(self, candidate: IceCandidate) -> None:
        """Tell a candidate of the gateway at once, also before the answer: clients hold it.

        Its own ``session_id`` is ignored.
        """
        if self.state is not ServerState.CLOSED:
            self._outbox.append(encode(dataclasses.replace(candidate, session_id=self.session_id)))

    def send_error(self, code: str, message: str) -> None:
        """Report a refusal or a failure; before the answer without ``sessionId``: there is no session yet."""
        if self.state is not ServerState.CLOSED:
            session_id = self.session_id if self.state is ServerState.ANSWERED else None
            self._outbox.append(encode(Error(code, message, session_id)))

    def send_close(self) -> None:
        """End the call well; nothing is sent when it has ended already."""
        if self.state is not ServerState.CLOSED:
            self.state = ServerState.CLOSED
            self._outbox.append(encode(Close(self.session_id)))
