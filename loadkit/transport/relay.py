"""A relay at a TURN server (RFC 8656): who was asked, how long it took, and why there is none.

no answer, connection refused, host name not resolved      TURN_UNREACHABLE
TLS handshake failed, certificate not accepted             TURN_TLS
401, 403, 438 and 441 to the question for an allocation    TURN_UNAUTHORIZED
any other refusal: 486 quota reached, 508 no capacity, …   TURN_REFUSED
"""

from __future__ import annotations

import asyncio
import functools
import os
import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass

from aioice.ice import Connection, StunProtocol

from loadkit.errors import Stage, TransportError
from loadkit.transport import aioice_turn
from loadkit.transport.aioice_turn import TransactionFailed, TransactionTimeout, TurnClient, TurnTcp, TurnUdp
from loadkit.transport.route import TurnServer

#: RFC 8489 section 14.8, RFC 8656 section 19: what is about who asks.
_UNAUTHORIZED = (401, 403, 438, 441)

_RECEIVE_BUFFER_BYTES = 262_144


@dataclass(frozen=True)
class TurnOptions:
    """How TURN servers are asked."""

    timeout: float = 5.0
    """Seconds for a relay, from the resolution of the name on."""
    local_address: str | None = None
    """Address to ask from; None to leave it to the system."""
    ssl_context: ssl.SSLContext | None = None
    """For ``turns:``; None for the machine's own certificate authorities."""


@dataclass(frozen=True)
class Relay:
    """An allocation, as one more socket of an ICE connection."""

    server: TurnServer
    protocol: StunProtocol
    """aioice's view of the socket; its local candidate is the relayed address."""
    local_address: str
    """Our address towards the server."""
    seconds: float
    """How long the allocation took, TCP and TLS included."""

    @property
    def refusal(self) -> str | None:
        """Why the server refused a channel, with its number; None when it did not."""
        transport = self.protocol.transport
        return transport.refusal if isinstance(transport, aioice_turn.RelayTransport) else None


async def get_relay(
    connection: Connection,
    server: TurnServer,
    options: TurnOptions,
    *,
    hide_related: bool,
    on_lost: Callable[[], None],
) -> Relay:
    """Ask one server for a relay.

    :param on_lost: called when the relay is gone later on, though nobody closed it.
    :raises TransportError: TURN_UNREACHABLE, TURN_TLS, TURN_UNAUTHORIZED or TURN_REFUSED.
    """
    started = time.monotonic()
    client = await _Attempt(server, options).run()
    client.on_lost = on_lost
    address = client.transport.get_extra_info("sockname")
    protocol = aioice_turn.join(connection, client, hide_related=hide_related)
    return Relay(server, protocol, str(address[0]), time.monotonic() - started)


class _Attempt:
    """One try to be given a relay by one server."""

    def __init__(self, server: TurnServer, options: TurnOptions) -> None:
        self._server = server
        self._options = options
        self._in_tls = False

    async def run(self) -> TurnClient:
        """A client with an allocation.

        :raises TransportError: see the module's docstring.
        """
        try:
            async with asyncio.timeout(self._options.timeout):
                client = await (self._open_udp() if self._server.protocol == "udp" else self._open_tcp())
                try:
                    await client.allocate()
                except BaseException:
                    client.abort()
                    raise
                return client
        except TransactionFailed as exc:
            raise self._refused(exc) from exc
        except (OSError, ssl.CertificateError, TransactionTimeout, UnicodeError) as exc:
            raise self._failed(exc) from exc

    @property
    def _family(self) -> socket.AddressFamily:
        """Of the server's address: that of the address to ask from."""
        local = self._options.local_address
        if local is None:
            return socket.AF_UNSPEC
        return socket.AF_INET6 if ":" in local else socket.AF_INET

    async def _open_udp(self) -> TurnClient:
        local = self._options.local_address
        transport, client = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: TurnUdp(self._server),
            family=self._family,
            remote_addr=(self._server.host, self._server.port),
            local_addr=(local, 0) if local else None,
        )
        udp = transport.get_extra_info("socket")
        if udp is not None:
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        return client

    async def _open_tcp(self) -> TurnClient:
        """TCP first, then TLS over it: a failure says which of them it was."""
        loop = asyncio.get_running_loop()
        tcp = await self._connected_socket()
        if self._server.protocol == "tcp":
            _, client = await loop.create_connection(lambda: TurnTcp(self._server), sock=tcp)
            return client
        self._in_tls = True
        _, client = await loop.create_connection(
            lambda: TurnTcp(self._server),
            sock=tcp,
            ssl=self._options.ssl_context or _default_tls(),
            server_hostname=self._server.host,
        )
        self._in_tls = False
        return client

    async def _connected_socket(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        local = self._options.local_address
        found = await loop.getaddrinfo(
            self._server.host, self._server.port, family=self._family, type=socket.SOCK_STREAM
        )
        error: OSError = OSError("no address")
        for address_family, kind, number, _, address in found:
            tcp = socket.socket(address_family, kind, number)
            try:
                tcp.setblocking(False)
                if local:
                    tcp.bind((local, 0))
                await loop.sock_connect(tcp, address)
            except OSError as exc:
                tcp.close()
                error = exc
            except BaseException:
                tcp.close()
                raise
            else:
                return tcp
        raise error

    def _failed(self, error: Exception) -> TransportError:
        limit = f"within {self._options.timeout:g} s"
        match error:
            case ssl.SSLCertVerificationError():
                return self._error(
                    "TURN_TLS", f"its certificate was not accepted ({error.verify_message.rstrip('.')})"
                )
            case ssl.SSLError() | ssl.CertificateError():
                what = getattr(error, "reason", None) or str(error)
                return self._error("TURN_TLS", f"the TLS handshake failed ({what})")
            case TimeoutError() if self._in_tls:
                return self._error("TURN_TLS", f"the TLS handshake did not finish {limit}")
            case ConnectionError() if self._in_tls:
                return self._error("TURN_TLS", "the other side hung up during the TLS handshake")
            case TransactionTimeout() | TimeoutError():
                return self._error("TURN_UNREACHABLE", f"no answer {limit}")
            case socket.gaierror():
                return self._error(
                    "TURN_UNREACHABLE", f"the host name could not be resolved ({error.strerror})"
                )
            case UnicodeError():
                return self._error("TURN_UNREACHABLE", "the host name could not be resolved")
            case OSError():
                # The words of the system alone: asyncio and uvloop put different ones around them.
                words = os.strerror(error.errno) if error.errno else str(error) or repr(error)
                return self._error("TURN_UNREACHABLE", words[:1].lower() + words[1:])
            case _:
                return self._error("TURN_UNREACHABLE", repr(error))

    def _refused(self, error: TransactionFailed) -> TransportError:
        words = aioice_turn.server_words(error)
        if aioice_turn.server_number(error) in _UNAUTHORIZED:
            return self._error(
                "TURN_UNAUTHORIZED", f"it did not accept the credentials ({words}){self._expired()}"
            )
        return self._error("TURN_REFUSED", f"it refused ({words})")

    def _expired(self) -> str:
        """A clause when the credentials were over: their user name begins with the time of their end."""
        match = re.match(r"(\d{9,11}):", self._server.username)
        ago = time.time() - int(match[1]) if match else -1.0
        return f"; they had expired {ago:.0f} s before" if ago >= 0 else ""

    def _error(self, code: str, what: str) -> TransportError:
        return TransportError(Stage.ICE, code, f"no relay from {self._server.url}: {what}")


@functools.cache
def _default_tls() -> ssl.SSLContext:
    """The machine's certificate authorities, read once."""
    return ssl.create_default_context()
