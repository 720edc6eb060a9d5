"""What all calls of a process share."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from loadkit.call.destination import Destination
from loadkit.call.media_path import usable_media_path
from loadkit.media.clock import MediaClock
from loadkit.settings import Settings
from loadkit.signaling.tls import client_tls
from loadkit.transport.dtls import Certificate
from loadkit.unix_clock import unix_offset


@dataclass(frozen=True)
class CallContext:
    """What all calls of a process share."""

    settings: Settings
    destination: Destination
    certificate: Certificate
    clock: MediaClock
    ssl_context: ssl.SSLContext | None
    """How certificates are judged, of gateway and TURN servers (:func:`client_tls`); None: as by default."""
    unix_offset: float
    """Seconds to add to the monotonic clock to get Unix time."""


def make_context(
    settings: Settings,
    destination: Destination,
    *,
    certificate: Certificate,
    clock: MediaClock,
    offset: float | None = None,
) -> CallContext:
    """A context for calls from now on.

    :param offset: seconds from the monotonic clock to Unix time; as this process reads its clock when not given.
    :raises SettingsError: the file of ``tls_ca``, or the path of media, cannot be used.
    """
    usable_media_path(settings)
    return CallContext(
        settings=settings,
        destination=destination,
        certificate=certificate,
        clock=clock,
        ssl_context=client_tls(settings.tls_ca, insecure=settings.tls_insecure),
        unix_offset=unix_offset() if offset is None else offset,
    )
