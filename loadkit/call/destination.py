"""Where calls go, in plain values: without anything that carries a call, for a process that holds none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from loadkit.settings import Settings
from loadkit.signaling.urls import ice_servers_url, signaling_url
from loadkit.transport.addresses import candidate_addresses, is_loopback


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
