"""Broken pings, offers, answers and refusals."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ..proxy import Breakage, Frame, Link, Message, error, message_of
from .base import NOBODY, PING_CASES, TOKEN, AnswerSdp, FromClient, ToClient, breaks

# Pings


@breaks(
    *(f"ping.{name}" for name in (*PING_CASES, "unknown-session")),
    "reconnect.ping",
    "reconnect.answers-there",
    "close.then-ping",
)
class NoPong(ToClient):
    kind = "pong"


@breaks(
    *(f"ping.{name}" for name in PING_CASES), "reconnect.ping", "reconnect.answers-there", "close.then-ping"
)
class PongIsAnError(ToClient):
    kind = "pong"

    def instead(self, message: Message, link: Link) -> Iterable[Message]:
        return [message_of(error("INVALID_MESSAGE"))]


@breaks("ping.in-session")
class PongOfAnotherSession(ToClient):
    kind = "pong"

    def instead(self, message: Message, link: Link) -> Iterable[Message]:
        return [message | {"sessionId": NOBODY}]


# Offers and their answers


@breaks("offer.null-session-id")
class NullIsNoSessionId(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return message.get("type") == "offer" and message.get("sessionId", "") is None

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        link.answers.append(error("INVALID_MESSAGE"))
        return []


@breaks("offer.session-id-unique", jobs=1)
class SessionIdsComeAgain(Breakage):
    def __init__(self) -> None:
        super().__init__()
        self.public: dict[str, str] = {}
        """The gateway's name of a session → the client's, of all that there ever were."""
        self.live: list[str] = []

    def to_client(self, frame: str, link: Link) -> Iterable[str]:
        message = message_of(frame)
        real = message.get("sessionId")
        if real and real not in self.public:
            taken = {self.public[name] for name in self.live}
            self.public[real] = next(f"call-{n}" for n in range(1000) if f"call-{n}" not in taken)
            self.live.append(real)
        return [json.dumps(message | {"sessionId": self.public[real]} if real else message)]

    def from_client(self, frame: Frame, link: Link) -> Iterable[Frame]:
        message = message_of(frame)
        # The newest of that name: those before it have ended.
        names = [real for real, public in self.public.items() if public == message.get("sessionId")]
        if not names:
            return [frame]
        if message["type"] == "close" and names[-1] in self.live:
            self.live.remove(names[-1])
        return [json.dumps(message | {"sessionId": names[-1]})]


@breaks("offer.unknown-fields")
class FieldsMustBeKnown(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return "futureField" in message

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        link.answers.append(error("INVALID_MESSAGE"))
        return []


@breaks("offer.mode-agent_v1")
class OlderModeIsForgotten(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return message.get("mode") == "agent_v1"

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        return [json.dumps(message | {"mode": "loud"})]


@breaks("answer.rtcp-mux")
class NoRtcpMux(AnswerSdp):
    line = "a=rtcp-mux"


@breaks("answer.bundle")
class NoBundle(AnswerSdp):
    line = "a=group:BUNDLE 0"


@breaks("answer.sendrecv")
class SendOnly(AnswerSdp):
    line = "a=sendrecv"
    other = "a=sendonly"


@breaks("answer.trickle")
class NoTrickle(AnswerSdp):
    line = "a=ice-options:trickle"


@breaks("answer.mid")
class AnotherMid(AnswerSdp):
    line = "a=mid:0"
    other = "a=mid:audio"


# Refusals


@breaks("refusal.no-token", "refusal.null-token", "refusal.empty-token")
class OtherWords(ToClient):
    kind = "error"

    def instead(self, message: Message, link: Link) -> Iterable[Message]:
        if message["data"]["message"] == "Auth token required":
            message["data"]["message"] = "token missing"
        return [message]


@breaks("refusal.wrong-token")
class OffersOfEverybody(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return message.get("type") == "offer" and str(message.get("authToken")).startswith("made-up")

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        return [json.dumps(message | {"authToken": TOKEN})]


@breaks("refusal.token-not-repeated")
class RefusalsQuote(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return not message and isinstance(frame, str) and TOKEN in frame

    def from_client(self, frame: Frame, link: Link) -> Iterable[Frame]:
        if self.hits(message_of(frame), frame):
            link.answers.append(error("INVALID_MESSAGE", f"cannot read {frame!r}"))
            return []
        return [frame]


@breaks("refusal.unknown-mode")
class EveryModeIsKnown(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return message.get("mode") == "loud"

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        return [json.dumps(message | {"mode": "echo"})]


@breaks("refusal.half-override-artifact")
class HalfAnOverrideIsEnough(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return message.get("agentVersionOverride") == {"artifactVersion": "1"}

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        return [json.dumps(message | {"agentVersionOverride": None})]


@breaks("refusal.echo-in-production", production=True)
class EchoInProduction(Breakage): ...


@breaks("refusal.error-form")
class ErrorsSayNothing(ToClient):
    kind = "error"

    def instead(self, message: Message, link: Link) -> Iterable[Message]:
        if message["data"]["code"] != "UNAUTHORIZED":
            del message["data"]["message"]
        return [message]


@breaks("refusal.second-offer")
class ASecondOfferEndsTheCall(FromClient):
    def hits(self, message: Message, frame: Frame) -> bool:
        return message.get("type") == "offer" and message.get("sessionId") not in (None, "", NOBODY)

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        link.answers.append(error("HANDLER_ERROR"))
        return [json.dumps({"type": "close", "sessionId": message["sessionId"]})]
