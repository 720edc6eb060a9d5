"""Which tokens are accepted, without telling by the time it takes how much of one was right."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

#: Message of ``UNAUTHORIZED`` when the token is not an accepted one; the documented wording.
TOKEN_INVALID = "Invalid authentication token"  # noqa: S105


class Tokens:
    """The accepted tokens; with none, any token that is not empty is accepted."""

    def __init__(self, accepted: Iterable[str]) -> None:
        self._accepted = [_as_bytes(token) for token in accepted]

    def accepts(self, token: str) -> bool:
        """Whether this is an accepted token. Every one is compared, also after a match."""
        if not self._accepted:
            return bool(token)
        given = _as_bytes(token)
        matches = [hmac.compare_digest(given, accepted) for accepted in self._accepted]
        return any(matches)


def same_token(one: str, other: str) -> bool:
    """Whether both are one token."""
    return hmac.compare_digest(_as_bytes(one), _as_bytes(other))


def _as_bytes(token: str) -> bytes:
    # Bytes, since compare_digest() takes no text beyond ASCII; "surrogateescape", since that is what
    # websockets makes of such bytes in a header.
    return token.encode("utf-8", "surrogateescape")
