"""A TURN server from a gateway's list: whether it gives an allocation for the issued credentials."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

from aioice.stun import TransactionFailed, TransactionTimeout
from aioice.turn import create_turn_endpoint
from aiortc.rtcicetransport import parse_stun_turn_uri

from loadkit.conformance.case import ExpectationFailed
from loadkit.conformance.target import Target
from loadkit.transport.addresses import is_loopback


@dataclass(frozen=True)
class TurnAddress:
    """Where a TURN URL leads."""

    url: str
    host: str
    port: int
    transport: str
    """``udp`` or ``tcp``."""
    tls: bool

    @classmethod
    def of(cls, url: str) -> TurnAddress | None:
        """Out of a URL; None when it is none of TURN, or of DTLS, which few servers speak."""
        try:
            parts = parse_stun_turn_uri(url)
        except ValueError:
            return None
        tls = parts["scheme"] == "turns"
        # RFC 7065 section 3.1: turns without a transport is TLS over TCP.
        transport = parts.get("transport", "udp") if "transport=" in url else ("tcp" if tls else "udp")
        if parts["scheme"] not in ("turn", "turns") or (tls and transport == "udp"):
            return None
        return cls(url, str(parts["host"]), int(parts["port"]), str(transport), tls)

    @property
    def loopback(self) -> bool:
        """Whether it is on this machine's loopback interface."""
        return is_loopback(self.host)


async def try_to_allocate(address: TurnAddress, username: str, credential: str, target: Target) -> str | None:
    """Ask for an allocation and give it back; None when it was given, a clause when nobody answered.

    :raises ExpectationFailed: the server refused, or its certificate is not accepted.
    """
    expected = f"an allocation at {address.url}"
    try:
        async with asyncio.timeout(target.plan.wait):
            transport, _ = await create_turn_endpoint(
                asyncio.DatagramProtocol,
                server_addr=(address.host, address.port),
                username=username,
                password=credential,
                ssl=target.authorities if address.tls else None,
                transport=address.transport,
            )
    except TransactionFailed as exc:
        attributes = exc.response.attributes
        code, words = attributes.get("ERROR-CODE", (0, "no reason"))
        raise ExpectationFailed(expected, f"STUN error {code} {words}") from None
    except ssl.SSLError as exc:
        raise ExpectationFailed(expected, f"TLS failed ({exc.reason})") from None
    except (TransactionTimeout, OSError) as exc:  # TimeoutError is an OSError
        return f"no answer ({type(exc).__name__})"
    transport.close()
    return None
