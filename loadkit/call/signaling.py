"""One call's signaling: the protocol machine joined to a socket that may be lost and opened again."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from aiortc import RTCIceCandidate

from loadkit.call.kept_text import without_token
from loadkit.call.lifetime import Lifetime
from loadkit.call.timeline import Timeline
from loadkit.errors import GatewayError, SignalingError, Stage
from loadkit.records import CallRecord, Outcome
from loadkit.signaling.client import SignalingConnection, SocketLost
from loadkit.signaling.client_protocol import (
    AnswerReceived,
    ClientEvent,
    ClientProtocol,
    FrameDropped,
    GatewayErrorReceived,
    RemoteCandidate,
    RemoteCandidatesEnd,
    RemoteClosed,
)
from loadkit.signaling.messages import IceCandidate, Offer
from loadkit.transport.sdp import read_candidate, write_candidate

logger = logging.getLogger(__name__)

#: Text from the gateway is kept verbatim up to these lengths; a frame may hold a megabyte of it.
_LONGEST_CODE, _LONGEST_MESSAGE = 100, 1000
_POLL_S = 0.5


class CallSignaling:
    """What is said to the gateway and what it says.

    :param token: masked in whatever text the gateway sends.
    :param remote_candidate: takes the gateway's candidates as they may be handed to ICE; None is their end.
    """

    def __init__(
        self,
        connection: SignalingConnection,
        lifetime: Lifetime,
        timeline: Timeline,
        *,
        token: str,
        remote_candidate: Callable[[RTCIceCandidate | None], None],
    ) -> None:
        #: Resolved with the SDP of the answer.
        self.answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._connection = connection
        self._protocol = ClientProtocol()
        self._lifetime = lifetime
        self._timeline = timeline
        self._token = token
        self._remote_candidate = remote_candidate
        self._sending = asyncio.Lock()
        self._open = False
        self._flush_is_due = False
        self._close_code: int | None = None

    @property
    def session_id(self) -> str | None:
        """The gateway's name for the session; None before the answer."""
        return self._protocol.session_id

    def fill(self, record: CallRecord) -> None:
        """Write the record's signaling columns."""
        record.session_id = self._protocol.session_id
        record.signaling_dropped = self._protocol.frames_dropped
        record.end_of_candidates_early = self._protocol.end_of_candidates_early
        record.signaling_close_code = self._close_code
        record.signaling_reconnects = self._connection.reconnects

    async def open(self) -> None:
        """Open the socket and start to read.

        :raises SignalingError: WEBSOCKET_…
        """
        await self._connection.open()
        self._open = True
        self._lifetime.spawn(self._read())

    async def send_offer(self, offer: Offer) -> None:
        """Ask for the call."""
        self._protocol.send_offer(offer)
        self._timeline.mark("offer_sent", time.monotonic())
        await self._flush()

    def trickle(self, candidate: RTCIceCandidate | None) -> None:
        """Tell a local candidate, or with None the end of them, as soon as the session has a name."""
        line = "" if candidate is None else write_candidate(candidate)
        self._protocol.send_candidate(IceCandidate(line, sdp_mid="0", sdp_mline_index=0))
        if not self._flush_is_due:
            # Candidates come several at a time, and one flush takes them all.
            self._flush_is_due = True
            self._lifetime.spawn(self._flush())

    def answer_applied(self) -> None:
        """ICE knows the answer: remote candidates that were held may pass from now on."""
        self._handle(self._protocol.answer_applied(time.monotonic()), time.monotonic())
        self._lifetime.spawn(self._follow_remote_candidates())

    async def say_goodbye(self) -> None:
        """Send ``close``, when there is a session to close; over a fresh socket when the last one was lost."""
        if not self._protocol.send_close():
            return
        if not self._open:
            await self._connection.open()
            self._open = True
            self._protocol.connection_reopened()
        await self._flush()

    async def close(self) -> None:
        """Close the socket."""
        await self._connection.close()

    async def _read(self) -> None:
        while True:
            try:
                frame = await self._connection.recv()
            except SocketLost as lost:
                await self._reopen(lost)
                continue
            now = time.monotonic()
            self._handle(self._protocol.receive(frame, now), now)
            await self._flush()

    async def _reopen(self, lost: SocketLost) -> None:
        """A socket lost in mid-call is opened again and the session goes on, as the official clients do."""
        self._open = False
        self._close_code = lost.close_code
        self._protocol.connection_lost()
        if not self._protocol.resumable:
            raise SignalingError(
                self._lifetime.stage, "SIGNALING_LOST", f"{lost} before the session had a name"
            )
        try:
            await self._connection.reopen()
        except SignalingError as exc:
            raise SignalingError(self._lifetime.stage, exc.code, exc.message) from exc
        self._open = True
        self._protocol.connection_reopened()
        # Shows the gateway which socket the session now has.
        self._protocol.send_ping()
        await self._flush()

    def _handle(self, events: list[ClientEvent], now: float) -> None:
        lifetime = self._lifetime
        for event in events:
            match event:
                case AnswerReceived(sdp=sdp):
                    self._timeline.mark("answer_received", now)
                    if not self.answer.done():
                        self.answer.set_result(sdp)
                case RemoteCandidate(candidate=candidate):
                    self._candidate_received(candidate)
                case RemoteCandidatesEnd():
                    self._remote_candidate(None)
                case RemoteClosed():
                    if lifetime.stage is Stage.MEDIA:
                        lifetime.finish(Outcome.HUNG_UP)
                    else:
                        lifetime.fail_here("CLOSED_EARLY", "the gateway sent close during the set-up")
                case GatewayErrorReceived(code=code, message=message):
                    code, message = without_token(self._token, code), without_token(self._token, message)
                    lifetime.fail(
                        GatewayError(lifetime.stage, code[:_LONGEST_CODE], message[:_LONGEST_MESSAGE])
                    )
                case FrameDropped(reason=reason):
                    logger.debug("a frame was dropped: %s", reason)

    def _candidate_received(self, candidate: IceCandidate) -> None:
        try:
            readable = read_candidate(candidate.candidate)
        except ValueError as exc:
            self._protocol.frames_dropped += 1
            logger.debug("a frame was dropped: %s", exc)
        else:
            self._remote_candidate(readable)

    async def _follow_remote_candidates(self) -> None:
        """Hand over what was held back, as it becomes due; when media flows there is no more need."""
        while self._lifetime.stage is not Stage.MEDIA:
            deadline = self._protocol.next_deadline()
            await asyncio.sleep(_POLL_S if deadline is None else max(0.0, deadline - time.monotonic()))
            now = time.monotonic()
            self._handle(self._protocol.poll(now), now)

    async def _flush(self) -> None:
        """Send what the protocol has; what a lost socket did not take waits for the next one."""
        self._flush_is_due = False
        async with self._sending:
            frames = self._protocol.data_to_send() if self._open else []
            for index, frame in enumerate(frames):
                try:
                    await self._connection.send(frame)
                except SocketLost:
                    # The reader sees it too, and reopens.
                    self._protocol.put_back(frames[index:])
                    return
