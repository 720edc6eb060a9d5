"""The messages of the signaling WebSocket, and their JSON.

    offer          client → gateway   {"type", "sessionId": "", "data": {"type", "sdp"}, "authToken", …}
    answer         gateway → client   {"type", "sessionId", "data": {"type", "sdp"}}
    ice-candidate  both               {"type", "sessionId", "data": {"candidate", "sdpMid", "sdpMLineIndex"}}
    close          both               {"type", "sessionId"}
    error          gateway → client   {"type", "sessionId", "data": {"code", "message"}}
    ping           client → gateway   {"type", "sessionId"}
    pong           gateway → client   {"type", "sessionId"}

A client may add its ``authToken`` to any message; an offer needs it.

Each message is one JSON object in one text frame (``frames.py``). There are two parsers because the two
sides forgive differently: a caller drops what it cannot use (``lenient_parser.py``), a gateway says what is
wrong, in an ``error`` with a code (``strict_parser.py``).

A ``sessionId`` of ``null``, ``""`` and none at all mean the same, and are ``None`` here; it is written as
``""``. Text is untrusted: it has no lone surrogates (they become U+FFFD), and nothing else is promised.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TypeAlias

#: The ``code`` of an ``error`` message that carries none that can be read.
UNKNOWN_CODE = "UNKNOWN"

#: ``sdpMLineIndex`` is an unsigned short (W3C WebRTC, RTCIceCandidate).
MAX_MLINE_INDEX = 65535


@dataclass(frozen=True, slots=True)
class Offer:
    """A client asks for a call.

    :raises ValueError: one of the two agent versions is given without the other.
    """

    sdp: str
    """The session description, RFC 8829."""
    auth_token: str = dataclasses.field(repr=False)
    """Connector token or Studio JWT: a secret, therefore not in the ``repr``."""
    session_id: str | None = None
    """None: the gateway assigns it, in the answer."""
    mode: str | None = None
    """As the client wrote it, see :func:`~.modes.resolve_mode`; None for the gateway's default."""
    call_sid: str | None = None
    """The caller's own name for the call; None when not given, as all that follow."""
    caller: str | None = None
    """Who calls, usually a telephone number."""
    callee: str | None = None
    """Who is called."""
    account_id: str | None = None
    """The customer's account."""
    project_id: str | None = None
    """The agent's project in the account."""
    variant_id: str | None = None
    """The variant of the project."""
    artifact_version: str | None = None
    """Half of ``agentVersionOverride``."""
    lambda_deployment_version: str | None = None
    """The other half of ``agentVersionOverride``."""

    def __post_init__(self) -> None:
        if (self.artifact_version is None) != (self.lambda_deployment_version is None):
            raise ValueError("agentVersionOverride needs both artifactVersion and lambdaDeploymentVersion")


@dataclass(frozen=True, slots=True)
class Answer:
    """The gateway takes the call."""

    sdp: str
    """The session description, RFC 8829."""
    session_id: str | None = None
    """The name that the gateway gave the session; None when it could not be read."""


@dataclass(frozen=True, slots=True)
class IceCandidate:
    """One ICE candidate, or the word that no more will come (RFC 8838)."""

    candidate: str
    """A candidate line without ``a=``; empty for end of candidates."""
    sdp_mid: str | None = None
    """``a=mid`` of the section it belongs to; None when not given."""
    sdp_mline_index: int | None = None
    """Index of the section it belongs to, from 0; None when not given."""
    session_id: str | None = None
    auth_token: str | None = dataclasses.field(default=None, repr=False)
    """Read, never written: a client may show its token in any message. None when not given."""

    @property
    def end_of_candidates(self) -> bool:
        """Whether it says that no more candidates will come."""
        return not self.candidate


def is_mline_index(value: object) -> bool:
    """Whether a value out of JSON can be an ``sdpMLineIndex``."""
    # bool is an int in Python, and true is not a number in JSON.
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_MLINE_INDEX


@dataclass(frozen=True, slots=True)
class Close:
    """The call ended well, at whichever side sends it."""

    session_id: str | None = None
    auth_token: str | None = dataclasses.field(default=None, repr=False)
    """Read, never written; None when not given."""


@dataclass(frozen=True, slots=True)
class Error:
    """The gateway refuses or has failed."""

    code: str
    """The gateway's code, verbatim; :data:`UNKNOWN_CODE` when it sent none."""
    message: str
    """The gateway's sentence; empty when it sent none."""
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    """The client asks for a sign of life."""

    session_id: str | None = None
    auth_token: str | None = dataclasses.field(default=None, repr=False)
    """Read, never written; None when not given."""


@dataclass(frozen=True, slots=True)
class Pong:
    """The gateway is alive."""

    session_id: str | None = None


Message: TypeAlias = Offer | Answer | IceCandidate | Close | Error | Ping | Pong

_TYPES: dict[type[Message], str] = {
    Offer: "offer",
    Answer: "answer",
    IceCandidate: "ice-candidate",
    Close: "close",
    Error: "error",
    Ping: "ping",
    Pong: "pong",
}

#: Optional text fields of an offer: our name -> name on the wire.
OFFER_FIELDS: dict[str, str] = {
    "mode": "mode",
    "call_sid": "callSid",
    "caller": "caller",
    "callee": "callee",
    "account_id": "accountId",
    "project_id": "projectId",
    "variant_id": "variantId",
}


def encode(message: Message) -> str:
    """The message as JSON text; fields of an offer that are None are left out.

    The text is ASCII: whatever a string holds, a WebSocket text frame can carry it.
    """
    fields: dict[str, object] = {"type": _TYPES[type(message)], "sessionId": message.session_id or ""}
    if isinstance(message, Offer):
        fields |= _encode_offer(message)
    elif isinstance(message, Answer):
        fields["data"] = {"type": "answer", "sdp": message.sdp}
    elif isinstance(message, IceCandidate):
        fields["data"] = {
            "candidate": message.candidate,
            "sdpMid": message.sdp_mid,
            "sdpMLineIndex": message.sdp_mline_index,
        }
    elif isinstance(message, Error):
        fields["data"] = {"code": message.code, "message": message.message}
    return json.dumps(fields)


def _encode_offer(offer: Offer) -> dict[str, object]:
    fields: dict[str, object] = {
        "data": {"type": "offer", "sdp": offer.sdp},
        "authToken": offer.auth_token,
    }
    for name, wire_name in OFFER_FIELDS.items():
        value = getattr(offer, name)
        if value is not None:
            fields[wire_name] = value
    if offer.artifact_version is not None:
        fields["agentVersionOverride"] = {
            "artifactVersion": offer.artifact_version,
            "lambdaDeploymentVersion": offer.lambda_deployment_version,
        }
    return fields
