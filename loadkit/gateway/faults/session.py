"""The hooks of a session into its faults.

:class:`SessionFaults` is a call without faults: each of its hooks hands back what it was given, so packets take
the way that they take without it. :class:`PlannedFaults` is a call for which some were chosen.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from typing import Any, Protocol

from aiortc import RTCIceCandidate

from loadkit.gateway.faults import kinds
from loadkit.gateway.faults.clock import DriftingClock
from loadkit.gateway.faults.impairment import DriftingStamps, Impairment, Window
from loadkit.gateway.faults.links import (
    Change,
    Elapsed,
    FaultyReceiver,
    FaultySender,
    Network,
    lost,
    restamped,
    silenced,
)
from loadkit.gateway.faults.plan import ChosenFault, FaultPlan, InProgress
from loadkit.gateway.faults.sockets import close, reset
from loadkit.gateway.faults.stall import Stalls
from loadkit.gateway.media import FrameClock, Sender
from loadkit.gateway.sockets import ClientSocket
from loadkit.media.samples import silence
from loadkit.transport.peer import Peer
from loadkit.transport.reception import PacketHandler

logger = logging.getLogger(__name__)

_ON_DEMAND = "a fault on demand"
_FINGERPRINT = re.compile(r"(?m)^(a=fingerprint:\S+ )([0-9A-F]{2})")

Trickle = Callable[[RTCIceCandidate | None], None]
Gather = Callable[[Callable[[RTCIceCandidate], None]], Awaitable[None]]


class FaultySession(Protocol):
    """What faults need of a session."""

    session_id: str

    @property
    def socket(self) -> object | None: ...
    def fail(self, code: str, message: str) -> None: ...
    def hang_up(self, reason: str) -> None: ...
    def drop(self, reason: str) -> None: ...
    async def flush(self) -> None: ...


class SessionFaults:
    """Nothing goes wrong."""

    #: Whether packets have to pass through here.
    touch_packets = False

    def offer_received(self, session: FaultySession, accept: Callable[[], None]) -> None:  # noqa: ARG002
        """An offer came; ``accept`` answers it."""
        accept()

    def answer(self, sdp: str) -> str:
        """The answer to send."""
        return sdp

    async def gather(self, gather: Gather, trickle: Trickle) -> None:
        """Gather candidates and tell each; None tells the end of them."""
        await gather(trickle)
        trickle(None)

    def sender(self, peer: Peer, *, echo: bool) -> Sender:  # noqa: ARG002
        """What media sends with."""
        return peer

    def rtp_handler(self, handle: PacketHandler) -> PacketHandler:
        """What takes the RTP packets that arrive."""
        return handle

    def rtcp_handler(self, handle: PacketHandler) -> PacketHandler:
        """What takes the RTCP packets that arrive."""
        return handle

    def clock(self, clock: FrameClock) -> FrameClock:
        """What an agent's packets are paced by."""
        return clock

    def connected(self, session: FaultySession, now: float) -> None:
        """Media can flow since ``now`` (monotonic seconds)."""

    def ended(self) -> None:
        """The session ends; nothing of it may go on."""


_NO_FAULTS = SessionFaults()


class GatewayFaults:
    """The faults of a gateway, dealt out to its calls.

    :param seed: the same seed deals the same faults to the same calls.
    """

    def __init__(self, faults: Sequence[kinds.Fault] = (), seed: int = 1) -> None:
        self._faults = faults
        self._stalls = Stalls([fault for fault in faults if isinstance(fault, kinds.Stall)])
        self._has_stalls = any(isinstance(fault, kinds.Stall) for fault in faults)
        self._plan = FaultPlan([fault for fault in faults if not isinstance(fault, kinds.Stall)], seed)
        self._in_progress = InProgress()
        self._started_at = time.monotonic()
        #: What leaked sessions hold.
        self._leaked: list[bytes] = []

    @property
    def leaked_sessions(self) -> int:
        """Sessions that have ended and are counted all the same."""
        return len(self._leaked)

    def warn(self) -> None:
        """Say in the log that there are faults: whoever finds them later should know that they were asked for."""
        if self._faults:
            counted = Counter(fault.kind for fault in self._faults)
            logger.warning("faults on demand: %s", ", ".join(f"{kind} ({n})" for kind, n in counted.items()))

    def of_next_call(self) -> SessionFaults:
        """The faults of the next call."""
        if not self._plan.counts:
            chosen = self._plan.next_call()
            if not chosen and not self._has_stalls:
                return _NO_FAULTS
            return PlannedFaults(chosen, self._stalls, leaked=self._leaked, age_s=self._age_s)
        leave = self._in_progress.enter()
        chosen = self._plan.next_call(self._in_progress.calls)
        if not chosen and not self._has_stalls:
            return CountedCall(leave)
        return PlannedFaults(chosen, self._stalls, leave, leaked=self._leaked, age_s=self._age_s)

    def _age_s(self) -> float:
        return time.monotonic() - self._started_at

    def close(self) -> None:
        """No more stalls."""
        self._stalls.close()


class CountedCall(SessionFaults):
    """Nothing goes wrong, and the call counts as in progress until it ends.

    :param leave: it is no longer in progress.
    """

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave

    def ended(self) -> None:
        """Count it no more."""
        self._leave()


class PlannedFaults(SessionFaults):
    """The faults that were chosen for one call.

    Of several that decide about its offer, the first one counts.

    :param leave: it is no longer in progress.
    :param leaked: takes what a session holds that is never given back.
    :param age_s: seconds since the gateway's start.
    """

    touch_packets = True

    def __init__(
        self,
        chosen: Sequence[ChosenFault],
        stalls: Stalls,
        leave: Callable[[], None] = lambda: None,
        *,
        leaked: list[bytes] | None = None,
        age_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._leave = leave
        self._leaked: list[bytes] = [] if leaked is None else leaked
        self._age_s = age_s
        self._chosen = chosen
        self._faults = [one.fault for one in chosen]
        self._stalls = stalls
        self._elapsed = Elapsed()
        self._networks = {direction: self._network(direction) for direction in ("sent", "heard")}
        self._received = FaultyReceiver(
            self._elapsed, rtp=self._changes_heard(), network=self._networks["heard"]
        )
        self._timers: list[asyncio.TimerHandle] = []
        self._tasks: set[asyncio.Task[None]] = set()

    # Signaling

    def offer_received(self, session: FaultySession, accept: Callable[[], None]) -> None:
        """Handle the offer, now or later, or do something else instead."""
        for fault in self._faults:
            match fault:
                case kinds.Timed(at=None):
                    self._strike(session, fault, at_offer=True)
                    return
                case kinds.NoAnswer():
                    return
                case kinds.Slowdown(per_minute=seconds):
                    self._spawn(session, self._accept_later(session, accept, seconds * self._age_s() / 60))
                    return
                case kinds.LateAnswer(by=seconds):
                    self._spawn(session, self._accept_later(session, accept, seconds))
                    return
        accept()

    async def _accept_later(self, session: FaultySession, accept: Callable[[], None], seconds: float) -> None:
        await asyncio.sleep(seconds)
        accept()
        await session.flush()

    def answer(self, sdp: str) -> str:
        """The answer, with a fingerprint that is wrong in its first byte when that is asked for."""
        if not any(isinstance(fault, kinds.WrongFingerprint) for fault in self._faults):
            return sdp
        return _FINGERPRINT.sub(lambda found: f"{found[1]}{int(found[2], 16) ^ 0xFF:02X}", sdp)

    async def gather(self, gather: Gather, trickle: Trickle) -> None:
        """Gather late or never, or tell the end first."""
        for fault in self._faults:
            if isinstance(fault, kinds.NoCandidates):
                return
            if isinstance(fault, kinds.LateCandidates):
                await asyncio.sleep(fault.by)
        if not any(isinstance(fault, kinds.EndOfCandidatesFirst) for fault in self._faults):
            await super().gather(gather, trickle)
            return
        trickle(None)
        await gather(trickle)

    def _strike(self, session: FaultySession, fault: kinds.Fault, *, at_offer: bool = False) -> None:
        """Do what happens once."""
        logger.info("session %s: %s on demand", session.session_id, fault.kind)
        if at_offer:
            # Refused: the next call must not be counted on top of one that never was, while it is still freed.
            self._leave()
        match fault:
            case kinds.ErrorMessage(code=code, message=message):
                session.fail(code, message)
            case kinds.HangUp():
                session.hang_up(_ON_DEMAND)
            case kinds.SocketClose() | kinds.SocketReset():
                self._spawn(session, self._end_socket(session, fault, at_offer))

    async def _end_socket(
        self, session: FaultySession, fault: kinds.SocketClose | kinds.SocketReset, at_offer: bool
    ) -> None:
        if isinstance(session.socket, ClientSocket):
            if isinstance(fault, kinds.SocketClose):
                await close(session.socket.connection, fault.code)
            else:
                reset(session.socket.connection)
        if at_offer:
            session.drop(_ON_DEMAND)

    # Media

    def sender(self, peer: Peer, *, echo: bool) -> Sender:
        """The peer, behind everything that becomes of what is sent."""
        rtp, rtcp = self._changes_sent(echo)
        return FaultySender(peer, self._elapsed, rtp=rtp, rtcp=rtcp, network=self._networks["sent"])

    def rtp_handler(self, handle: PacketHandler) -> PacketHandler:
        """The handler, behind everything that becomes of what arrives."""
        return partial(self._received.rtp, handle)

    def rtcp_handler(self, handle: PacketHandler) -> PacketHandler:
        """The handler, behind everything that becomes of what arrives."""
        return partial(self._received.rtcp, handle)

    def clock(self, clock: FrameClock) -> FrameClock:
        """The clock, or one of this call alone that drifts."""
        drifts = [fault for fault in self._faults if isinstance(fault, kinds.ClockDrift)]
        return DriftingClock(drifts[0].ppm) if drifts else clock

    def _changes_sent(self, echo: bool) -> tuple[list[Change], list[Change]]:
        """What becomes of RTP and of RTCP before it is sent."""
        rtp: list[Change] = []
        rtcp: list[Change] = []
        for fault in self._faults:
            match fault:
                case kinds.MediaStop():
                    rtp.append(lost(_window(fault)))
                    rtcp.append(lost(_window(fault)))
                case kinds.OneWay(lost="sent"):
                    rtp.append(lost(_window(fault)))
                case kinds.Silent():
                    rtp.append(silenced(_window(fault), silence()))
                case kinds.ClockDrift(ppm=ppm) if echo:
                    rtp.append(restamped(DriftingStamps(ppm)))
        return rtp, rtcp

    def _changes_heard(self) -> list[Change]:
        """What becomes of the RTP that arrives."""
        return [
            lost(_window(fault))
            for fault in self._faults
            if isinstance(fault, kinds.OneWay) and fault.lost == "heard"
        ]

    def _network(self, direction: str) -> Network:
        impairments = [
            (_window(one.fault), Impairment(one.fault, f"{_seed(one.fault, one.seed)}/{direction}"))
            for one in self._chosen
            if isinstance(one.fault, kinds.Choppy) and one.fault.direction in (direction, "both")
        ]
        return Network(impairments)

    # Begin and end

    def connected(self, session: FaultySession, now: float) -> None:
        """From now on the seconds of a call are counted."""
        self._elapsed.connected_at = now
        self._stalls.first_connected()
        loop = asyncio.get_running_loop()
        for fault in self._faults:
            if isinstance(fault, kinds.Timed) and fault.at is not None:
                self._timers.append(loop.call_later(fault.at, self._strike, session, fault))

    def ended(self) -> None:
        """Stop everything that waits."""
        self._leave()
        for fault in self._faults:
            if isinstance(fault, kinds.Leak):
                # Written to, so that it is memory: pages of zeros are only promised.
                self._leaked.append(b"\xff" * fault.memory)
        for timer in self._timers:
            timer.cancel()
        for task in list(self._tasks):
            task.cancel()
        for network in self._networks.values():
            network.close()

    def _spawn(self, session: FaultySession, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run beside the session; what it raises ends the session."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(partial(self._task_done, session))

    def _task_done(self, session: FaultySession, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            logger.error("session %s: a fault failed", session.session_id, exc_info=error)
            session.fail("HANDLER_ERROR", "the gateway failed while holding the call; see its log")


def _window(fault: kinds.Lasting) -> Window:
    return Window(fault.at, fault.lasts)


def _seed(fault: kinds.Choppy, own: str) -> str:
    return own if fault.seed is None else str(fault.seed)
