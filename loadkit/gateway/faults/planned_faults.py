"""The faults of one call: what each hook of its session does about them."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from loadkit.gateway.faults import kinds
from loadkit.gateway.faults.clock import DriftingClock
from loadkit.gateway.faults.hooks import FaultySession, Gather, SessionFaults, Trickle
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
from loadkit.gateway.faults.plan import ChosenFault
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
