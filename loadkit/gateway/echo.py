"""What echoes a call: the compiled module where it is there and nothing is to go wrong on purpose, Python elsewhere."""

from __future__ import annotations

from loadkit.gateway.media import EchoMedia, Sender, SessionMedia
from loadkit.media.native_counts import NativeMeter, NativeSource
from loadkit.media.rtcp import RtcpReporter
from loadkit.native.structures import Event
from loadkit.transport.native_media import NativeMedia
from loadkit.transport.native_poll import why_not_native
from loadkit.transport.peer import Peer


def make_echo(payload_type: int, ntp_offset: float, *, native: bool) -> SessionMedia:
    """An echo that is ready to be attached to a peer.

    :param native: let the compiled module do it, when it is there.
    """
    kind = NativeEcho if native and why_not_native() is None else EchoMedia
    return kind(payload_type, ntp_offset)


class NativeEcho(SessionMedia):
    """As :class:`~loadkit.gateway.media.EchoMedia`, but that no packet comes to Python."""

    native = True

    def attach(self, peer: Sender) -> None:
        """Say which peer to use; it was made with ``native=True``."""
        assert isinstance(peer, Peer)
        self._peer = peer
        self._media = NativeMedia(self._payload_type, told=self._told, opened=self._opened)
        self.meter = NativeMeter(self._media.figures)
        self._source = NativeSource(peer.ssrc, self._media.figures)
        self._reporter = RtcpReporter(self._source, self.meter, peer.cname, self._ntp_offset)
        peer.carry(self._media)

    def rtp_received(self, packet: bytes, now: float) -> None:
        """Nothing: RTP goes to the module."""

    def _opened(self) -> None:
        assert self._media.poll is not None
        self._media.poll.media.echo(self._media.number)

    def _told(self, event: Event) -> None:
        """Nothing that the module tells of an echo is of use here."""
