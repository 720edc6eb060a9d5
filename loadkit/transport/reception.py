"""Media as it arrives: decrypted, told apart and handed on, whatever comes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from loadkit.transport import aiortc_internals as internals
from loadkit.transport.pylibsrtp_buffers import Process, rtp_unprotector

logger = logging.getLogger(__name__)

#: (packet, arrival on the monotonic clock in seconds)
PacketHandler = Callable[[bytes, float], None]

#: Media that overtakes the end of our own handshake is kept, up to this many packets (1 s).
EARLY_PACKETS = 50


class Reception:
    """Takes datagrams that are RTP or RTCP by their first byte (RFC 7983)."""

    def __init__(self, on_rtp: PacketHandler, on_rtcp: PacketHandler) -> None:
        #: Packets that could not be authenticated or made the owner's handler fail.
        self.refused = 0
        #: RTP packets that came again; SRTP lets none of them through (RFC 3711 section 3.3.2).
        self.repeated = 0
        #: Datagrams and their arrival, kept until :meth:`open`.
        self.early: list[tuple[bytes, float]] = []
        self._on_rtp = on_rtp
        self._on_rtcp = on_rtcp
        self._srtp: internals.SrtpSession | None = None
        self._unprotect: Process | None = None
        self._take_rtp: PacketHandler | None = None
        self._closed = False

    def open(self, srtp: internals.SrtpSession, take_rtp: PacketHandler | None = None) -> None:
        """The handshake is done: hand on what has come and what will.

        :param take_rtp: takes RTP packets as they came, still protected, in place of ``on_rtp``.
        """
        self._srtp = srtp
        self._take_rtp = take_rtp
        if take_rtp is None:
            self._unprotect = rtp_unprotector(srtp)
        early, self.early = self.early, []
        for data, arrival in early:
            self._decrypt(srtp, data, arrival)

    def close(self) -> None:
        """Nothing more is handed on, and nothing is kept."""
        self._srtp = self._unprotect = self._take_rtp = None
        self.early = []
        self._closed = True

    def take(self, data: bytes) -> None:
        """One datagram, at its arrival."""
        unprotect = self._unprotect
        if unprotect is None or len(data) < 2 or 192 <= data[1] <= 223:
            self.take_at(data, time.monotonic())
            return
        # What most datagrams are; fifty a second come this way in each call.
        arrival = time.monotonic()
        try:
            self._on_rtp(unprotect(data), arrival)
        except Exception as exc:  # noqa: BLE001 - logged where it is counted
            self._refuse(exc)

    def take_at(self, data: bytes, arrival: float) -> None:
        """One datagram that arrived at ``arrival`` (monotonic seconds)."""
        if self._srtp is not None:
            self._decrypt(self._srtp, data, arrival)
        elif len(self.early) < EARLY_PACKETS and not self._closed:
            self.early.append((data, arrival))

    def hand_on(self, packet: bytes, *, rtcp: bool) -> None:
        """One packet that somebody else has decrypted, now."""
        handler = self._on_rtcp if rtcp else self._on_rtp
        try:
            handler(packet, time.monotonic())
        except Exception:  # noqa: BLE001 - logged where it is counted
            self._could_not_be_handled()

    def _decrypt(self, srtp: internals.SrtpSession, data: bytes, arrival: float) -> None:
        try:
            # RFC 5761 section 4: payload types 64 to 95 are taken by RTCP's 192 to 223.
            if len(data) > 1 and 192 <= data[1] <= 223:
                self._on_rtcp(srtp.unprotect_rtcp(data), arrival)
            elif self._take_rtp is not None:
                self._take_rtp(data, arrival)
            else:
                self._on_rtp(srtp.unprotect(data), arrival)
        except Exception as exc:  # noqa: BLE001 - logged where it is counted
            self._refuse(exc)

    def _refuse(self, exc: Exception) -> None:
        if not isinstance(exc, internals.SrtpError):
            self._could_not_be_handled()
        elif internals.is_repetition(exc):
            self.repeated += 1
        else:
            self.refused += 1

    def _could_not_be_handled(self) -> None:
        """An exception here would close the socket's transport: count it, tell once, go on."""
        self.refused += 1
        if self.refused == 1:
            logger.exception("a received packet could not be handled")
