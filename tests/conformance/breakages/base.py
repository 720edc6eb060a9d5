"""What a broken gateway is, and the ways to break one; each is broken in one thing."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from loadkit.transport.peer import Peer

from ..proxy import Breakage, Frame, Link, Message, message_of

NOBODY = "00000000-0000-4000-8000-000000000000"
TOKEN = "the-right-token"
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


class FromClient(Breakage, ABC):
    """Something happens to certain messages of the client."""

    @abstractmethod
    def hits(self, message: Message, frame: Frame) -> bool:
        """Whether this message is one of them."""

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
