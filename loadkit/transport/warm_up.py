"""One call of a process with itself, before the first real one.

Contexts, tables and code paths of ICE, DTLS and SRTP are made on first use. Without this the first calls of
every engine would be measured several times slower than the rest, and a short run would report the tester's
own cold start as the gateway's set-up time.
"""

from __future__ import annotations

import asyncio
import logging

from aiortc import RTCDtlsParameters, RTCIceCandidate

from loadkit.errors import TransportError
from loadkit.transport.dtls import Certificate
from loadkit.transport.peer import Peer

logger = logging.getLogger(__name__)

_ADDRESS = "127.0.0.1"
_LIMIT_S = 5.0


async def warm_up(certificate: Certificate) -> None:
    """Join two peers on loopback once. Never raises: a machine that cannot do it has slow first calls."""
    offerer, answerer = _peer(certificate, controlling=True), _peer(certificate, controlling=False)
    try:
        async with asyncio.timeout(_LIMIT_S):
            await _join(offerer, answerer)
    except (TransportError, TimeoutError, OSError) as exc:
        logger.info("the warm-up failed, the first calls will be slower: %s", exc)
    finally:
        await offerer.close()
        await answerer.close()


def _peer(certificate: Certificate, *, controlling: bool) -> Peer:
    return Peer(
        controlling=controlling,
        certificate=certificate,
        addresses=[_ADDRESS],
        on_rtp=lambda _packet, _arrival: None,
        on_rtcp=lambda _packet, _arrival: None,
    )


async def _join(offerer: Peer, answerer: Peer) -> None:
    found: list[RTCIceCandidate] = []
    await offerer.gather(found.append)
    await answerer.gather(lambda _candidate: None)
    for candidate in found:
        await answerer.add_remote_candidate(candidate)
    for candidate in answerer.local_candidates:
        await offerer.add_remote_candidate(candidate)
    fingerprints = offerer.dtls_parameters.fingerprints
    await asyncio.gather(offerer.connect(answerer.ice_parameters), answerer.connect(offerer.ice_parameters))
    await asyncio.gather(
        offerer.handshake(RTCDtlsParameters(fingerprints=fingerprints, role="client")),
        answerer.handshake(RTCDtlsParameters(fingerprints=fingerprints, role="auto")),
    )
    offerer.send_rtp(bytes([0x80, 111]) + bytes(30))
