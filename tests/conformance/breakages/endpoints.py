"""Broken health, paths and ICE servers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..proxy import Breakage, Link, Message, message_of
from .base import TOKEN, breaks

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
