"""The answer of ``GET /api/v1/ice-servers``: TURN credentials by the TURN REST scheme.

The user name is ``<unix expiry>:<name>``, the credential the base64 HMAC-SHA1 of the user name under a
secret that gateway and TURN server share (coturn: ``use-auth-secret``). Nothing is stored: the TURN server
computes the same.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from loadkit.gateway.settings import GatewaySettings

_NAME = "loadkit"


def ice_servers(settings: GatewaySettings, unix_now: float) -> list[dict[str, object]]:
    """The entries of ``iceServers``, with credentials that are fresh at ``unix_now``."""
    servers: list[dict[str, object]] = []
    if settings.stun_urls:
        servers.append({"urls": list(settings.stun_urls)})
    if settings.turn_urls:
        assert settings.turn_secret is not None, "GatewaySettings refuses a TURN URL without a secret"
        username = f"{int(unix_now + settings.turn_ttl)}:{_NAME}"
        credential = turn_credential(settings.turn_secret.get_secret_value(), username)
        servers.append({"urls": list(settings.turn_urls), "username": username, "credential": credential})
    return servers


def turn_credential(secret: str, username: str) -> str:
    """The TURN password of this user name."""
    digest = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
    return base64.b64encode(digest).decode()
