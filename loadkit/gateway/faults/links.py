"""Between a session's media and its peer: packets that are changed, held back, lost or doubled on their way.

RTP and RTCP go through in each direction. What a session sends is changed before it is encrypted and delayed,
lost or doubled after it, as on a real network: SRTP counts packets and takes each only once.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import struct
import time
from collections.abc import Callable, Sequence
from functools import partial

from loadkit.gateway.faults.impairment import DriftingStamps, Impairment, Window
from loadkit.transport.peer import Peer
from loadkit.transport.reception import PacketHandler

logger = logging.getLogger(__name__)

_TIMESTAMP = struct.Struct("!I")
_HEADER_BYTES = 12
#: Timers fire on whole milliseconds; what is due a moment later goes with them.
_EARLY_S = 0.0005

#: What becomes of a packet before it is encrypted, so many seconds after the connection; None when it is lost.
Change = Callable[[bytes, float], bytes | None]


def lost(window: Window) -> Change:
    """Packets in the window are lost."""
    return lambda packet, elapsed: None if window.holds(elapsed) else packet


def silenced(window: Window, silence: bytes) -> Change:
    """Packets in the window hold silence, under the headers they had."""
    return lambda packet, elapsed: packet[:_HEADER_BYTES] + silence if window.holds(elapsed) else packet


def restamped(stamps: DriftingStamps) -> Change:
    """Packets have the timestamps of a clock that drifts."""

    def change(packet: bytes, _elapsed: float) -> bytes:
        (timestamp,) = _TIMESTAMP.unpack_from(packet, 4)
        return packet[:4] + _TIMESTAMP.pack(stamps.stamp(timestamp)) + packet[8:]

    return change


class DelayLine:
    """Does things at their times, in the order of these times."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def at(self, due: float, now: float, action: Callable[[], None]) -> None:
        """Do this at ``due``, or at once when that is not after ``now``."""
        if due <= now and not self._waiting:
            action()
            return
        if self._closed:
            return
        heapq.heappush(self._waiting, (due, next(self._numbers), action))
        if self._waiting[0][0] == due:
            self._wait(now)

    def close(self) -> None:
        """Forget what was not done, and what comes too late to be."""
        self._closed = True
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(max(0.0, self._waiting[0][0] - now), self._fire)

    def _fire(self) -> None:
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= now + _EARLY_S:
            action = heapq.heappop(self._waiting)[2]
            try:
                action()
            except Exception:
                # What comes after it has its own time.
                logger.exception("a delayed packet could not be handled")
        if self._waiting:
            self._wait(now)


class Network:
    """The networks of one direction of a call, one behind the other."""

    def __init__(self, impairments: Sequence[tuple[Window, Impairment]]) -> None:
        self._impairments = impairments
        self._line = DelayLine()

    def carry(
        self, elapsed: float, now: float, arrive: Callable[[], None], *, only_delay: bool = False
    ) -> None:
        """Call ``arrive`` when, and as often as, a packet that is sent now arrives."""
        arrivals: list[float] = [now]
        for window, impairment in self._impairments:
            if not window.holds(elapsed):
                continue
            if only_delay:
                arrivals = [impairment.delay(at) for at in arrivals]
            else:
                arrivals = [later for at in arrivals for later in impairment.deliver(at)]
        for due in arrivals:
            self._line.at(due, now, arrive)

    def close(self) -> None:
        """What is on its way does not arrive."""
        self._line.close()


class Elapsed:
    """Seconds since a call was connected; 0 before."""

    def __init__(self) -> None:
        self.connected_at: float | None = None

    def at(self, now: float) -> float:
        """Seconds from the connection to ``now``."""
        return 0.0 if self.connected_at is None else now - self.connected_at


class FaultySender:
    """Sends over a peer what is left of a session's packets."""

    def __init__(
        self,
        peer: Peer,
        elapsed: Elapsed,
        *,
        rtp: Sequence[Change],
        rtcp: Sequence[Change],
        network: Network,
    ) -> None:
        self.ssrc, self.cname = peer.ssrc, peer.cname
        self._peer = peer
        self._elapsed = elapsed
        self._rtp, self._rtcp = rtp, rtcp
        self._network = network

    def send_rtp(self, packet: bytes) -> None:
        """Send one RTP packet, or what becomes of it."""
        now = time.monotonic()
        elapsed = self._elapsed.at(now)
        changed = _changed(packet, self._rtp, elapsed)
        data = None if changed is None else self._peer.protect_rtp(changed)
        if data is not None:
            self._network.carry(elapsed, now, partial(self._peer.send_protected, data))

    def send_rtcp(self, packet: bytes) -> None:
        """Send one compound RTCP packet; a network only delays it, so that reports are not left to chance."""
        now = time.monotonic()
        elapsed = self._elapsed.at(now)
        if _changed(packet, self._rtcp, elapsed) is not None:
            send = partial(self._peer.send_rtcp, packet)
            self._network.carry(elapsed, now, send, only_delay=True)


class FaultyReceiver:
    """Hands to a session what is left of the packets that arrive."""

    def __init__(self, elapsed: Elapsed, *, rtp: Sequence[Change], network: Network) -> None:
        self._elapsed = elapsed
        self._rtp = rtp
        self._network = network

    def rtp(self, handle: PacketHandler, packet: bytes, now: float) -> None:
        """One RTP packet."""
        elapsed = self._elapsed.at(now)
        if _changed(packet, self._rtp, elapsed) is not None:
            arrived = False

            def arrive() -> None:
                nonlocal arrived
                # SRTP takes a packet once; here it is decrypted already.
                if not arrived:
                    arrived = True
                    handle(packet, time.monotonic())

            self._network.carry(elapsed, now, arrive)

    def rtcp(self, handle: PacketHandler, packet: bytes, now: float) -> None:
        """One compound RTCP packet."""
        arrive = lambda: handle(packet, time.monotonic())  # noqa: E731
        self._network.carry(self._elapsed.at(now), now, arrive, only_delay=True)


def _changed(packet: bytes, changes: Sequence[Change], elapsed: float) -> bytes | None:
    left: bytes | None = packet
    for change in changes:
        if left is None:
            return None
        left = change(left, elapsed)
    return left
