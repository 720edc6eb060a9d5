"""The gateway's reading of what a client sends: strict, each fault with the code that is documented for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..errors import LoadkitError
from .frames import read_object, unknown_type, without_lone_surrogates
from .messages import (
    MAX_MLINE_INDEX,
    OFFER_FIELDS,
    Close,
    IceCandidate,
    Message,
    Offer,
    Ping,
    is_mline_index,
)
from .modes import resolve_mode

#: Message of ``UNAUTHORIZED`` when the offer has no token; the documented wording.
TOKEN_REQUIRED = "Auth token required"  # noqa: S105


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


def parse_from_client(frame: str | bytes) -> Message:
    """Read a frame that a client sent, as strictly as the documented error codes ask for.

    ``null`` counts as missing in every optional field. What is wrong with the *form* is reported
    before a missing token, and a missing token before what is wrong with a *value*.

    :raises InvalidMessage: with the code and the message for the gateway's ``error``.
    """
    try:
        document = read_object(frame)
    except ValueError as exc:
        raise InvalidMessage("INVALID_MESSAGE", f"the message cannot be read: {exc}") from None
    kind = document.get("type")
    read = _FROM_CLIENT.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise InvalidMessage("INVALID_MESSAGE", f"the message cannot be read: {unknown_type(kind)}")
    return read(document, _need_text(document, "sessionId") or None)


def _need_text(fields: Mapping[str, object], name: str, where: str = "") -> str | None:
    """The text of an optional field; None when it is missing or ``null``."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidMessage("INVALID_MESSAGE", f"{where}{name} must be a string")
    return without_lone_surrogates(value)


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
    optional = {name: _need_text(document, wire_name) for name, wire_name in OFFER_FIELDS.items()}
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
    if mline_index is not None and not is_mline_index(mline_index):
        raise InvalidMessage(
            "INVALID_MESSAGE", f"data.sdpMLineIndex must be an integer from 0 to {MAX_MLINE_INDEX}"
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
