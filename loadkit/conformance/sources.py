"""The public documents that expectations come from, as they are cited."""

from __future__ import annotations

_GATEWAY = "PolyAI WebRTC gateway"


def signaling(section: str) -> str:
    """The gateway's page on WebSocket signaling."""
    return f"{_GATEWAY}: WebSocket signaling, {section}"


def clients(behaviour: str) -> str:
    """What the gateway's public Android and iOS clients do, and so rely on."""
    return f"{_GATEWAY}: Android and iOS SDKs, {behaviour}"


def rfc(number: int, section: str) -> str:
    """A section of an RFC."""
    return f"RFC {number} section {section}"


def both(*sources: str) -> str:
    """Several documents that say the same."""
    return "; ".join(sources)


MESSAGES = signaling("messages")
ERROR_CODES = signaling("error codes")
MODES = signaling("modes")
RECONNECT = signaling("sessions and reconnecting")
ICE_SERVERS = f"{_GATEWAY}: Get ICE servers (OpenAPI)"
HEALTH = f"{_GATEWAY}: overview, health"
MEDIA = f"{_GATEWAY}: overview, media"
TURN_REST = "draft-uberti-behave-turn-rest-00 section 2.2"
