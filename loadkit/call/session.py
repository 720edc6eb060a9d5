"""One call: signaling and media to a gateway, in the order in which things happen.

    ICE servers → WebSocket → offer (before gathering is done) → answer → ICE → DTLS → media → close

:meth:`CallSession.run` is the call. While it runs, the script's commands (``talk``, ``say``,
``wait_for_agent``, ``wait_for_reply``, ``hang_up``) are called from elsewhere in the same loop. However
the call ends, the first cause counts, everything is closed, and one record is left.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import Any

from aiortc import RTCIceCandidate

from loadkit.call.context import CallContext
from loadkit.call.hearing import Hearing
from loadkit.call.kept_text import keep_text, without_token
from loadkit.call.lifetime import CallEnded, Lifetime
from loadkit.call.media import CallMedia
from loadkit.call.media_path import make_stream_of
from loadkit.call.observer import NOBODY, CallObserver
from loadkit.call.path import CallPath
from loadkit.call.script import Script
from loadkit.call.signaling import CallSignaling
from loadkit.call.spec import OFFER_SETTINGS, CallSpec
from loadkit.call.timeline import Timeline
from loadkit.errors import CallError, SignalingError, Stage, TransportError
from loadkit.progress import Progress
from loadkit.records import CallRecord, Outcome, TurnRecord
from loadkit.setting_values import MediaPath
from loadkit.signaling.client import SignalingConnection, SocketLost
from loadkit.signaling.ice_servers import IceServer, IceServersUnavailable, fetch_ice_servers
from loadkit.signaling.messages import Offer
from loadkit.transport.goodbye import GOODBYE_S, within_goodbye
from loadkit.transport.peer import Peer
from loadkit.transport.route import Route
from loadkit.transport.sdp import LocalDescription, RemoteDescription, read_sdp, write_sdp

logger = logging.getLogger(__name__)


class CallSession:
    """One call; see the module's docstring."""

    def __init__(self, spec: CallSpec, context: CallContext, observer: CallObserver = NOBODY) -> None:
        self.spec = spec
        self._observer = observer
        #: Resolved with the sessionId when media can flow.
        self.connected: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._context = context
        self._settings = context.settings
        self._path = CallPath(spec, context)
        self._timeline = Timeline(spec.intended, None if observer is NOBODY else observer.marked)
        self._lifetime = Lifetime(spec.call_id)
        self._hearing = Hearing(
            self._timeline,
            listen=spec.listen,
            changed=lambda: self.script.changed(),
            heard=None if observer is NOBODY else observer.utterance,
            stand_stills=context.clock.watches.stand_stills,
        )
        self._media = CallMedia(
            self._timeline,
            self._hearing,
            media_timeout=self._settings.media_timeout,
            failed=self._lifetime.fail,
            changed=lambda: self.script.changed(),
            make_stream=make_stream_of(self._settings, observed=observer is not NOBODY),
        )
        #: What the call's script can do.
        self.script = Script(self._lifetime, self._media.speaker, self._hearing)
        self._signaling: CallSignaling | None = None
        self._peer: Peer | None = None
        self._record = spec.new_record()

    # The call, top to bottom

    async def run(self) -> tuple[CallRecord, list[TurnRecord]]:
        """Place the call, hold it until it ends, and return its record and turns. Never raises."""
        self._mark("started")
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                # One wait for the call's end beside all stages: a task for each costs more than some of them.
                await self._lifetime.unless_ended(self._set_up())
            if not self.connected.done():
                self.connected.set_result(self._signaling.session_id if self._signaling else None)
            await self._lifetime.over()
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
        servers = await self._get_ice_servers()
        peer = self._peer = self._make_peer(self._path.route(servers, self._record))
        lifetime.stage = Stage.WEBSOCKET
        signaling = await self._open_websocket()
        lifetime.stage = Stage.ANSWER
        await signaling.send_offer(self._offer(peer))
        lifetime.spawn(self._gather(peer, signaling))
        sdp = await lifetime.within(
            settings.answer_timeout, signaling.answer, "ANSWER_TIMEOUT", "no answer to the offer"
        )
        remote = self._apply_answer(peer, sdp)
        signaling.answer_applied()
        lifetime.stage = Stage.ICE
        await lifetime.within(
            settings.ice_timeout, peer.connect(remote.ice), "ICE_TIMEOUT", "no pair was selected"
        )
        self._mark("pair_selected")
        self._observer.pair_selected(peer)
        lifetime.stage = Stage.DTLS
        outcome = await lifetime.within(
            settings.dtls_timeout, peer.handshake(remote.dtls), "DTLS_TIMEOUT", "the handshake did not finish"
        )
        self._mark("dtls_done")
        lifetime.stage = Stage.MEDIA
        record = self._record
        record.dtls_role, record.tls_version = outcome.role, outcome.version
        record.dtls_cipher, record.srtp_cipher = outcome.cipher, outcome.srtp_profile
        self._observer.dtls(outcome)
        record.media_path = self._media.stream.media_path
        self._media.start(self._context.clock, time.monotonic())
        peer.lost.add_done_callback(self._media_lost)

    async def _get_ice_servers(self) -> list[IceServer]:
        """Best effort, as the official clients do; a failure is recorded and the call goes on."""
        self._lifetime.stage = Stage.ICE_SERVERS
        self._mark("ice_servers_asked")
        try:
            servers = await fetch_ice_servers(
                self._context.destination.ice_servers_url,
                self._settings.token(),
                self._settings.ice_servers_timeout,
                tls=self._context.ssl_context,
                local_address=self._path.local_address,
            )
        except IceServersUnavailable as exc:
            self._record.ice_servers_error = exc.reason
            self._observer.ice_servers_failed(exc.reason)
            return []
        self._mark("ice_servers_had")
        self._record.ice_servers_count = len(servers)
        self._observer.ice_servers(servers)
        return servers

    def _make_peer(self, route: Route) -> Peer:
        return Peer(
            controlling=True,
            certificate=self._context.certificate,
            addresses=self._path.addresses,
            route=route,
            turn=self._path.turn,
            on_rtp=self._observer.packets(self._media.stream.rtp_received),
            on_rtcp=self._media.stream.rtcp_received,
            through_aiortc=self._media.stream.media_path == MediaPath.STOCK,
            native=self._media.stream.media_path == MediaPath.NATIVE,
        )

    async def _open_websocket(self) -> CallSignaling:
        settings = self._settings
        connection = SignalingConnection(
            self._context.destination.signaling_url,
            timeout=settings.websocket_timeout,
            ssl_context=self._context.ssl_context,
            local_address=self._path.local_address,
            connect=self._observer.connect(),
        )
        signaling = self._signaling = CallSignaling(
            connection,
            self._lifetime,
            self._timeline,
            token=settings.token(),
            remote_candidate=self._remote_candidate_received,
        )
        self._mark("websocket_asked")
        await signaling.open()
        self._mark("websocket_open")
        return signaling

    def _offer(self, peer: Peer) -> Offer:
        local = LocalDescription(
            ice=peer.ice_parameters, dtls=peer.dtls_parameters, ssrc=peer.ssrc, cname=peer.cname
        )
        asked, settings = self.spec.offer, self._settings
        fields = {name: asked.get(name, getattr(settings, name)) for name in OFFER_SETTINGS}
        return Offer(
            sdp=write_sdp(local, "offer"),
            auth_token=settings.token(),
            mode=self.spec.mode,
            call_sid=self.spec.call_sid,
            **fields,
        )

    async def _gather(self, peer: Peer, signaling: CallSignaling) -> None:
        """Gather candidates and trickle them, then say that there are no more."""
        self._mark("gathering_started")
        await peer.gather(self._observer.local_candidates(signaling.trickle))
        self._mark("gathered")
        self._record.local_candidates = len(peer.local_candidates)
        signaling.trickle(None)

    def _apply_answer(self, peer: Peer, sdp: str) -> RemoteDescription:
        try:
            remote = read_sdp(sdp)
        except ValueError as exc:
            raise SignalingError(Stage.ANSWER, "ANSWER_INVALID", str(exc)) from exc
        self._record.codec = remote.codec
        self._observer.answer(remote, self._signaling.session_id if self._signaling else None)
        self._record.remote_candidates = 0
        self._media.attach(peer, remote.payload_type, self._context.unix_offset)
        for candidate in remote.candidates:
            self._remote_candidate_received(candidate)
        self._mark("answer_applied")
        return remote

    def _remote_candidate_received(self, candidate: RTCIceCandidate | None) -> None:
        self._observer.remote_candidate(candidate)
        if candidate is not None:
            self._record.remote_candidates = (self._record.remote_candidates or 0) + 1
        self._lifetime.spawn(self._hand_to_ice(candidate))

    async def _hand_to_ice(self, candidate: RTCIceCandidate | None) -> None:
        assert self._peer is not None
        try:
            await self._peer.add_remote_candidate(candidate)
        except OSError as exc:
            # An mDNS name takes a socket on port 5353 to resolve; the call can do without the candidate.
            logger.debug("call %s: %s", self.spec.call_id, exc)

    def _media_lost(self, lost: asyncio.Future[str]) -> None:
        """The peer is lost, or closed at the end of the call."""
        if not lost.cancelled():
            self._lifetime.fail(TransportError(Stage.MEDIA, "MEDIA_LOST", lost.result()))

    # From elsewhere in the loop

    async def wait_connected(self) -> dict[str, Any]:
        """Wait until media can flow; returns ``session_id``, ``setup_ms`` and ``start_delay_ms``.

        :raises CallEnded: the call ended first.
        """
        session_id = await self._lifetime.unless_ended(asyncio.shield(self.connected))
        return {
            "session_id": session_id,
            "setup_ms": self.setup_ms,
            "start_delay_ms": self._timeline.milliseconds("intended", "started"),
        }

    def so_far(self) -> CallRecord:
        """The record's media columns as they are now; empty before the call is connected."""
        record = CallRecord()
        connected_at, now = self._timeline.at("dtls_done"), time.monotonic()
        if connected_at is not None:
            record.connected_ms = (now - connected_at) * 1000
            self._media.fill(record)
        return record

    @property
    def progress(self) -> Progress:
        """How far it has come."""
        return self._lifetime.progress

    @property
    def setup_ms(self) -> float | None:
        """Intended start → media can flow; None before."""
        return self._timeline.milliseconds("intended", "dtls_done")

    @property
    def packets(self) -> tuple[int, int]:
        """RTP packets sent and received so far."""
        return self._media.packets

    def hang_up(self, outcome: Outcome, error: CallError | None = None) -> None:
        """End the call from our side."""
        self._lifetime.finish(outcome, error)

    def end_message(self) -> dict[str, str | None]:
        """How the call ended, for the script: outcome, code and message; empty while it has not."""
        end = self._lifetime.end
        if end is None:
            return {}
        error, token = end.error, self._settings.token()
        return {
            "outcome": end.outcome,
            "stage": error.stage if error else None,
            "code": error.code if error else None,
            "message": without_token(token, error.message) if error else None,
        }

    # The end

    async def _tear_down(self) -> None:
        self._media.stop()
        await self._within_goodbye(self._media.stopped())
        await self._lifetime.cancel_tasks(GOODBYE_S)
        self._path.fill(self._record, self._peer)
        if self._signaling is not None:
            await self._within_goodbye(self._signaling.say_goodbye())
        if self._peer is not None and not await self._within_goodbye(self._peer.close()):
            self._peer.abort()
        if self._signaling is not None:
            await self._within_goodbye(self._signaling.close())
        if not self.connected.done():
            self.connected.cancel()

    async def _within_goodbye(self, step: Coroutine[Any, Any, None]) -> bool:
        return await within_goodbye(step, f"call {self.spec.call_id}", expected=(SignalingError, SocketLost))

    def _finish_record(self) -> tuple[CallRecord, list[TurnRecord]]:
        record, end = self._record, self._lifetime.end
        assert end is not None
        self._timeline.fill(record, self._context.unix_offset)
        self._media.fill(record)
        if self._signaling is not None:
            self._signaling.fill(record)
        record.sample = self.script.first_sample
        outcome, error = end.outcome, end.error
        ended_well = outcome in (Outcome.COMPLETED, Outcome.HUNG_UP)
        if ended_well and record.no_audio and not record.packets_received:
            outcome = Outcome.FAILED
            error = TransportError(Stage.MEDIA, "NO_AUDIO", "no RTP packet came in the whole call")
        record.outcome = outcome
        if error is not None:
            record.failed_stage, record.error_code = error.stage, error.code
            record.error_message = error.message
        self._hearing.reply_cut_off()
        turns = self._hearing.turns
        for turn in turns:
            turn.call_id = record.call_id
        record.turns = len(turns) if self.spec.listen else None
        keep_text(record, self._settings.token())
        return record, turns

    def _mark(self, name: str) -> None:
        self._timeline.mark(name, time.monotonic())
