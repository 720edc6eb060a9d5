"""One ICE, DTLS and SRTP association, driven stage by stage.

The owner calls :meth:`Peer.gather`, :meth:`Peer.connect` and :meth:`Peer.handshake` in this order
(gathering may go on meanwhile), each under a time-out of its own, then :meth:`Peer.send_rtp` and
:meth:`Peer.send_rtcp`, and :meth:`Peer.close` at the end, however it came.

After the handshake RTP does not pass through aiortc: packets are decrypted where datagrams arrive and
handed to the owner with their arrival time, and sent straight to the selected pair's socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aioice.ice import CandidatePair
from aiortc import (
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceCandidate,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceServer,
    RTCIceTransport,
)
from aiortc.rtcicetransport import candidate_from_aioice, parse_stun_turn_uri

from loadkit.errors import Stage, TransportError
from loadkit.transport import aiortc_internals as internals

logger = logging.getLogger(__name__)

#: (packet, arrival on the monotonic clock in seconds)
PacketHandler = Callable[[bytes, float], None]

#: How long candidates may wait to be trickled while others are still being gathered.
_TRICKLE_POLL_S = 0.02

#: Media that overtakes the end of our own handshake is kept, up to this many packets (1 s).
_EARLY_PACKETS = 50

_CONSENT_EXPIRED = "ICE consent expired: the other side no longer answers connectivity checks"


@dataclass(frozen=True)
class DtlsOutcome:
    """What the handshake agreed on."""

    role: str
    version: str
    cipher: str | None
    srtp_profile: str


class Certificate:
    """The DTLS certificate of a process, and its fingerprint, made once for all its calls."""

    def __init__(self) -> None:
        self.certificate = internals.SharedCertificate.generateCertificate()
        sha256 = [f for f in self.certificate.getFingerprints() if f.algorithm == "sha-256"]
        self.parameters = RTCDtlsParameters(fingerprints=sha256)


def usable_ice_servers(servers: Sequence[tuple[Sequence[str], str | None, str | None]]) -> list[RTCIceServer]:
    """aiortc's form of (urls, username, credential) entries, without URLs that aiortc cannot use."""
    usable = []
    for urls, username, credential in servers:
        readable = []
        for url in urls:
            with contextlib.suppress(ValueError):
                if parse_stun_turn_uri(url)["scheme"] in ("stun", "turn", "turns"):
                    readable.append(url)
        if readable:
            usable.append(RTCIceServer(urls=readable, username=username, credential=credential))
    return usable


class Peer:
    """One association; see the module's docstring for the order of calls.

    :param controlling: whether we are the offerer, who nominates.
    :param addresses: local addresses to bind host candidates to.
    :param ice_servers: STUN and TURN servers; an empty sequence means none.
    """

    def __init__(
        self,
        *,
        controlling: bool,
        certificate: Certificate,
        addresses: Sequence[str],
        ice_servers: Sequence[RTCIceServer] = (),
        on_rtp: PacketHandler,
        on_rtcp: PacketHandler,
    ) -> None:
        self.ssrc = secrets.randbits(32) or 1
        self.cname = secrets.token_hex(8)
        self.dtls_parameters = certificate.parameters
        #: Packets that could not be authenticated or made the owner's handler fail.
        self.packets_refused = 0
        #: RTP packets that came again; SRTP lets none of them through (RFC 3711 section 3.3.2).
        self.packets_repeated = 0
        #: Resolved with a sentence when a connected peer is lost (consent expired, DTLS closed).
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        self._gatherer = RTCIceGatherer(iceServers=list(ice_servers))
        self._ice = RTCIceTransport(self._gatherer)
        self._connection = internals.ice_connection(self._ice)
        self._connection.ice_controlling = controlling
        self._dtls = RTCDtlsTransport(self._ice, [certificate.certificate])
        self._addresses = list(addresses)
        self._on_rtp = on_rtp
        self._on_rtcp = on_rtcp
        self._bound = asyncio.Event()
        self._selected = asyncio.Event()
        self._ice_task: asyncio.Task[None] | None = None
        self._gathering: asyncio.Task[None] | None = None
        self._rx: internals.SrtpSession | None = None
        self._tx: internals.SrtpSession | None = None
        self._early: list[tuple[bytes, float]] = []
        self._sendto: Callable[[bytes, Any], None] | None = None
        self._remote_address: Any = None
        # Kept for the record: a connection that is closed forgets its pair.
        self._pair: CandidatePair | None = None
        self._closed = False
        internals.on_nomination(self._connection, self._use_selected_pair)
        internals.tap_slow_path(self._connection, self._media_received)

    # Set-up

    @property
    def ice_parameters(self) -> RTCIceParameters:
        """ufrag and password of our side, known before gathering."""
        return self._gatherer.getLocalParameters()

    @property
    def local_candidates(self) -> list[RTCIceCandidate]:
        """Candidates gathered so far."""
        return self._gatherer.getLocalCandidates()

    async def gather(self, on_candidate: Callable[[RTCIceCandidate], None]) -> None:
        """Gather candidates, telling of each as soon as it is there.

        :raises TransportError: GATHERING_FAILED, no address could be bound.
        """
        told: set[tuple[str, int, str]] = set()

        def tell(candidates: list[RTCIceCandidate]) -> None:
            for candidate in candidates:
                key = (candidate.ip, candidate.port, candidate.type)
                if key not in told:
                    told.add(key)
                    on_candidate(candidate)

        self._gathering = asyncio.create_task(internals.gather(self._connection, self._addresses))
        done = False
        while not done:
            finished, _ = await asyncio.wait({self._gathering}, timeout=_TRICKLE_POLL_S)
            done = bool(finished)
            internals.tap(self._connection, self._media_received)
            bound = [p.local_candidate for p in internals.bound_protocols(self._connection)]
            tell([candidate_from_aioice(candidate) for candidate in bound])
            if bound:
                self._bound.set()
        # A local address may be something that is not even a host name.
        with contextlib.suppress(UnicodeError):
            await self._gathering
        tell(self.local_candidates)
        internals.pair_late_candidates(self._connection)
        self._bound.set()
        if not told:
            addresses = ", ".join(self._addresses) or "no address at all"
            raise TransportError(
                Stage.ICE, "GATHERING_FAILED", f"no ICE candidate could be bound on {addresses}"
            )

    async def add_remote_candidate(self, candidate: RTCIceCandidate | None) -> None:
        """Add a candidate of the other side; None says that there are no more."""
        await self._ice.addRemoteCandidate(candidate)

    async def connect(self, remote: RTCIceParameters) -> None:
        """Run connectivity checks until a pair is selected.

        :raises TransportError: ICE_FAILED, all pairs failed.
        """
        await self._bound.wait()
        internals.allow_checks_while_gathering(self._connection)
        self._ice_task = asyncio.create_task(self._ice.start(remote))
        selected = asyncio.create_task(self._selected.wait())
        try:
            await asyncio.wait({self._ice_task, selected}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            selected.cancel()
        if not self._selected.is_set():
            raise TransportError(Stage.ICE, "ICE_FAILED", f"no candidate pair worked: {self._pairs_tried()}")
        self._ice.on("statechange", self._ice_state_changed)

    async def handshake(self, remote: RTCDtlsParameters) -> DtlsOutcome:
        """Run the DTLS handshake and set SRTP up.

        :raises TransportError: DTLS_FAILED.
        """
        # RFC 8842 section 5: whoever is told "active" is the client; "actpass" leaves it to the answerer.
        role = "server" if remote.role == "client" else "client"
        internals.set_dtls_role(self._dtls, role)
        await self._dtls.start(remote)
        if self._dtls.state != "connected":
            await internals.refuse_dtls(self._dtls)
            raise TransportError(
                Stage.DTLS,
                "DTLS_FAILED",
                "the DTLS handshake failed: the other side refused it, or its certificate does not match "
                "the fingerprint in its SDP",
            )
        self._dtls.on("statechange", self._dtls_state_changed)
        self._rx, self._tx = internals.srtp_sessions(self._dtls)
        version, cipher, profile = internals.dtls_parameters(self._dtls)
        early, self._early = self._early, []
        for packet, arrival in early:
            self._decrypt(packet, arrival)
        return DtlsOutcome(internals.dtls_role(self._dtls), version, cipher, profile)

    def selected_types(self) -> tuple[str, str] | None:
        """Candidate types (ours, theirs) of the selected pair."""
        pair = self._pair
        return (pair.local_candidate.type, pair.remote_candidate.type) if pair else None

    # Media

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send one RTP packet; dropped when the peer is not connected or already closed."""
        if self._tx is not None and self._sendto is not None:
            self._sendto(self._tx.protect(packet), self._remote_address)

    def protect_rtp(self, packet: bytes) -> bytes | None:
        """One RTP packet as SRTP, for who sends it later or twice; None when the peer is not connected."""
        return None if self._tx is None else self._tx.protect(packet)

    def send_protected(self, data: bytes) -> None:
        """Send what :meth:`protect_rtp` made; dropped when the peer is already closed."""
        if self._sendto is not None:
            self._sendto(data, self._remote_address)

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send one compound RTCP packet."""
        if self._tx is not None and self._sendto is not None:
            self._sendto(self._tx.protect_rtcp(packet), self._remote_address)

    def nominated(self) -> CandidatePair | None:
        """The selected pair with both its candidates; None before there is one, and kept after the end."""
        return self._pair

    async def close(self) -> None:
        """Close DTLS, ICE and all sockets; may be called at any time, more than once."""
        if self._closed:
            return
        self._closed = True
        self._sendto = None
        if self._gathering is not None and not self._gathering.done():
            self._gathering.cancel()
            await asyncio.wait({self._gathering})
        if self._ice_task is not None:
            # aioice starts its consent checks when its own loop notices that a pair was selected; a
            # connection closed before that moment would leave them running for ever.
            if not self._selected.is_set():
                self._ice_task.cancel()
            await asyncio.wait({self._ice_task})
        await self._dtls.stop()
        await self._ice.stop()
        self._dtls.remove_all_listeners()
        if not self.lost.done():
            self.lost.cancel()

    def abort(self) -> None:
        """Close what :meth:`close` could not close in time, without a word to anybody."""
        internals.abort(self._connection)

    # Inside

    def _use_selected_pair(self) -> None:
        pair = internals.nominated_pair(self._connection)
        if pair is None or self._closed:
            return
        self._pair = pair
        self._sendto = pair.protocol.transport.sendto
        self._remote_address = pair.remote_addr
        internals.tap(self._connection, self._media_received)
        self._selected.set()

    def _media_received(self, data: bytes) -> None:
        arrival = time.monotonic()
        if self._rx is None:
            if len(self._early) < _EARLY_PACKETS:
                self._early.append((data, arrival))
            return
        self._decrypt(data, arrival)

    def _decrypt(self, data: bytes, arrival: float) -> None:
        assert self._rx is not None
        try:
            # RFC 5761 section 4: payload types 64 to 95 are taken by RTCP's 192 to 223.
            if len(data) > 1 and 192 <= data[1] <= 223:
                self._on_rtcp(self._rx.unprotect_rtcp(data), arrival)
            else:
                self._on_rtp(self._rx.unprotect(data), arrival)
        except internals.SrtpError as exc:
            if internals.is_repetition(exc):
                self.packets_repeated += 1
            else:
                self.packets_refused += 1
        except Exception:
            # An exception here would close the socket's transport: count it, tell once, go on.
            self.packets_refused += 1
            if self.packets_refused == 1:
                logger.exception("a received packet could not be handled")

    def _pairs_tried(self) -> str:
        local = ", ".join(f"{c.type} {c.ip}" for c in self.local_candidates) or "none"
        remote = ", ".join(f"{c.type} {c.ip}" for c in self._ice.getRemoteCandidates()[:8]) or "none"
        return f"local candidates {local}; remote candidates {remote}"

    def _ice_state_changed(self) -> None:
        if self._ice.state == "failed" and not self._closed:
            self._tell_lost(_CONSENT_EXPIRED)

    def _dtls_state_changed(self) -> None:
        if self._dtls.state in ("closed", "failed") and not self._closed:
            # aioice forgets its pair when consent expires, and DTLS ends a moment before ICE says so.
            expired = internals.nominated_pair(self._connection) is None
            self._tell_lost(_CONSENT_EXPIRED if expired else "the other side closed DTLS")

    def _tell_lost(self, reason: str) -> None:
        # The socket may be closed by now, and uvloop raises when something is sent on one that is.
        self._sendto = None
        if not self.lost.done():
            self.lost.set_result(reason)
