"""What a record holds of text that the gateway chose: without our token, and not endless."""

from __future__ import annotations

from urllib.parse import quote

from loadkit.records import CallRecord

MASK = "***"

#: Characters of one column; an id, a codec or a URL has under a hundred, a message of the gateway at most 1,000.
LONGEST_TEXT = 1000


def without_token(token: str, text: str) -> str:
    """The text with the token masked, also as it stands in a URL: a gateway may repeat what it refuses."""
    if token:
        for form in {token, quote(token, safe="")}:
            text = text.replace(form, MASK)
    return text


#: Columns whose text the gateway has a say in.
_FROM_OUTSIDE = ("session_id", "error_message", "ice_servers_error", "turn_url", "turn_error", "codec")


def keep_text(record: CallRecord, token: str) -> None:
    """Mask the token in the columns that the gateway has a say in, and cut those that are endless."""
    for name in _FROM_OUTSIDE:
        text = getattr(record, name)
        if text is not None:
            setattr(record, name, without_token(token, text)[:LONGEST_TEXT])
