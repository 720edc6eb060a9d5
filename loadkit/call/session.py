"""One call: signaling and media to a gateway, in the order in which things happen.

    ICE servers → WebSocket → offer (before gathering is done) → answer → ICE → DTLS → media → close

:meth:`CallSession.run` is the call. While it runs, the script's commands (``talk``, ``say``,
``wait_for_agent``, ``wait_for_reply``, ``hang_up``) are called from elsewhere in the same loop. However
the call ends, the first cause counts, everything is closed, and one record is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
from aiortc import RTCIceCandidate, RTCIceServer

from loadkit.call.hearing import Hearing
from loadkit.call.lifetime import CallEnded, Lifetime
from loadkit.call.media import CallMedia
from loadkit.call.script import Script
from loadkit.call.spec import OFFER_SETTINGS, CallSpec
from loadkit.call.timeline import Timeline
from loadkit.errors import CallError, GatewayError, SignalingError, Stage, TransportError
from loadkit.media.clock import MediaClock
from loadkit.records import CallRecord, Outcome, TurnRecord
from loadkit.settings import Settings
from loadkit.signaling.client import SignalingConnection, SocketLost
from loadkit.signaling.ice_servers import IceServersUnavailable, fetch_ice_servers
from loadkit.signaling.messages import IceCandidate, Offer
from loadkit.signaling.protocol import (
    AnswerReceived,
    ClientEvent,
    ClientProtocol,
    FrameDropped,
    GatewayErrorReceived,
    RemoteCandidate,
    RemoteCandidatesEnd,
    RemoteClosed,
)
from loadkit.transport.peer import Certificate, Peer, usable_ice_servers
from loadkit.transport.sdp import (
    LocalDescription,
    RemoteDescription,
    read_candidate,
    read_sdp,
    write_candidate,
    write_sdp,
)

logger = logging.getLogger(__name__)

#: Text from the gateway is kept verbatim up to these lengths; a frame may hold a megabyte of it.
_LONGEST_CODE, _LONGEST_MESSAGE = 100, 1000
#: How long ``close`` and the closing of sockets may take.
_GOODBYE_S = 2.0


@dataclass(frozen=True)
class CallContext:
    """What all calls of a process share."""

    settings: Settings
    signaling_url: str
    ice_servers_url: str
    addresses: Sequence[str]
    """Local addresses for host candidates."""
    loopback: bool
    """The gateway is on loopback: no STUN or TURN server is used."""
    certificate: Certificate
    clock: MediaClock
    http: aiohttp.ClientSession
    ssl_context: ssl.SSLContext | None
    unix_offset: float
    """Seconds to add to the monotonic clock to get Unix time."""


class CallSession:
    """One call; see the module's docstring."""

    def __init__(self, spec: CallSpec, context: CallContext) -> None:
        self.spec = spec
        #: Resolved with the sessionId when media can flow.
        self.connected: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._context = context
        self._settings = context.settings
        self._timeline = Timeline(spec.intended)
        self._lifetime = Lifetime(spec.call_id)
        self._hearing = Hearing(self._timeline, listen=spec.listen, changed=lambda: self.script.changed())
        self._media = CallMedia(
            self._timeline,
            self._hearing,
            media_timeout=self._settings.media_timeout,
            failed=self._lifetime.fail,
            changed=lambda: self.script.changed(),
        )
        #: What the call's script can do.
        self.script = Script(self._lifetime, self._media.speaker, self._hearing)
        self._protocol = ClientProtocol()
        self._connection: SignalingConnection | None = None
        self._peer: Peer | None = None
        self._remote: RemoteDescription | None = None
        self._answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._sending = asyncio.Lock()
        self._record = CallRecord(
            call_id=spec.call_id,
            user=spec.user,
            scenario=spec.scenario,
            mode=spec.mode,
            call_sid=spec.call_sid,
        )

    # The call, top to bottom

    async def run(self) -> tuple[CallRecord, list[TurnRecord]]:
        """Place the call, hold it until it ends, and return its record and turns. Never raises."""
        self._mark("started")
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                await self._set_up()
            if not self.connected.done():
                self.connected.set_result(self._protocol.session_id)
            await self._lifetime.unless_ended(self._watch_peer())
        except CallEnded:
            pass
        except CallError as error:
            self._lifetime.fail(error)
        except TimeoutError:
            seconds = self._settings.connect_timeout
            self._lifetime.fail_here("CONNECT_TIMEOUT", f"not connected within {seconds:g} s")
        except asyncio.CancelledError:
            self._lifetime.finish(Outcome.CANCELLED)
        except Exception as exc:  # noqa: BLE001 - whatever it is, the call leaves its record
            self._lifetime.broken(exc)
        self._mark("ended")
        await self._tear_down()
        return self._finish_record()

    async def _set_up(self) -> None:
        settings, lifetime = self._settings, self._lifetime
        servers = await lifetime.unless_ended(self._get_ice_servers())
        peer = self._peer = self._make_peer(servers)
        lifetime.stage = Stage.WEBSOCKET
        await lifetime.unless_ended(self._open_websocket())
        lifetime.spawn(self._read_signaling())
        lifetime.stage = Stage.ANSWER
        await self._send_offer()
        lifetime.spawn(self._gather(peer))
        sdp = await lifetime.within(
            settings.answer_timeout, self._answer, "ANSWER_TIMEOUT", "no answer to the offer"
        )
        remote = await self._apply_answer(peer, sdp)
        lifetime.stage = Stage.ICE
        await lifetime.within(
            settings.ice_timeout, peer.connect(remote.ice), "ICE_TIMEOUT", "no pair was selected"
        )
        self._mark("pair_selected")
        lifetime.stage = Stage.DTLS
        outcome = await lifetime.within(
            settings.dtls_timeout, peer.handshake(remote.dtls), "DTLS_TIMEOUT", "the handshake did not finish"
        )
        self._mark("dtls_done")
        lifetime.stage = Stage.MEDIA
        record = self._record
        record.dtls_role, record.tls_version = outcome.role, outcome.version
        record.dtls_cipher, record.srtp_cipher = outcome.cipher, outcome.srtp_profile
        self._media.start(self._context.clock, time.monotonic())

    async def _get_ice_servers(self) -> list[RTCIceServer]:
        """Best effort, as the official clients do; a failure is recorded and the call goes on."""
        self._lifetime.stage = Stage.ICE_SERVERS
        self._mark("ice_servers_asked")
        try:
            servers = await fetch_ice_servers(
                self._context.http,
                self._context.ice_servers_url,
                self._settings.token(),
                self._settings.ice_servers_timeout,
            )
        except IceServersUnavailable as exc:
            self._record.ice_servers_error = exc.reason
            return []
        self._mark("ice_servers_had")
        self._record.ice_servers_count = len(servers)
        if self._context.loopback:
            return []
        return usable_ice_servers([(s.urls, s.username, s.credential) for s in servers])

    def _make_peer(self, servers: list[RTCIceServer]) -> Peer:
        return Peer(
            controlling=True,
            certificate=self._context.certificate,
            addresses=self._context.addresses,
            ice_servers=servers,
            on_rtp=self._media.rtp_received,
            on_rtcp=self._media.rtcp_received,
        )

    async def _open_websocket(self) -> None:
        self._mark("websocket_asked")
        self._connection = SignalingConnection(
            self._context.signaling_url,
            timeout=self._settings.websocket_timeout,
            ssl_context=self._context.ssl_context,
            local_address=self._settings.local_address,
        )
        await self._connection.open()
        self._mark("websocket_open")

    async def _send_offer(self) -> None:
        assert self._peer is not None
        peer, settings, asked = self._peer, self._settings, self.spec.offer
        local = LocalDescription(
            ice=peer.ice_parameters, dtls=peer.dtls_parameters, ssrc=peer.ssrc, cname=peer.cname
        )
        fields = {name: asked.get(name, getattr(settings, name)) for name in OFFER_SETTINGS}
        self._protocol.send_offer(
            Offer(
                sdp=write_sdp(local, "offer"),
                auth_token=settings.token(),
                mode=self.spec.mode,
                call_sid=self.spec.call_sid,
                **fields,
            )
        )
        self._mark("offer_sent")
        await self._flush()

    async def _gather(self, peer: Peer) -> None:
        """Gather candidates and trickle them; the protocol holds them until the sessionId is known."""
        self._mark("gathering_started")

        def trickle(candidate: RTCIceCandidate) -> None:
            self._protocol.send_candidate(
                IceCandidate(write_candidate(candidate), sdp_mid="0", sdp_mline_index=0)
            )
            self._lifetime.spawn(self._flush())

        await peer.gather(trickle)
        self._mark("gathered")
        self._record.local_candidates = len(peer.local_candidates)
        self._protocol.send_candidate(IceCandidate("", sdp_mid="0", sdp_mline_index=0))
        await self._flush()

    async def _apply_answer(self, peer: Peer, sdp: str) -> RemoteDescription:
        try:
            remote = read_sdp(sdp)
        except ValueError as exc:
            raise SignalingError(Stage.ANSWER, "ANSWER_INVALID", str(exc)) from exc
        self._remote = remote
        self._record.codec = remote.codec
        self._record.remote_candidates = len(remote.candidates)
        self._media.attach(peer, remote.payload_type, self._context.unix_offset)
        for candidate in remote.candidates:
            self._lifetime.spawn(self._hand_to_ice(peer, candidate))
        self._mark("answer_applied")
        self._lifetime.spawn(self._follow_remote_candidates())
        return remote

    async def _watch_peer(self) -> None:
        """Hold the call until the peer is lost; anything else that ends it ends this wait."""
        assert self._peer is not None
        reason = await asyncio.shield(self._peer.lost)
        raise TransportError(Stage.MEDIA, "MEDIA_LOST", reason)

    # Signaling

    async def _read_signaling(self) -> None:
        assert self._connection is not None
        while True:
            try:
                frame = await self._connection.recv()
            except SocketLost as lost:
                await self._reopen_signaling(lost)
                continue
            now = time.monotonic()
            self._handle(self._protocol.receive(frame, now), now)
            await self._flush()

    def _handle(self, events: list[ClientEvent], now: float) -> None:
        for event in events:
            match event:
                case AnswerReceived(sdp=sdp, session_id=session_id):
                    self._timeline.mark("answer_received", now)
                    self._record.session_id = session_id
                    if not self._answer.done():
                        self._answer.set_result(sdp)
                case RemoteCandidate(candidate=candidate):
                    self._lifetime.spawn(self._add_remote_candidate(candidate))
                case RemoteCandidatesEnd():
                    self._lifetime.spawn(self._end_remote_candidates())
                case RemoteClosed():
                    if self.connected.done():
                        self._lifetime.finish(Outcome.HUNG_UP)
                    else:
                        self._lifetime.fail_here("CLOSED_EARLY", "the gateway sent close during the set-up")
                case GatewayErrorReceived(code=code, message=message):
                    code, message = self._without_token(code), self._without_token(message)
                    error = GatewayError(
                        self._lifetime.stage, code[:_LONGEST_CODE], message[:_LONGEST_MESSAGE]
                    )
                    self._lifetime.fail(error)
                case FrameDropped(reason=reason):
                    logger.debug("call %s: dropped a frame: %s", self.spec.call_id, reason)

    def _without_token(self, text: str) -> str:
        """Text from the gateway, which may repeat the token that it refuses."""
        token = self._settings.token()
        return text.replace(token, "***") if token else text

    async def _add_remote_candidate(self, candidate: IceCandidate) -> None:
        assert self._peer is not None
        try:
            readable = read_candidate(candidate.candidate)
        except ValueError as exc:
            self._protocol.frames_dropped += 1
            logger.debug("call %s: %s", self.spec.call_id, exc)
            return
        self._record.remote_candidates = (self._record.remote_candidates or 0) + 1
        await self._hand_to_ice(self._peer, readable)

    async def _hand_to_ice(self, peer: Peer, candidate: RTCIceCandidate) -> None:
        try:
            await peer.add_remote_candidate(candidate)
        except OSError as exc:
            # An mDNS name takes a socket on port 5353 to resolve; the call can do without the candidate.
            logger.debug("call %s: candidate %s: %s", self.spec.call_id, candidate.ip, exc)

    async def _end_remote_candidates(self) -> None:
        assert self._peer is not None
        await self._peer.add_remote_candidate(None)

    async def _follow_remote_candidates(self) -> None:
        """Hand over what was held back, as it becomes due."""
        now = time.monotonic()
        self._handle(self._protocol.answer_applied(now), now)
        while True:
            deadline = self._protocol.next_deadline()
            await asyncio.sleep(0.5 if deadline is None else max(0.0, deadline - time.monotonic()))
            now = time.monotonic()
            self._handle(self._protocol.poll(now), now)
            if self.connected.done():
                return

    async def _reopen_signaling(self, lost: SocketLost) -> None:
        """A socket lost in mid-call is opened again and the session goes on, as the official clients do."""
        assert self._connection is not None
        self._protocol.connection_lost()
        if not self._protocol.resumable:
            stage = Stage.ANSWER if not self._answer.done() else self._lifetime.stage
            raise SignalingError(stage, "SIGNALING_LOST", f"{lost} before the session had a name")
        await self._connection.reopen()
        self._record.signaling_reconnects += 1
        self._protocol.connection_reopened()
        self._protocol.send_ping()
        await self._flush()

    async def _flush(self) -> None:
        """Send what the protocol has; what a lost socket did not take waits for the next one."""
        async with self._sending:
            if self._connection is None:
                return
            frames = self._protocol.data_to_send()
            for index, frame in enumerate(frames):
                try:
                    await self._connection.send(frame)
                except SocketLost:
                    # The reader sees it too, and reopens.
                    self._protocol.put_back(frames[index:])
                    return

    # From elsewhere in the loop

    async def wait_connected(self) -> str | None:
        """Wait until media can flow; returns the sessionId.

        :raises CallEnded: the call ended first.
        """
        return await self._lifetime.unless_ended(asyncio.shield(self.connected))

    def hang_up(self, outcome: Outcome, error: CallError | None = None) -> None:
        """End the call from our side."""
        self._lifetime.finish(outcome, error)

    def end_message(self) -> dict[str, str | None]:
        """How the call ended, for the script: outcome, code and message; empty while it has not."""
        end = self._lifetime.end
        if end is None:
            return {}
        error = end.error
        return {
            "outcome": end.outcome,
            "stage": error.stage if error else None,
            "code": error.code if error else None,
            "message": error.message if error else None,
        }

    # The end

    async def _tear_down(self) -> None:
        self._media.stop()
        await self._lifetime.cancel_tasks(_GOODBYE_S)
        if self._peer is not None:
            types = self._peer.selected_types()
            if types:
                self._record.local_candidate_type, self._record.remote_candidate_type = types
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                if self._protocol.send_close():
                    await self._flush()
        try:
            async with asyncio.timeout(_GOODBYE_S):
                if self._peer is not None:
                    await self._peer.close()
                if self._connection is not None:
                    await self._connection.close()
        except TimeoutError:
            logger.warning("call %s: closing its sockets took more than %g s", self.spec.call_id, _GOODBYE_S)
        if not self.connected.done():
            self.connected.cancel()

    def _finish_record(self) -> tuple[CallRecord, list[TurnRecord]]:
        record, end = self._record, self._lifetime.end
        assert end is not None
        self._timeline.fill(record, self._context.unix_offset)
        self._media.fill(record)
        record.signaling_dropped = self._protocol.frames_dropped
        record.sample = self.script.first_sample
        outcome, error = end.outcome, end.error
        ended_well = outcome in (Outcome.COMPLETED, Outcome.HUNG_UP)
        if ended_well and record.no_audio and not record.packets_received:
            outcome = Outcome.FAILED
            error = TransportError(Stage.MEDIA, "NO_AUDIO", "no RTP packet came in the whole call")
        record.outcome = outcome
        if error is not None:
            record.failed_stage, record.error_code, record.error_message = (
                error.stage,
                error.code,
                error.message,
            )
        self._hearing.call_ended()
        turns = self._hearing.turns
        for turn in turns:
            turn.call_id = record.call_id
        record.turns = len(turns) if self.spec.listen else None
        return record, turns

    def _mark(self, name: str) -> None:
        self._timeline.mark(name, time.monotonic())
