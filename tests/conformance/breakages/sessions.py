"""Broken in what it does with hostile input, candidates, and sessions that go on or end."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ..proxy import Breakage, Frame, Link, Message, error, message_of
from .base import NOBODY, FromClient, ToClient, breaks

# Hostile input


@breaks("hostile.array")
class AnArrayIsIgnored(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return frame == '["ping"]'


@breaks("hostile.unknown-type")
class UnknownTypeIsOurFault(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return message.get("type") == "renegotiate"

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        link.answers.append(error("HANDLER_ERROR"))
        return []


@breaks("hostile.session-id-number")
class ANumberIsASessionId(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return message.get("sessionId") == 7

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        return [json.dumps(message | {"sessionId": ""})]


@breaks("hostile.binary", "hostile.binary-json")
class BinaryClosesTheSocket(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return isinstance(frame, bytes)

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        link.close_code = 1003
        return []


@breaks("hostile.megabyte")
class AMegabyteClosesTheSocket(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return len(frame) > 1_000_000

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        link.close_code = 1009
        return []


@breaks("hostile.live-call", "hostile.own-call")
class GarbageEndsEveryCall(Breakage):
    def __init__(self) -> None:
        super().__init__()
        self.sessions: set[str] = set()

    def to_client(self, frame: str, link: Link) -> Iterable[str]:
        message = message_of(frame)
        if message["type"] == "answer":
            self.sessions.add(message["sessionId"])
        return [frame]

    def from_client(self, frame: Frame, link: Link) -> Iterable[Frame]:
        closes = [json.dumps({"type": "close", "sessionId": session}) for session in self.sessions]
        return [frame, *closes] if frame == "hello" else [frame]


# Candidates


@breaks("candidate.end-last")
class NoEndOfCandidates(ToClient):
    kind = "ice-candidate"

    def instead(self, message: Message, link: Link) -> Iterable[Message]:
        return [message] if message["data"]["candidate"] else []


@breaks("candidate.end-last")
class OneMoreAfterTheEnd(ToClient):
    kind = "ice-candidate"

    def instead(self, message: Message, link: Link) -> Iterable[Message]:
        more = {**message["data"], "candidate": "candidate:9 1 udp 1 127.0.0.1 9 typ host"}
        return [message] if message["data"]["candidate"] else [message, message | {"data": more}]


@breaks("candidate.well-formed")
class ACandidateThatIsNone(ToClient):
    kind = "ice-candidate"

    def instead(self, message: Message, link: Link) -> Iterable[Message]:
        none = message | {"data": {**message["data"], "candidate": "candidate:somewhere"}}
        return [none, message] if message["data"]["candidate"] else [message]


@breaks("candidate.place")
class CandidatesOfAnotherSection(ToClient):
    kind = "ice-candidate"

    def instead(self, message: Message, link: Link) -> Iterable[Message]:
        return [message | {"data": {**message["data"], "sdpMid": "video", "sdpMLineIndex": 1}}]


@breaks("candidate.session-id")
class CandidatesOfNoSession(ToClient):
    kind = "ice-candidate"

    def instead(self, message: Message, link: Link) -> Iterable[Message]:
        return [message | {"sessionId": ""}]


@breaks("candidate.unknown-session")
class UnknownSessionIsIgnored(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return message.get("type") == "ice-candidate" and message.get("sessionId") == NOBODY


@breaks("candidate.malformed")
class AMalformedCandidateEndsTheCall(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return "candidate:garbage" in str(message.get("data"))

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        link.answers.append(error("INVALID_MESSAGE"))
        return [json.dumps({"type": "close", "sessionId": message["sessionId"]})]


@breaks("candidate.end-null")
class NullIsNoEnd(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return message.get("type") == "ice-candidate" and message["data"].get("candidate", "") is None

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        return [json.dumps(message | {"data": {"candidate": 0}})]


# Sessions


@breaks(
    "reconnect.sound", "reconnect.close", "reconnect.before-candidates", settings={"reconnect_grace": 0.001}
)
class SessionsEndWithTheirSocket(Breakage): ...


@breaks("reconnect.other-token-upgrade")
class TheUpgradesTokenIsNotLookedAt(Breakage):
    def asks(self, path: str, headers: dict[str, str], query: dict[str, str]) -> None:
        if path.endswith("signal"):
            headers.clear()


@breaks("reconnect.other-token-message")
class AMessagesTokenIsNotLookedAt(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return message.get("type") == "close" and "authToken" in message

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        del message["authToken"]
        return [json.dumps(message)]


@breaks(
    "close.ends-sound",
    "close.no-error",
    "reconnect.close",
    "reconnect.other-token-upgrade",
    "candidate.after-close",
)
class CloseIsIgnored(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return message.get("type") == "close" and "authToken" not in message


@breaks("close.unknown-session")
class AnUnknownCloseIsAnError(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return message.get("type") == "close" and message.get("sessionId") == NOBODY

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        link.answers.append(error("INVALID_MESSAGE"))
        return []


@breaks("failure.no-opus")
class AnyCodecIsTaken(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return message.get("type") == "offer" and "PCMU/8000" in str(message) and "opus" not in str(message)

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        message["data"]["sdp"] = message["data"]["sdp"].replace("PCMU/8000", "opus/48000/2")
        return [json.dumps(message)]
