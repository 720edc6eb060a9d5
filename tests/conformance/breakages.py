"""Gateways that are broken in one thing each, and the cases that must say so, no more and no fewer."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from loadkit.transport.peer import Peer

from .proxy import Breakage, Frame, Link, Message, error, message_of

NOBODY = "00000000-0000-4000-8000-000000000000"
TOKEN = "right"
PING_CASES = ("without-session", "null-session", "no-session-id", "in-session")

#: Changes a packet that the gateway sends.
Change = Callable[[bytes], bytes | None]


@dataclass(frozen=True)
class Broken:
    """One broken gateway."""

    name: str
    breaks: frozenset[str]
    """Cases that fail."""
    breakage: type[Breakage] = Breakage
    rtp: Change | None = None
    rtcp: Change | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the gateway."""
    production: bool = False
    """What the user says of it."""
    jobs: int = 6
    """Cases at a time; 1 where sessions of other cases would hide it."""


BROKEN: list[Broken] = []


def breaks(*cases: str, **more: Any) -> Callable[[type[Breakage]], type[Breakage]]:
    """Put a breakage on the list, with the cases that fail by it."""

    def add(breakage: type[Breakage]) -> type[Breakage]:
        BROKEN.append(Broken(breakage.__name__, frozenset(cases), breakage, **more))
        return breakage

    return add


class FromClient(Breakage):
    """Something happens to certain messages of the client."""

    def hits(self, message: Message, frame: Frame) -> bool:
        raise NotImplementedError

    def instead(self, message: Message, link: Link) -> Iterable[Frame]:
        """What the gateway gets in place of one that is hit."""
        return []

    def from_client(self, frame: Frame, link: Link) -> Iterable[Frame]:
        message = message_of(frame)
        return self.instead(message, link) if self.hits(message, frame) else [frame]


class ToClient(Breakage):
    """Something happens to messages of one type of the gateway."""

    kind = ""

    def instead(self, message: Message, link: Link) -> Iterable[Message]:
        return []

    def to_client(self, frame: str, link: Link) -> Iterable[str]:
        message = message_of(frame)
        if message["type"] != self.kind:
            return [frame]
        return [json.dumps(changed) for changed in self.instead(message, link)]


class AnswerSdp(ToClient):
    """The answer lacks a line, or has another."""

    kind = "answer"
    line = ""
    other = ""

    def instead(self, message: Message, link: Link) -> Iterable[Message]:
        sdp = message["data"]["sdp"]
        assert f"{self.line}\r\n" in sdp, sdp
        message["data"]["sdp"] = sdp.replace(f"{self.line}\r\n", f"{self.other}\r\n" if self.other else "")
        return [message]


# Health and HTTP


@breaks("health.no-token")
class HealthWantsAToken(Breakage):
    def answers(
        self, path: str, headers: dict[str, str], query: dict[str, str], status: int, body: Any
    ) -> tuple[int, Any]:
        return (401, {}) if path == "/health" and not headers else (status, body)


@breaks("health.shape")
class HealthIsOk(Breakage):
    def answers(
        self, path: str, headers: dict[str, str], query: dict[str, str], status: int, body: Any
    ) -> tuple[int, Any]:
        return (status, body | {"status": "ok"}) if path == "/health" else (status, body)


@breaks("health.counts-up")
class HealthCountsNothing(Breakage):
    def answers(
        self, path: str, headers: dict[str, str], query: dict[str, str], status: int, body: Any
    ) -> tuple[int, Any]:
        return (status, body | {"activeSessions": 0}) if path == "/health" else (status, body)


@breaks("health.counts-down")
class HealthCountsForEver(Breakage):
    sessions = 0

    def to_client(self, frame: str, link: Link) -> Iterable[str]:
        self.sessions += message_of(frame)["type"] == "answer"
        return [frame]

    def answers(
        self, path: str, headers: dict[str, str], query: dict[str, str], status: int, body: Any
    ) -> tuple[int, Any]:
        return (status, body | {"activeSessions": self.sessions}) if path == "/health" else (status, body)


@breaks("http.unknown-path")
class EveryPathIsThere(Breakage):
    def answers(
        self, path: str, headers: dict[str, str], query: dict[str, str], status: int, body: Any
    ) -> tuple[int, Any]:
        return (200 if status == 404 else status), body


# ICE servers


class IceServers(Breakage):
    """The list of ICE servers is changed on its way."""

    def turn(self, entry: Message) -> None:
        """Change the entry with TURN."""

    def answers(
        self, path: str, headers: dict[str, str], query: dict[str, str], status: int, body: Any
    ) -> tuple[int, Any]:
        for entry in body.get("iceServers", []):
            if "username" in entry:
                self.turn(entry)
        return status, body


@breaks("ice-servers.turn-expiry", "ice-servers.turn-day", "ice-servers.turn-fresh")
class CredentialsHaveExpired(IceServers):
    def turn(self, entry: Message) -> None:
        entry["username"] = "1700000000:loadkit"


@breaks("ice-servers.turn-fresh")
class CredentialsAreKept(IceServers):
    kept = ""

    def turn(self, entry: Message) -> None:
        self.kept = entry["username"] = self.kept or entry["username"]


@breaks("ice-servers.turn-day", settings={"turn_ttl": 60.0})
class CredentialsLastAMinute(Breakage): ...


@breaks("ice-servers.turn-credential")
class CredentialIsHex(IceServers):
    def turn(self, entry: Message) -> None:
        entry["credential"] = "0" * 40


@breaks("ice-servers.shape")
class UrlsHaveNoScheme(IceServers):
    def turn(self, entry: Message) -> None:
        entry["urls"] = [*entry["urls"], "127.0.0.1:3478"]


@breaks("ice-servers.no-token")
class NoTokenIsForbidden(Breakage):
    def answers(
        self, path: str, headers: dict[str, str], query: dict[str, str], status: int, body: Any
    ) -> tuple[int, Any]:
        return (403 if status == 401 and not headers and not query else status), body


@breaks("ice-servers.wrong-token")
class IceServersForEverybody(Breakage):
    def asks(self, path: str, headers: dict[str, str], query: dict[str, str]) -> None:
        if headers and path.endswith("ice-servers"):
            headers["Authorization"] = f"Bearer {TOKEN}"


@breaks("ice-servers.header-token")
class TokenInQueryOnly(Breakage):
    def asks(self, path: str, headers: dict[str, str], query: dict[str, str]) -> None:
        headers.clear()


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


# Media, changed where the gateway's packets leave


def _header(packet: bytes, *, payload_type: int | None = None, ticks: int = 0, ssrc: int = 0) -> bytes:
    first, second, number, timestamp, source = struct.unpack_from("!BBHII", packet)
    if payload_type is not None:
        second = payload_type
    timestamp = (timestamp + ticks) & 0xFFFFFFFF
    return struct.pack("!BBHII", first, second, number, timestamp, source ^ ssrc) + packet[12:]


def _odd(packet: bytes) -> bool:
    return bool(packet[3] & 1)


def _no_packets_counted(packet: bytes) -> bytes:
    """A sender report (type 200) with a packet count of 0; it is the first of its compound."""
    return packet[:20] + bytes(4) + packet[24:] if packet[1] == 200 else packet


BROKEN += [
    Broken(
        "EchoChangesWhatItHears",
        frozenset({"media.echo-payload"}),
        rtp=lambda packet: packet[:-1] + bytes([packet[-1] ^ 1]),
    ),
    Broken("TwoSsrcs", frozenset({"media.ssrc"}), rtp=lambda packet: _header(packet, ssrc=int(_odd(packet)))),
    Broken(
        "TimestampsShake",
        frozenset({"media.timestamps"}),
        rtp=lambda packet: _header(packet, ticks=int(_odd(packet))),
    ),
    Broken(
        "AnotherPayloadType",
        frozenset({"media.payload-type"}),
        rtp=lambda packet: _header(packet, payload_type=0),
    ),
    Broken(
        "HalfOfTheEcho",
        frozenset({"media.echo-returns", "media.sequence-numbers", "media.timestamps"}),
        rtp=lambda packet: None if _odd(packet) else packet,
    ),
    Broken(
        "NoRtcp",
        frozenset({"rtcp.compound", "rtcp.sender-report", "rtcp.reception"}),
        rtcp=lambda packet: None,
    ),
    Broken("ReportsCountNothing", frozenset({"rtcp.sender-report"}), rtcp=_no_packets_counted),
]


def break_media(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change what the gateway's peers send; callers are the controlling ones."""
    gateways: set[int] = set()
    begin = Peer.__init__

    def remember(self: Peer, **arguments: Any) -> None:
        begin(self, **arguments)
        if not arguments["controlling"]:
            gateways.add(id(self))

    def changing(send: Callable[[Peer, bytes], None], change: Change | None) -> Callable[[Peer, bytes], None]:
        def changed(self: Peer, packet: bytes) -> None:
            packet_or_none = change(packet) if change and id(self) in gateways else packet
            if packet_or_none is not None:
                send(self, packet_or_none)

        return changed

    monkeypatch.setattr(Peer, "__init__", remember)
    monkeypatch.setattr(Peer, "send_rtp", changing(Peer.send_rtp, broken.rtp))
    monkeypatch.setattr(Peer, "send_rtcp", changing(Peer.send_rtcp, broken.rtcp))
