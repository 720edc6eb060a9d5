"""The messages of the signaling WebSocket, their JSON, and the two ways of reading it.

    offer          client → gateway   {"type", "sessionId": "", "data": {"type", "sdp"}, "authToken", …}
    answer         gateway → client   {"type", "sessionId", "data": {"type", "sdp"}}
    ice-candidate  both               {"type", "sessionId", "data": {"candidate", "sdpMid", "sdpMLineIndex"}}
    close          both               {"type", "sessionId"}
    error          gateway → client   {"type", "sessionId", "data": {"code", "message"}}
    ping           client → gateway   {"type", "sessionId"}
    pong           gateway → client   {"type", "sessionId"}

A client may add its ``authToken`` to any message; an offer needs it.

Each message is one JSON object in one text frame. There are two parsers because the two sides forgive
differently. A client forgives: it drops a frame that it cannot use, and drops a wrong-typed *optional*
field but keeps the frame. A gateway does not: it says what is wrong, in an ``error`` with a code.

A ``sessionId`` of ``null``, ``""`` and none at all mean the same, and are ``None`` here; it is written as
``""``. Text is untrusted: it has no lone surrogates (they become U+FFFD), and nothing else is promised.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ..errors import LoadkitError
from .modes import resolve_mode

#: The ``code`` of an ``error`` message that carries none that can be read.
UNKNOWN_CODE = "UNKNOWN"

#: Message of ``UNAUTHORIZED`` when the offer has no token; the documented wording.
TOKEN_REQUIRED = "Auth token required"  # noqa: S105

#: Levels of objects and arrays in a message; the deepest that a client sends has three.
MAX_DEPTH = 32

# sdpMLineIndex is an unsigned short (W3C WebRTC, RTCIceCandidate).
_MAX_MLINE_INDEX = 65535


class UnusableFrame(LoadkitError):
    """A frame from the gateway that a client must drop.

    :param reason: why, as the end of a sentence that begins with the frame.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)

    def __str__(self) -> str:
        return f"the frame cannot be used: {self.reason}"


class InvalidMessage(LoadkitError):
    """A frame from a client that a gateway must refuse.

    :param code: ``INVALID_MESSAGE``, ``INVALID_ARGUMENT`` or ``UNAUTHORIZED``, for the ``error`` message.
    :param message: what is wrong, for the ``error`` message; never holds the token.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(code, message)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


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
_OFFER_FIELDS: dict[str, str] = {
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
    for name, wire_name in _OFFER_FIELDS.items():
        value = getattr(offer, name)
        if value is not None:
            fields[wire_name] = value
    if offer.artifact_version is not None:
        fields["agentVersionOverride"] = {
            "artifactVersion": offer.artifact_version,
            "lambdaDeploymentVersion": offer.lambda_deployment_version,
        }
    return fields


# Both parsers


def _load(frame: str | bytes) -> Mapping[str, object]:
    """The JSON object in a frame.

    :raises ValueError: a clause that says what the frame is instead.
    """
    if not isinstance(frame, str):
        raise ValueError("it is binary, not text")
    try:
        document = _DECODER.decode(frame)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None
    except ValueError as exc:
        # "from None" for the reader's sake; a JSONDecodeError also carries the whole frame, token and all.
        raise ValueError(f"it is not JSON ({exc})") from None
    if not isinstance(document, dict):
        raise ValueError("it is JSON, but not an object")
    if _deeper_than(document, MAX_DEPTH):
        raise ValueError(f"its JSON is nested more than {MAX_DEPTH} levels deep")
    return document


def _deeper_than(document: object, levels: int) -> bool:
    """Whether objects and arrays are nested deeper than this; looked at level by level, so never recursing."""
    level: list[object] = [document]
    for _ in range(levels):
        level = [child for parent in level for child in _children(parent) if isinstance(child, (dict, list))]
        if not level:
            return False
    return True


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse_constant(name: str) -> object:
    """RFC 8259, section 6: NaN and Infinity are not JSON, though Python reads them."""
    raise ValueError(f"{name} is not a JSON number")


def _integer(digits: str) -> int | float:
    """A JSON integer; one that no double holds exactly becomes a float, as in a browser.

    ``int()`` refuses more than 4,300 digits, which would make valid JSON look malformed.
    """
    return int(digits) if len(digits) <= 16 else float(digits)


def _whole(text: str) -> str:
    r"""The text with each lone surrogate replaced by U+FFFD.

    RFC 8259, section 8.2: JSON can spell a lone ``\ud800``. No file, pipe or socket takes it as UTF-8,
    so it must not go further than this.
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _is_mline_index(value: object) -> bool:
    # bool is an int in Python, and true is not a number in JSON.
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_MLINE_INDEX


#: Made once: ``json.loads()`` makes one for each text that it reads in another way than by default.
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_integer)


# Client side: what the gateway sends


def parse_from_gateway(frame: str | bytes) -> Message:
    """Read a frame that the gateway sent, as forgivingly as the official clients do.

    An optional field of the wrong type counts as missing. An ``error`` is one whatever it lacks: a
    failure must not get lost, so its code is then :data:`UNKNOWN_CODE` and its message empty.

    :raises UnusableFrame: not text, not JSON, not an object, not of a type that a gateway sends, or
        without what its type needs.
    """
    try:
        document = _load(frame)
    except ValueError as exc:
        raise UnusableFrame(str(exc)) from None
    kind = document.get("type")
    read = _FROM_GATEWAY.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise UnusableFrame(_unknown_type(kind))
    return read(document, _text_or_none(document.get("sessionId")) or None)


def _unknown_type(kind: object) -> str:
    if not isinstance(kind, str):
        return "it has no type"
    return f"its type {kind[:40]!r} is unknown here"


def _text_or_none(value: object) -> str | None:
    return _whole(value) if isinstance(value, str) else None


def _data_or_empty(document: Mapping[str, object]) -> Mapping[str, object]:
    data = document.get("data")
    return data if isinstance(data, dict) else {}


def _read_answer(document: Mapping[str, object], session_id: str | None) -> Message:
    sdp = _text_or_none(_data_or_empty(document).get("sdp"))
    if not sdp:
        raise UnusableFrame("it is an answer without an SDP")
    return Answer(sdp, session_id)


def _read_candidate(document: Mapping[str, object], session_id: str | None) -> Message:
    data = document.get("data")
    if not isinstance(data, dict):
        raise UnusableFrame("it is an ice-candidate without data")
    candidate = data.get("candidate")
    if candidate is None:
        candidate = ""
    if not isinstance(candidate, str):
        raise UnusableFrame("it is an ice-candidate whose candidate is not a string")
    mline_index = data.get("sdpMLineIndex")
    return IceCandidate(
        _whole(candidate),
        _text_or_none(data.get("sdpMid")),
        mline_index if _is_mline_index(mline_index) else None,
        session_id,
    )


def _read_error(document: Mapping[str, object], session_id: str | None) -> Message:
    data = _data_or_empty(document)
    return Error(
        _text_or_none(data.get("code")) or UNKNOWN_CODE,
        _text_or_none(data.get("message")) or "",
        session_id,
    )


_FROM_GATEWAY: dict[str, Callable[[Mapping[str, object], str | None], Message]] = {
    "answer": _read_answer,
    "ice-candidate": _read_candidate,
    "close": lambda _, session_id: Close(session_id),
    "error": _read_error,
    "pong": lambda _, session_id: Pong(session_id),
}


# Gateway side: what a client sends


def parse_from_client(frame: str | bytes) -> Message:
    """Read a frame that a client sent, as strictly as the documented error codes ask for.

    ``null`` counts as missing in every optional field. What is wrong with the *form* is reported
    before a missing token, and a missing token before what is wrong with a *value*.

    :raises InvalidMessage: with the code and the message for the gateway's ``error``.
    """
    try:
        document = _load(frame)
    except ValueError as exc:
        raise InvalidMessage("INVALID_MESSAGE", f"the message cannot be read: {exc}") from None
    kind = document.get("type")
    read = _FROM_CLIENT.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise InvalidMessage("INVALID_MESSAGE", f"the message cannot be read: {_unknown_type(kind)}")
    return read(document, _need_text(document, "sessionId") or None)


def _need_text(fields: Mapping[str, object], name: str, where: str = "") -> str | None:
    """The text of an optional field; None when it is missing or ``null``."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidMessage("INVALID_MESSAGE", f"{where}{name} must be a string")
    return _whole(value)


def _need_object(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = document.get(name)
    if not isinstance(value, dict):
        raise InvalidMessage("INVALID_MESSAGE", f"{name} must be an object")
    return value


def _take_offer(document: Mapping[str, object], session_id: str | None) -> Message:
    data = _need_object(document, "data")
    if _need_text(data, "type", "data.") not in (None, "offer"):
        raise InvalidMessage("INVALID_MESSAGE", "data.type of an offer must be 'offer'")
    sdp = _need_text(data, "sdp", "data.")
    if not sdp:
        raise InvalidMessage("INVALID_MESSAGE", "an offer needs an SDP in data.sdp")
    optional = {name: _need_text(document, wire_name) for name, wire_name in _OFFER_FIELDS.items()}
    versions = _take_versions(document)
    token = _need_text(document, "authToken")
    if not token:
        raise InvalidMessage("UNAUTHORIZED", TOKEN_REQUIRED)
    try:
        resolve_mode(optional["mode"])
        return Offer(sdp=sdp, auth_token=token, session_id=session_id, **optional, **versions)
    except ValueError as exc:
        raise InvalidMessage("INVALID_ARGUMENT", str(exc)) from None


def _take_versions(document: Mapping[str, object]) -> dict[str, str | None]:
    if document.get("agentVersionOverride") is None:
        return {}
    override = _need_object(document, "agentVersionOverride")
    where = "agentVersionOverride."
    return {
        # An empty version names no version: it is the missing half.
        "artifact_version": _need_text(override, "artifactVersion", where) or None,
        "lambda_deployment_version": _need_text(override, "lambdaDeploymentVersion", where) or None,
    }


def _take_candidate(document: Mapping[str, object], session_id: str | None) -> Message:
    data = _need_object(document, "data")
    mline_index = data.get("sdpMLineIndex")
    if mline_index is not None and not _is_mline_index(mline_index):
        raise InvalidMessage(
            "INVALID_MESSAGE", f"data.sdpMLineIndex must be an integer from 0 to {_MAX_MLINE_INDEX}"
        )
    return IceCandidate(
        _need_text(data, "candidate", "data.") or "",
        _need_text(data, "sdpMid", "data."),
        mline_index if isinstance(mline_index, int) else None,
        session_id,
        _need_text(document, "authToken"),
    )


_FROM_CLIENT: dict[str, Callable[[Mapping[str, object], str | None], Message]] = {
    "offer": _take_offer,
    "ice-candidate": _take_candidate,
    "close": lambda document, session_id: Close(session_id, _need_text(document, "authToken")),
    "ping": lambda document, session_id: Ping(session_id, _need_text(document, "authToken")),
}
