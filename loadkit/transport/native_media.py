"""The RTP of one peer, carried by the compiled module from the end of the handshake to the peer's end."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from loadkit.native.structures import Event, Figures, Kind
from loadkit.transport.datagrams import PolledSocket
from loadkit.transport.native_poll import NativePoll, packed_address
from loadkit.transport.pylibsrtp_internals import srtp_pointer


class NativeMedia:
    """What :meth:`Peer.carry` takes. The peer opens, aims and closes it; its owner does the rest.

    :param told: takes what is told of the stream, but for packets to send and reports.
    :param opened: called when it is open.
    """

    def __init__(
        self, payload_type: int, *, told: Callable[[Event], None], opened: Callable[[], None]
    ) -> None:
        self.payload_type = payload_type
        #: None before the handshake and after the peer's end.
        self.poll: NativePoll | None = None
        #: The stream's number; 0 when it is not open.
        self.number = 0
        # 15 bits: SRTP counts wraps on its own, and the two sides would count differently if the first
        # packets were lost around one (RFC 3711 section 3.3.1).
        self.sequence_number = secrets.randbits(15)
        self.timestamp = secrets.randbits(32)
        self._told = told
        self._opened = opened
        self._last = Figures(ssrc=-1, timestamp=self.timestamp)
        for name in (
            "first_arrival",
            "last_arrival",
            "longest_gap",
            "late_max",
            "speech_since",
            "speech_last",
        ):
            setattr(self._last, name, float("nan"))
        self._drift: list[tuple[float, float]] = []
        self._send: Callable[[bytes], None] = lambda _: None
        self._take_rtcp: Callable[[bytes, float], None] = lambda _, __: None

    # The peer's

    def open(
        self,
        poll: NativePoll,
        receiving: Any,
        sending: Any,
        ssrc: int,
        *,
        send: Callable[[bytes], None],
        take_rtcp: Callable[[bytes, float], None],
    ) -> None:
        """The handshake is done.

        :param receiving: ``pylibsrtp.Session``, and ``sending`` likewise.
        :param send: sends a protected packet where the module cannot: over a relay.
        :param take_rtcp: takes a protected RTCP packet and its arrival.
        """
        self.poll, self._send, self._take_rtcp = poll, send, take_rtcp
        self.number = poll.media.open_stream(
            srtp_pointer(receiving),
            srtp_pointer(sending),
            owners=(receiving, sending),
            ssrc=ssrc,
            payload_type=self.payload_type,
            sequence=self.sequence_number,
            timestamp=self.timestamp,
        )
        poll.add_stream(self.number, self._tell)
        self._opened()

    def read_from(self, transport: object) -> None:
        """Take the media that come to this transport, when it is a socket of the poll."""
        if self.poll is not None and isinstance(transport, PolledSocket) and not transport.is_closing():
            self.poll.media.route(transport.number, self.number)

    def send_by(self, transport: object, address: tuple[Any, ...]) -> None:
        """Send over this transport from now on."""
        if self.poll is not None:
            number = transport.number if isinstance(transport, PolledSocket) else 0
            self.poll.media.send_to(self.number, number, packed_address(address[0], address[1]))

    def send_nowhere(self) -> None:
        """Drop what is to be sent from now on."""
        if self.poll is not None:
            self.poll.media.send_to(self.number, 0, None)

    def take(self, packet: bytes, arrival: float) -> None:
        """A protected RTP packet that came another way than by a socket of the poll."""
        if self.poll is not None:
            self.poll.tell(self.poll.media.take(self.number, packet, arrival))

    def close(self) -> None:
        """The peer's end: figures stay as they are. May be called more than once."""
        poll = self.poll
        if poll is not None:
            self._last, self._drift = self.figures(), self.drift_points()
            self.poll = None
            poll.close_stream(self.number)
            self.number = 0

    def _tell(self, event: Event) -> None:
        if event.kind == Kind.OUTGOING:
            self._send(event.data)
        elif event.kind == Kind.RTCP:
            self._take_rtcp(event.data, event.at)
        else:
            self._told(event)

    # Its owner's

    def figures(self) -> Figures:
        """What was measured so far."""
        return self._last if self.poll is None else self.poll.media.figures(self.number)

    def drift_points(self) -> list[tuple[float, float]]:
        """As :meth:`~loadkit.native.MediaPoll.drift_points`."""
        return self._drift if self.poll is None else self.poll.media.drift_points(self.number)
