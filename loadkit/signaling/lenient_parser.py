"""The caller's reading of what the gateway sends: as forgiving as the official clients.

It drops a frame that it cannot use, and drops a wrong-typed *optional* field but keeps the frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import LoadkitError
from .frames import read_object, unknown_type, without_lone_surrogates
from .messages import UNKNOWN_CODE, Answer, Close, Error, IceCandidate, Message, Pong, is_mline_index


class UnusableFrame(LoadkitError):
    """A frame from the gateway that a client must drop.

    :param reason: why, as the end of a sentence that begins with the frame.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)

    def __str__(self) -> str:
        return f"the frame cannot be used: {self.reason}"


def parse_from_gateway(frame: str | bytes) -> Message:
    """Read a frame that the gateway sent, as forgivingly as the official clients do.

    An optional field of the wrong type counts as missing. An ``error`` is one whatever it lacks: a
    failure must not get lost, so its code is then :data:`UNKNOWN_CODE` and its message empty.

    :raises UnusableFrame: not text, not JSON, not an object, not of a type that a gateway sends, or
        without what its type needs.
    """
    try:
        document = read_object(frame)
    except ValueError as exc:
        raise UnusableFrame(str(exc)) from None
    kind = document.get("type")
    read = _FROM_GATEWAY.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise UnusableFrame(unknown_type(kind))
    return read(document, _text_or_none(document.get("sessionId")) or None)


def _text_or_none(value: object) -> str | None:
    return without_lone_surrogates(value) if isinstance(value, str) else None


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
        without_lone_surrogates(candidate),
        _text_or_none(data.get("sdpMid")),
        mline_index if is_mline_index(mline_index) else None,
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
