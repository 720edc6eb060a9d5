"""The token, masked in whatever is shown, and what can be said of it without showing it."""

from __future__ import annotations

import base64
import json
import math
from datetime import UTC, datetime
from typing import Any

MASK = "***"

#: JSON objects within objects are looked through to this depth; what is deeper is masked as a whole.
_DEEPEST = 20
#: Characters of a message that is kept; an SDP has a few thousand.
_LONGEST = 16 * 1024


def without(secret: str, value: Any, depth: int = 0) -> Any:
    """A JSON value with the secret masked in all its texts, and the field ``authToken`` whatever it holds."""
    if depth > _DEEPEST:
        return MASK
    match value:
        case str():
            return value.replace(secret, MASK) if secret else value
        case dict():
            return {
                without(secret, key): MASK
                if key == "authToken" and item
                else without(secret, item, depth + 1)
                for key, item in value.items()
            }
        case list():
            return [without(secret, item, depth + 1) for item in value]
        case float() if not math.isfinite(value):
            # Python reads NaN, Infinity and 1e999, which RFC 8259 section 6 does not let anybody write.
            return str(value)
    return value


def message_without(secret: str, frame: str | bytes) -> Any:
    """What a frame says, secrets masked: a JSON value, or text when it is none."""
    if isinstance(frame, bytes):
        return f"({len(frame):,} bytes of binary data)"
    if len(frame) > _LONGEST:
        return f"({len(frame):,} characters, too long to be kept)"
    try:
        return without(secret, json.loads(frame))
    except (ValueError, RecursionError):
        return without(secret, frame)


def what_is_wrong_with(token: str, now: float) -> str | None:
    """What is seen to be wrong with a token by looking at it, as a sentence that does not show it.

    :param now: Unix time in seconds.
    """
    if not token:
        return "No token was given."
    if token != token.strip() or token[0] in "\"'" or token[-1] in "\"'":
        return (
            "The token has a space or a quotation mark at its beginning or end, which is hardly part of it."
        )
    if token.lower().startswith("bearer "):
        return "The token begins with the word Bearer: give the token alone."
    if not token.isascii() or not token.isprintable():
        return "The token holds characters that no HTTP header can carry: it was not copied right."
    expiry = _expiry_of(token)
    if expiry is not None and expiry < now:
        when = datetime.fromtimestamp(expiry, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"The token is a JWT that expired at {when}: get a fresh one."
    return None


def _expiry_of(token: str) -> float | None:
    """``exp`` of a JWT (RFC 7519, 4.1.4) in Unix seconds; None when it is no JWT or has none."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return None
    expiry = claims.get("exp") if isinstance(claims, dict) else None
    # A date after the year 9999 is none that can be shown, and has not passed.
    return float(expiry) if isinstance(expiry, int | float) and 0 < expiry < 2e11 else None
