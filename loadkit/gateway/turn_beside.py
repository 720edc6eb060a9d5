"""``--with-turn``: coturn beside the gateway, for as long as the gateway runs, and its URLs for the callers."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import secrets
import socket

from pydantic import SecretStr

from loadkit.errors import GatewayStartError
from loadkit.gateway.coturn import Coturn
from loadkit.gateway.settings import GatewaySettings
from loadkit.gateway.tls import ServerTls
from loadkit.transport.addresses import is_loopback

logger = logging.getLogger(__name__)

_LOOK_S = 1.0


class TurnBeside:
    """One coturn with the gateway's certificate, or one made for it when the gateway speaks plainly.

    :param settings: as given, ``with_turn`` and all.
    :param tls: the gateway's; None when it has none.
    :raises GatewayStartError: the host cannot be resolved, or is a public address.
    :raises SettingsError: the folder for the certificate cannot be written to.
    """

    def __init__(self, settings: GatewaySettings, tls: ServerTls | None) -> None:
        secret = settings.turn_secret or SecretStr(secrets.token_urlsafe(32))
        address = _address(settings.host)
        self._made_tls = ServerTls.self_signed(settings) if tls is None else None
        tls = tls or self._made_tls
        assert tls is not None
        #: PEM file that verifies its certificate; None when an authority that callers know has signed it.
        self.authority = tls.authority
        self._coturn = Coturn(
            secret.get_secret_value(),
            address=address,
            port=settings.turn_port,
            tls_port=settings.turn_tls_port,
            certificate=(tls.certificate, tls.key),
            # A certificate that was given is for a name.
            name=None if is_loopback(settings.host) else settings.host,
        )
        #: The gateway's settings with this server's URLs and secret.
        self.settings = settings.model_copy(
            update={"turn_urls": (*settings.turn_urls, *self._coturn.urls), "turn_secret": secret}
        )

    @property
    def pid(self) -> int | None:
        """coturn's process; None while there is none."""
        return self._coturn.pid

    def start(self) -> None:
        """Start it and wait, without the event loop, until it answers.

        :raises GatewayStartError: it is not installed, or did not come up.
        """
        self._coturn.start()

    async def watch(self) -> None:
        """Say so when it dies; the gateway goes on, since calls without a relay need none."""
        # A child's end is asked for, not told: a thread that waits for it would outlive the loop.
        while (said := self._coturn.ended) is None:  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_S)
        logger.error("coturn has died, and calls that need its relay will fail (%s)", said)

    def stop(self) -> None:
        """End it; may be called more than once."""
        self._coturn.stop()
        if self._made_tls is not None:
            self._made_tls.close()


def _address(host: str) -> str:
    """The address of the host's name, the one that the gateway listens on.

    :raises GatewayStartError: there is none, or it is a public one.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as exc:
        raise GatewayStartError(f"coturn cannot listen on {host}: {exc.strerror}") from exc
    address = str(found[0][4][0])
    if ipaddress.ip_address(address.partition("%")[0]).is_global:
        raise GatewayStartError(f"{host} is the public address {address}, and no relay is opened on one")
    return address
