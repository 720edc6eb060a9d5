"""Why a request to the gateway failed, in words that are the same for the same fault, whatever the host: reasons are
counted."""

from __future__ import annotations

import socket
import ssl


def connection_reason(error: Exception) -> str:
    """What became of the connection; what an answer looked like is for those to say who read it."""
    match error:
        case TimeoutError():
            return "timeout"
        case ssl.SSLError():
            return "TLS failed"
        case socket.gaierror():
            return "host name not resolved"
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionError():
            return "connection lost"
        case _:
            return "connection failed"
