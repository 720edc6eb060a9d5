"""What the pieces of a call's set-up cost by themselves, as the libraries do them and as they are done here.

    python -m benchmarks.setup_pieces

Microseconds of this process's CPU, the quickest of several rounds. In a call they cost about twice that: there, each
runs once, and nothing of it is in the processor's cache.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import uvloop
from aioice import stun
from aioice.ice import Connection
from aiortc import RTCIceGatherer
from aiortc.rtcdtlstransport import SRTP_PROFILES
from OpenSSL import SSL

from loadkit.gateway.embedded import EmbeddedGateway
from loadkit.signaling.ice_servers import fetch_ice_servers
from loadkit.signaling.lenient_parser import parse_from_gateway
from loadkit.signaling.messages import IceCandidate, encode
from loadkit.transport import aioice_stun, sdp
from loadkit.transport.aioice_stun import THEIRS
from loadkit.transport.dtls import Certificate
from loadkit.transport.peer import Peer

_ROUNDS, _TIMES = 7, 200
_KEY = b"a-password-of-22-chars"


def _quickest(piece: Callable[[], object], times: int = _TIMES) -> float:
    rounds = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(times):
            piece()
        rounds.append((time.process_time() - began) / times)
    return min(rounds) * 1e6


async def _quickest_of_awaited(piece: Callable[[], Awaitable[object]], times: int = 30) -> float:
    rounds = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(times):
            await piece()
        rounds.append((time.process_time() - began) / times)
    return min(rounds) * 1e6


def _answer() -> bytes:
    message = stun.Message(
        message_method=stun.Method.BINDING, message_class=stun.Class.RESPONSE, transaction_id=bytes(12)
    )
    message.attributes["XOR-MAPPED-ADDRESS"] = ("127.0.0.1", 50_000)
    message.add_message_integrity(_KEY)
    return bytes(message)


def _answers() -> tuple[float, float]:
    """An answer to a connectivity check, by aioice and as it is done."""
    message_type: Any = stun.Message
    message_type.__bytes__, message_type.add_message_integrity = THEIRS.to_bytes, THEIRS.add_integrity
    stun.pack_xor_address = THEIRS.pack_xor_address
    stun.ATTRIBUTES_BY_NAME.update((entry[1], entry) for entry in stun.ATTRIBUTES)
    by_aioice = _quickest(_answer)
    aioice_stun.install()
    return by_aioice, _quickest(_answer)


def _handshake(context: SSL.Context) -> None:
    """Both ends of a DTLS handshake, with nothing but OpenSSL between them."""
    ends = [SSL.Connection(context), SSL.Connection(context)]
    ends[0].set_connect_state()
    ends[1].set_accept_state()
    done = [False, False]
    while not all(done):
        for index, end in enumerate(ends):
            try:
                end.do_handshake()
                done[index] = True
            except SSL.WantReadError:
                pass
            try:
                while True:
                    ends[1 - index].bio_write(end.bio_read(1500))
            except SSL.Error:
                pass


def _peer(certificate: Certificate) -> Peer:
    def ignore(_packet: bytes, _arrival: float) -> None:
        pass

    return Peer(
        controlling=True, certificate=certificate, addresses=["127.0.0.1"], on_rtp=ignore, on_rtcp=ignore
    )


async def _ice_servers(url: str) -> tuple[float, float]:
    """``GET /api/v1/ice-servers``, by aiohttp and as it is done."""
    address = url.replace("ws:", "http:") + "/api/v1/ice-servers"
    headers = {"Authorization": "Bearer token"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as http:

        async def by_aiohttp() -> None:
            async with http.get(address, headers=headers, allow_redirects=False) as response:
                json.loads(await response.read())

        return (
            await _quickest_of_awaited(by_aiohttp),
            await _quickest_of_awaited(lambda: fetch_ice_servers(address, "token", 10)),
        )


async def measure(url: str) -> dict[str, tuple[float | None, float]]:
    """Piece → microseconds as a library does it (None: there is no other way), and as it is done."""
    certificate = Certificate()
    peer = _peer(certificate)
    local = sdp.LocalDescription(
        ice=peer.ice_parameters, dtls=peer.dtls_parameters, ssrc=peer.ssrc, cname=peer.cname
    )
    answer = sdp.write_sdp(local, "answer")
    frame = encode(IceCandidate("candidate:1 1 udp 2130706431 127.0.0.1 5000 typ host", "0", 0, "session"))
    context = certificate.certificate._create_ssl_context(SRTP_PROFILES)
    return {
        "ICE servers, connection and all": await _ice_servers(url),
        "an answer to a connectivity check": _answers(),
        "ICE connection, ufrag and password": (
            _quickest(lambda: Connection(ice_controlling=True)),
            _quickest(
                lambda: RTCIceGatherer([], local_username="abcd", local_password=secrets.token_hex(11))
            ),
        ),
        "offer, written": (
            _quickest(lambda: sdp._render(local, "offer", 1)),
            _quickest(lambda: sdp.write_sdp(local, "offer")),
        ),
        "answer, read": (None, _quickest(lambda: sdp.read_sdp(answer))),
        "a candidate, read": (None, _quickest(lambda: parse_from_gateway(frame))),
        "DTLS handshake, OpenSSL alone, one end": (None, _quickest(lambda: _handshake(context), 20) / 2),
    }


def _main() -> int:
    gateway = EmbeddedGateway()
    try:
        pieces = uvloop.run(measure(gateway.start(["token"])))
    finally:
        gateway.stop()
    print(f"{'piece':<42}{'library':>9}{'here':>9}   µs CPU")
    for name, (library, here) in pieces.items():
        print(f"{name:<42}{'' if library is None else f'{library:.0f}':>9}{here:>9.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
