"""What all calls of a process share, and where they go."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from loadkit.call.media_path import usable_media_path
from loadkit.media.clock import MediaClock
from loadkit.settings import Settings
from loadkit.signaling.tls import client_tls
from loadkit.signaling.urls import ice_servers_url, signaling_url
from loadkit.transport.addresses import candidate_addresses, is_loopback
from loadkit.transport.dtls import Certificate
from loadkit.unix_clock import unix_offset


@dataclass(frozen=True)
class Destination:
    """The gateway that calls go to; plain values, so that it can be sent to an engine."""

    signaling_url: str
    ice_servers_url: str
    addresses: tuple[str, ...]
    """Local addresses for host candidates of calls that were given none."""
    loopback: bool
    """The gateway is on loopback, and so is everything that calls to it talk to."""

    @classmethod
    def of(cls, host: str, settings: Settings) -> Destination:
        """Where calls to ``host`` go.

        :raises ValueError: ``host`` is not a ws, wss, http or https address.
        """
        signaling = signaling_url(host)
        name = urlsplit(signaling).hostname or ""
        return cls(
            signaling_url=signaling,
            ice_servers_url=ice_servers_url(host),
            addresses=settings.local_address[:1] or tuple(candidate_addresses(name)),
            loopback=is_loopback(name),
        )

    def to_message(self) -> dict[str, Any]:
        """As a mapping of plain values."""
        return asdict(self) | {"addresses": list(self.addresses)}

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Destination:
        """Out of :meth:`to_message`."""
        return cls(**{**message, "addresses": tuple(message["addresses"])})


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
