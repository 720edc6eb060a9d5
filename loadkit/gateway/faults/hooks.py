"""The hooks of a session into its faults, and the calls for which none was chosen.

Each hook hands back what it was given, so packets take the way that they take without it. What a hook does for a
call that has faults is in ``planned_faults.py``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from aiortc import RTCIceCandidate

from loadkit.gateway.media import FrameClock, Sender
from loadkit.transport.peer import Peer
from loadkit.transport.reception import PacketHandler

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


class CountedCall(SessionFaults):
    """Nothing goes wrong, and the call counts as in progress until it ends.

    :param leave: it is no longer in progress.
    """

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave

    def ended(self) -> None:
        """Count it no more."""
        self._leave()
