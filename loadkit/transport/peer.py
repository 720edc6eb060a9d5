"""One ICE, DTLS and SRTP association, driven stage by stage.

The owner calls :meth:`Peer.gather`, :meth:`Peer.connect` and :meth:`Peer.handshake` in this order
(gathering may go on meanwhile), each under a time-out of its own, then :meth:`Peer.send_rtp` and
:meth:`Peer.send_rtcp`, and :meth:`Peer.close` at the end, however it came.

After the handshake RTP does not pass through aiortc: packets are decrypted where datagrams arrive and
handed to the owner with their arrival time, and sent straight to the selected pair's socket.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from aioice.ice import CandidatePair
from aiortc import (
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceCandidate,
    RTCIceParameters,
    RTCIceTransport,
)

from loadkit.errors import Stage, TransportError
from loadkit.transport import aioice_stun, aiortc_media
from loadkit.transport import aiortc_internals as internals
from loadkit.transport.datagrams import PYTHON_POLL, DatagramPoll, poll_of_loop
from loadkit.transport.dtls import Certificate, DtlsOutcome
from loadkit.transport.gathering import Gathering, make_gatherer
from loadkit.transport.native_media import NativeMedia
from loadkit.transport.native_poll import NativePoll
from loadkit.transport.pylibsrtp_buffers import Process, rtp_protector
from loadkit.transport.reception import PacketHandler, Reception
from loadkit.transport.relay import TurnOptions
from loadkit.transport.route import Route
from loadkit.transport.selected_pair import SelectedPair, Selection, pairs_tried

logger = logging.getLogger(__name__)

aioice_stun.install()

#: What a peer gathers when nothing else is said.
HOSTS_ALONE = Route()
TURN_AS_USUAL = TurnOptions()

_CONSENT_EXPIRED = "ICE consent expired: the other side no longer answers connectivity checks"


class Peer:
    """One association; see the module's docstring for the order of calls.

    :param controlling: whether we are the offerer, who nominates.
    :param addresses: local addresses to bind host candidates to.
    :param route: what to gather; host candidates alone by default.
    :param turn: how TURN servers are asked.
    :param native: read the sockets in the compiled module, so that it can :meth:`carry` the RTP.
    :param through_aiortc: media takes aiortc's own way, in and out, from sockets that the event loop reads, and
        is handed to the owner a second time after aiortc has decrypted it: for aiortc's sender and receiver on
        :attr:`dtls`.
    """

    def __init__(
        self,
        *,
        controlling: bool,
        certificate: Certificate,
        addresses: Sequence[str],
        route: Route = HOSTS_ALONE,
        turn: TurnOptions = TURN_AS_USUAL,
        on_rtp: PacketHandler,
        on_rtcp: PacketHandler,
        native: bool = False,
        through_aiortc: bool = False,
    ) -> None:
        self.ssrc = secrets.randbits(32) or 1
        self.cname = secrets.token_hex(8)
        self.dtls_parameters = certificate.parameters
        self.reception = Reception(on_rtp, on_rtcp)
        #: Resolved with a sentence when a connected peer is lost (consent expired, DTLS closed).
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        self._gatherer = make_gatherer()
        self._ice = RTCIceTransport(self._gatherer)
        self._connection = internals.ice_connection(self._ice)
        self._connection.ice_controlling = controlling
        self._dtls = RTCDtlsTransport(self._ice, [certificate.certificate])
        #: Local candidates, and what became of the relay.
        self.gathering = Gathering(
            self._connection,
            addresses,
            route,
            turn,
            new_sockets=self._tap,
            relay_lost=self._relay_lost,
            poll=self._get_poll,
        )
        self._poll_kind: type[DatagramPoll] | None = NativePoll if native else PYTHON_POLL
        if through_aiortc:
            self._poll_kind = None
        self._media: NativeMedia | None = None
        self._remote_ended = False
        self._selected = asyncio.Event()
        self._ice_task: asyncio.Task[None] | None = None
        self._tx: internals.SrtpSession | None = None
        self._protect: Process | None = None
        self._sendto: Callable[[bytes, Any], None] | None = None
        self._remote_address: Any = None
        self._selection = Selection(self._connection, self.gathering)
        self._closed = False
        internals.on_nomination(self._connection, self._use_selected_pair)
        internals.check_back_at_once(self._connection)
        self._through_aiortc = through_aiortc
        if through_aiortc:
            aiortc_media.tap_decrypted(self._dtls, self.reception.hand_on)
        else:
            internals.tap_slow_path(self._connection, self.reception.take)

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

        :raises TransportError: GATHERING_FAILED, no address could be bound; TURN_…, the route needs a relay
            and there is none.
        """
        await self.gathering.run(on_candidate)
        if self._remote_ended:
            await self._ice.addRemoteCandidate(None)

    async def add_remote_candidate(self, candidate: RTCIceCandidate | None) -> None:
        """Add a candidate of the other side; None says that there are no more."""
        if candidate is None and not self.gathering.ended:
            # aioice would give up when all pairs so far have failed, though a candidate of ours is yet to come.
            self._remote_ended = True
            return
        await self._ice.addRemoteCandidate(candidate)

    async def connect(self, remote: RTCIceParameters) -> None:
        """Run connectivity checks until a pair is selected.

        :raises TransportError: ICE_FAILED, all pairs failed; or what :meth:`gather` raised.
        """
        await self.gathering.bound.wait()
        if self.gathering.error is not None:
            raise self.gathering.error
        internals.allow_checks_while_gathering(self._connection)
        self._ice_task = asyncio.create_task(self._ice.start(remote))
        selected = asyncio.create_task(self._selected.wait())
        try:
            await asyncio.wait({self._ice_task, selected}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            selected.cancel()
        if not self._selected.is_set():
            raise TransportError(
                Stage.ICE, "ICE_FAILED", f"no candidate pair worked: {pairs_tried(self._ice, self.gathering)}"
            )
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
        receiving, self._tx = internals.srtp_sessions(self._dtls)
        self._protect = rtp_protector(self._tx)
        version, cipher, profile = internals.dtls_parameters(self._dtls)
        self._open_media(receiving)
        return DtlsOutcome(internals.dtls_role(self._dtls), version, cipher, profile)

    def selected_types(self) -> tuple[str, str] | None:
        """Candidate types (ours, theirs) of the selected pair."""
        return self._selection.types()

    def selected_pair(self) -> SelectedPair | None:
        """The pair that media flows or flowed over; None while there is none."""
        return self._selection.described()

    def nominated(self) -> CandidatePair | None:
        """The selected pair with both its candidates; None before there is one, and kept after the end."""
        return self._selection.pair

    # Media

    def carry(self, media: NativeMedia) -> None:
        """Let the compiled module carry the RTP from the end of the handshake on; ``on_rtp`` is then not called.

        :raises ValueError: the peer's sockets are not read there.
        """
        if self._poll_kind is not NativePoll:
            raise ValueError("the compiled module can carry the media of a peer made with native=True alone")
        self._media = media

    @property
    def dtls(self) -> RTCDtlsTransport:
        """The transport, for aiortc's own sender and receiver."""
        return self._dtls

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send one RTP packet; dropped when the peer is not connected or already closed."""
        if self._protect is not None and self._sendto is not None:
            self._sendto(self._protect(packet), self._remote_address)

    def protect_rtp(self, packet: bytes) -> bytes | None:
        """One RTP packet as SRTP, for who sends it later or twice; None when the peer is not connected."""
        return None if self._protect is None else self._protect(packet)

    def send_protected(self, data: bytes) -> None:
        """Send what :meth:`protect_rtp` made; dropped when the peer is already closed."""
        if self._sendto is not None:
            self._sendto(data, self._remote_address)

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send one compound RTCP packet."""
        if self._tx is not None and self._sendto is not None:
            self._sendto(self._tx.protect_rtcp(packet), self._remote_address)

    async def close(self) -> None:
        """Close DTLS, ICE and all sockets; may be called at any time, more than once."""
        if self._closed:
            return
        self._closed = True
        self._send_nowhere()
        await self.gathering.cancel()
        if self._ice_task is not None:
            # aioice starts its consent checks when its own loop notices that a pair was selected; a
            # connection closed before that moment would leave them running for ever.
            if not self._selected.is_set():
                self._ice_task.cancel()
            await asyncio.wait({self._ice_task})
        try:
            await self._dtls.stop()
            await self._ice.stop()
        finally:
            self._close_media()
        self._dtls.remove_all_listeners()
        self.reception.close()
        self._tx = self._protect = None
        internals.forget_keys(self._dtls)
        if not self.lost.done():
            self.lost.cancel()

    def abort(self) -> None:
        """Close what :meth:`close` could not close in time, without a word to anybody."""
        internals.abort(self._connection)
        self._close_media()

    # Inside

    def _get_poll(self) -> DatagramPoll | None:
        """What reads the sockets from now on; None: the event loop, for aiortc or as the system has no epoll."""
        return None if self._poll_kind is None else poll_of_loop(self._poll_kind)

    def _open_media(self, receiving: internals.SrtpSession) -> None:
        """Media can flow: in the compiled module, or by the owner's handlers."""
        if self._media is None:
            self.reception.open(receiving)
            return
        # Without a host candidate the poll may be a fresh one: packets come over the relay's transport.
        poll = self._get_poll()
        assert isinstance(poll, NativePoll)
        self._media.open(
            poll, receiving, self._tx, self.ssrc, send=self.send_protected, take_rtcp=self.reception.take_at
        )
        self._aim_media()
        self.reception.open(receiving, self._media.take)

    def _aim_media(self) -> None:
        """Tell the compiled module which sockets are the peer's, and where packets go."""
        pair = self._selection.pair
        if self._media is None or pair is None:
            return
        for protocol in internals.bound_protocols(self._connection):
            self._media.read_from(protocol.transport)
        self._media.send_by(pair.protocol.transport, self._remote_address)

    def _send_nowhere(self) -> None:
        self._sendto = None
        if self._media is not None:
            self._media.send_nowhere()

    def _close_media(self) -> None:
        if self._media is not None:
            self._media.close()

    def _use_selected_pair(self) -> None:
        pair = None if self._closed else self._selection.take()
        if pair is None:
            return
        self._sendto = pair.protocol.transport.sendto
        self._remote_address = pair.remote_addr
        self._tap()
        self._aim_media()
        self._selected.set()

    def _tap(self) -> None:
        """See to the sockets that the connection has by now."""
        if not self._through_aiortc:
            internals.tap(self._connection, self.reception.take)
        self._selection.note_mapped_addresses()

    def _relay_lost(self) -> None:
        if self._selection.relay() is not None and not self._closed:
            self._tell_lost(f"the relay is gone: the TURN server {self.gathering.turn_url} ended it")

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
        self._send_nowhere()
        if not self.lost.done():
            self.lost.set_result(reason)
