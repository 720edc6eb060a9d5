"""A call that failed for want of a file descriptor says so, whatever the part that failed says."""

from __future__ import annotations

from loadkit import descriptors
from loadkit.errors import CallError

#: Codes under which a missing descriptor comes along: aioice leaves out an address whose socket it cannot open.
_CODES = frozenset(
    {
        "WEBSOCKET_REFUSED",
        "WEBSOCKET_DNS",
        "WEBSOCKET_TLS",
        "GATHERING_FAILED",
        "TURN_UNREACHABLE",
        "TURN_TLS",
        "INTERNAL",
    }
)


def named_by_cause(error: CallError) -> CallError:
    """The error itself, or TOO_MANY_FILES in its place when this process has no file descriptor left."""
    if error.code not in _CODES or not descriptors.used_up(error):
        return error
    limit = descriptors.raise_limit()
    most = "" if limit is None else f", {limit:,}"
    sentence = f"this process has as many files open as it may{most} ({error.message})"
    named = type(error)(error.stage, "TOO_MANY_FILES", sentence)
    named.__cause__ = error
    return named
