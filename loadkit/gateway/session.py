"""One call at the gateway, from the offer to the last word.

    offer → answer at once → ICE (controlled) and DTLS, candidates trickling both ways → media → close or error

:meth:`Session.run` is the session: it waits for the first cause to end it, then frees everything. Messages
come in through :meth:`Session.receive`, over whichever socket the client has at the time.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aiortc import RTCIceCandidate

from loadkit.errors import TransportError
from loadkit.gateway.agent import AgentCall, AgentFactory, AgentUnavailable, agent_for
from loadkit.gateway.echo import make_echo
from loadkit.gateway.events import SessionEvents, WriteEvent
from loadkit.gateway.faults.gateway_faults import GatewayFaults
from loadkit.gateway.media import AgentMedia, SessionMedia
from loadkit.gateway.negotiation import CandidateFeed, read_offer, write_answer
from loadkit.gateway.outbox import Outbox, Socket
from loadkit.gateway.settings import GatewaySettings
from loadkit.media.clock import MediaClock
from loadkit.media.rtcp import REPORT_INTERVAL_S
from loadkit.signaling.messages import IceCandidate, Message, Offer
from loadkit.signaling.modes import ECHO
from loadkit.signaling.server_protocol import (
    ClientCandidate,
    ClientCandidatesEnd,
    ClientClosed,
    OfferReceived,
    ServerEvent,
    ServerProtocol,
)
from loadkit.transport.dtls import Certificate
from loadkit.transport.goodbye import GOODBYE_S, within_goodbye
from loadkit.transport.peer import Peer
from loadkit.transport.sdp import RemoteDescription, write_candidate

logger = logging.getLogger(__name__)

MEDIA_BRIDGE_FAILURE = "MEDIA_BRIDGE_FAILURE"

_CLOSE_MAY_FOLLOW_S = 1.0
_WATCH_INTERVAL_S = 1.0


@dataclass(frozen=True)
class SessionContext:
    """What all sessions of a gateway share."""

    settings: GatewaySettings
    certificate: Certificate
    clock: MediaClock
    addresses: Sequence[str]
    """Local addresses for host candidates."""
    make_agent: AgentFactory
    ntp_offset: float
    """Seconds to add to the monotonic clock to get Unix time."""
    write_event: WriteEvent | None = None
    agent_seed: int = 0
    agent_numbers: Iterator[int] = field(default_factory=itertools.count)
    faults: GatewayFaults = field(default_factory=GatewayFaults)


@dataclass(frozen=True)
class _End:
    """Why a session ended, and what the client is told."""

    reason: str
    """For the log and, with a code, for the client."""
    code: str | None = None
    """Code of the ``error`` to send; None for a good end."""
    close: bool = False
    """Send ``close``."""


class Session:
    """One call; see the module's docstring.

    :param session_id: the name that the answer gives it.
    :param token: the one that its offer showed.
    """

    def __init__(self, session_id: str, context: SessionContext, token: str) -> None:
        self.session_id = session_id
        self.token = token
        self._outbox = Outbox()
        self._context = context
        self._settings = context.settings
        #: What goes wrong on demand; every hook of it does nothing when no fault was chosen for this call.
        self._faults = context.faults.of_next_call()
        self._protocol = ServerProtocol(session_id, self._settings.max_candidates)
        self._candidates = CandidateFeed(self._settings.max_candidates)
        self._peer: Peer | None = None
        self._media: SessionMedia | None = None
        self._ended: asyncio.Future[_End] = asyncio.get_running_loop().create_future()
        self._grace: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._events = SessionEvents(context.write_event, session_id)

    @property
    def socket(self) -> Socket | None:
        """The WebSocket that the client spoke over last; None while it has none."""
        return self._outbox.socket

    @property
    def ended(self) -> bool:
        """Whether it has ended; what it held is being freed."""
        return self._ended.done()

    # The session, top to bottom

    async def run(self) -> None:
        """Hold the session until it ends and free everything. Never raises."""
        try:
            async with asyncio.timeout(self._settings.max_duration):
                end = await asyncio.shield(self._ended)
        except TimeoutError:
            seconds = self._settings.max_duration
            end = _End(f"the call lasted {seconds:g} s, the longest that is permitted", code="FORBIDDEN")
            self._end(end)
        await self._tear_down(end)
        self._events.note("session_ended", time.monotonic(), reason=end.reason, code=end.code)
        logger.info("session %s ended: %s", self.session_id, end.reason)

    def _accept(self, offer: Offer, mode: str) -> None:
        """Answer at once; gathering, ICE and DTLS follow beside."""
        self._events.opened(time.monotonic(), call_sid=offer.call_sid, mode=mode)
        try:
            remote = read_offer(offer.sdp, self._settings.max_candidates)
            media = self._make_media(offer, mode, remote.payload_type)
        except ValueError as exc:
            self.fail(MEDIA_BRIDGE_FAILURE, f"the offer cannot be taken: {exc}")
            return
        except AgentUnavailable as exc:
            self.fail("AGENT_FAILURE", str(exc))
            return
        peer = Peer(
            controlling=False,
            certificate=self._context.certificate,
            addresses=self._context.addresses,
            on_rtp=self._faults.rtp_handler(media.rtp_received),
            on_rtcp=self._faults.rtcp_handler(media.rtcp_received),
            native=media.native,
        )
        media.attach(self._faults.sender(peer, echo=mode == ECHO))
        self._peer, self._media = peer, media
        self._handle(self._protocol.send_answer(self._faults.answer(write_answer(peer, remote))))
        self._events.note("answered", time.monotonic())
        self._spawn(self._gather(peer))
        self._spawn(self._candidates.run(peer, remote, self._refuse_candidate))
        self._spawn(self._connect(peer, media, remote))

    def _make_media(self, offer: Offer, mode: str, payload_type: int) -> SessionMedia:
        context = self._context
        if mode == ECHO:
            native = context.settings.media_path == "auto" and not self._faults.touch_packets
            return make_echo(payload_type, context.ntp_offset, native=native)
        call = AgentCall(
            mode=mode,
            session_id=self.session_id,
            call_sid=offer.call_sid,
            seed=(context.agent_seed, next(context.agent_numbers)),
            settings=context.settings,
            note=self._events.note,
        )
        return AgentMedia(
            payload_type,
            context.ntp_offset,
            agent=agent_for(call, context.make_agent),
            clock=self._faults.clock(context.clock),
            hung_up=self._agent_hung_up,
            failed=lambda: self.fail("AGENT_FAILURE", "the agent failed in mid-call"),
        )

    def _agent_hung_up(self) -> None:
        self._events.note("hung_up", time.monotonic())
        self.hang_up("the agent hung up")

    async def _gather(self, peer: Peer) -> None:
        """Gather candidates and trickle them, then say that there are no more."""

        def trickle(candidate: RTCIceCandidate | None) -> None:
            line = "" if candidate is None else write_candidate(candidate)
            self._protocol.send_candidate(IceCandidate(line, sdp_mid="0", sdp_mline_index=0))
            self._spawn(self.flush())

        await self._faults.gather(peer.gather, trickle)

    async def _connect(self, peer: Peer, media: SessionMedia, remote: RemoteDescription) -> None:
        seconds = self._settings.connect_timeout
        stage = "ICE"
        try:
            async with asyncio.timeout(seconds):
                await peer.connect(remote.ice)
                stage = "DTLS"
                await peer.handshake(remote.dtls)
        except TimeoutError:
            self.fail(MEDIA_BRIDGE_FAILURE, f"{stage} did not finish within {seconds:g} s of the answer")
            return
        now = time.monotonic()
        self._events.note("connected", now)
        media.start(now)
        self._faults.connected(self, now)
        self._spawn(self._watch(media, now))
        reason = await asyncio.shield(peer.lost)
        logger.info("session %s: %s", self.session_id, reason)
        # A client that hangs up closes its media, too, and that may overtake its ``close``.
        await asyncio.sleep(_CLOSE_MAY_FOLLOW_S)
        self.fail(MEDIA_BRIDGE_FAILURE, "the media connection was lost")

    async def _watch(self, media: SessionMedia, connected_at: float) -> None:
        """Report every few seconds, and notice when nothing comes any more."""
        timeout = self._settings.media_timeout
        next_report = connected_at + REPORT_INTERVAL_S * random.uniform(0.1, 0.5)
        while True:
            await asyncio.sleep(min(_WATCH_INTERVAL_S, timeout / 4))
            now = time.monotonic()
            if now >= next_report:
                # RFC 3550 section 6.2: half to one and a half times the interval, so that calls do not march.
                next_report = now + REPORT_INTERVAL_S * random.uniform(0.5, 1.5)
                media.report(now)
            last = media.meter.last_arrival
            if now - (connected_at if last is None else last) > timeout:
                self.fail(MEDIA_BRIDGE_FAILURE, f"no RTP packet came for {timeout:g} s")
                return

    # Signaling

    async def receive(self, message: Message, socket: Socket) -> None:
        """Take a message of this session; the socket that it came over is the session's from now on."""
        if self._ended.done():
            return
        self._outbox.spoken_over(socket)
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        self._handle(self._protocol.receive(message))
        await self.flush()

    def socket_lost(self, socket: Socket) -> None:
        """A socket closed; if it was this session's last, a fresh one has to come within the grace time."""
        if not self._outbox.lost(socket) or self._ended.done():
            return
        if self.socket is not None:
            self._spawn(self.flush())
            return
        seconds = self._settings.reconnect_grace
        end = _End(f"its socket closed and none came back within {seconds:g} s")
        self._grace = asyncio.get_running_loop().call_later(seconds, self._end, end)

    def _handle(self, events: list[ServerEvent]) -> None:
        for event in events:
            match event:
                case OfferReceived(offer=offer, mode=mode):
                    self._faults.offer_received(self, partial(self._accept, offer, mode))
                case ClientCandidate(candidate=candidate):
                    if not self._candidates.received(candidate):
                        self._refuse_candidate(f"more than {self._settings.max_candidates} candidates")
                case ClientCandidatesEnd():
                    self._candidates.ended()
                case ClientClosed():
                    self._end(_End("the client closed it"))

    def _refuse_candidate(self, reason: str) -> None:
        self._protocol.send_error("INVALID_MESSAGE", reason)
        self._spawn(self.flush())

    async def flush(self) -> None:
        """Send what there is to send; without a socket it waits for the next one."""
        await self._outbox.flush(self._protocol)

    # The end

    def hang_up(self, reason: str) -> None:
        """End the session well: the client is sent ``close``."""
        self._end(_End(reason, close=True))

    def fail(self, code: str, message: str) -> None:
        """End the session with an ``error``."""
        self._end(_End(message, code=code))

    def drop(self, reason: str) -> None:
        """End the session without a word."""
        self._end(_End(reason))

    def _end(self, end: _End) -> None:
        """Note the first cause; :meth:`run` does the rest."""
        if not self._ended.done():
            self._ended.set_result(end)

    async def _tear_down(self, end: _End) -> None:
        if self._grace is not None:
            self._grace.cancel()
        self._faults.ended()
        name = f"session {self.session_id}"
        await within_goodbye(self._stop_media(), name)
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GOODBYE_S)
        if end.code is not None:
            self._protocol.send_error(end.code, end.reason)
        elif end.close:
            self._protocol.send_close()
        await within_goodbye(self.flush(), name)
        if self._peer is not None and not await within_goodbye(self._peer.close(), name):
            self._peer.abort()

    async def _stop_media(self) -> None:
        if self._media is not None:
            self._media.stop(time.monotonic())

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run beside the session; what it raises ends the session."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, TransportError):
            self.fail(MEDIA_BRIDGE_FAILURE, error.message)
        elif error is not None:
            logger.error("session %s failed", self.session_id, exc_info=error)
            self.fail("HANDLER_ERROR", "the gateway failed while holding the call; see its log")
