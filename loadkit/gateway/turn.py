"""The answer of ``GET /api/v1/ice-servers``: TURN credentials by the TURN REST scheme.

The user name is ``<unix expiry>:<name>``, the credential the base64 HMAC-SHA1 of the user name under a
secret that gateway and TURN server share (coturn: ``use-auth-secret``). Nothing is stored: the TURN server
computes the same. The name is a new one for each answer, so that the TURN server's log and quotas tell
callers apart; it says nothing about the token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

from loadkit.gateway.settings import GatewaySettings


def ice_servers(
    settings: GatewaySettings, unix_now: float, name: str | None = None
) -> list[dict[str, object]]:
    """The entries of ``iceServers``, with credentials that are fresh at ``unix_now``.

    :param name: of the TURN user; made up when None.
    """
    servers: list[dict[str, object]] = []
    if settings.stun_urls:
        servers.append({"urls": list(settings.stun_urls)})
    if settings.turn_urls:
        assert settings.turn_secret is not None, "GatewaySettings refuses a TURN URL without a secret"
        username = f"{int(unix_now + settings.turn_ttl)}:{name or secrets.token_hex(8)}"
        credential = turn_credential(settings.turn_secret.get_secret_value(), username)
        servers.append({"urls": list(settings.turn_urls), "username": username, "credential": credential})
    return servers


def turn_credential(secret: str, username: str) -> str:
    """The TURN password of this user name."""
    digest = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
    return base64.b64encode(digest).decode()
