"""What the caller says, as a track that aiortc's sender asks for packets."""

from __future__ import annotations

import asyncio
import fractions
import time
from collections.abc import Callable
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from loadkit.media import CLOCK_RATE, FRAME_S, FRAME_SAMPLES

_TIME_BASE = fractions.Fraction(1, CLOCK_RATE)


class SpokenTrack(MediaStreamTrack):
    """Encoded packets, which aiortc sends as they are, paced as aiortc paces its own tracks: on the wall clock, counted
    from the first packet, and what is overdue at once.

    :param next_payload: the payload of the next 20 ms; told by how many seconds it leaves late.
    """

    kind = "audio"

    def __init__(self, next_payload: Callable[[float], bytes]) -> None:
        super().__init__()
        #: Unix time at which the first packet was sent; None before it.
        self.began: float | None = None
        self._next_payload = next_payload
        self._frames = 0

    async def recv(self) -> av.Packet[Any]:
        """The next packet, when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        late = 0.0
        if self.began is None:
            self.began = time.time()
        else:
            due = self.began + self._frames * FRAME_S
            await asyncio.sleep(due - time.time())
            late = max(0.0, time.time() - due)
        packet = av.Packet(self._next_payload(late))
        packet.pts = self._frames * FRAME_SAMPLES
        packet.time_base = _TIME_BASE
        self._frames += 1
        return packet
