"""How a caller judges certificates: of the WebSocket, of ``GET /api/v1/ice-servers``, of TURN over TLS."""

from __future__ import annotations

import functools
import os
import ssl
from pathlib import Path

from ..errors import SettingsError
from ..settings import flag


def client_tls(authority: Path | None = None, *, insecure: bool = False) -> ssl.SSLContext:
    """The TLS side of a caller: TLS 1.2 or newer, certificate and host name verified.

    Reading the machine's authorities takes some ten milliseconds: make one for all calls of a process.

    :param authority: PEM file of certificates that are trusted beside the machine's own authorities; a
        self-signed certificate is its own authority.
    :param insecure: verify nothing; whoever answers is taken for the gateway, and is told the token.
    :raises SettingsError: the file cannot be read, or holds no certificate.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authority is not None:
        _trust(context, authority)
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@functools.cache
def default_tls() -> ssl.SSLContext:
    """The machine's certificate authorities, read once: it takes longer than the rest of a call's set-up."""
    return ssl.create_default_context()


def _trust(context: ssl.SSLContext, authority: Path) -> None:
    try:
        context.load_verify_locations(cafile=authority)
    except ssl.SSLError:
        # OpenSSL's words here are "no certificate or crl found" or a number of its PEM reader.
        reason = "it holds no certificate in PEM format (-----BEGIN CERTIFICATE-----)"
    except OSError as exc:
        reason = f"it cannot be read: {os.strerror(exc.errno) if exc.errno else exc}"
    else:
        return
    raise SettingsError([f"{flag('tls_ca')} {str(authority)!r}: {reason}"])
