"""Who is told what happens to one call, as it happens.

A call of a load test has nobody who watches: :class:`CallObserver` itself does nothing, and where packets pass it
hands back the very function that it was given, so that it costs them nothing. A subclass overrides what it wants
to know. Its methods are called in the call's own loop: they must neither block nor raise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aiortc import RTCIceCandidate

from loadkit.media.voice import Utterance
from loadkit.signaling.client import Connect, connect_without_redirects
from loadkit.signaling.ice_servers import IceServer
from loadkit.transport.dtls import DtlsOutcome
from loadkit.transport.peer import Peer
from loadkit.transport.reception import PacketHandler
from loadkit.transport.sdp import RemoteDescription

CandidateHandler = Callable[[RTCIceCandidate], None]


class CallObserver:
    """Watches nothing; see the module's docstring."""

    def marked(self, name: str, at: float) -> None:
        """A stage began or ended, by the names of :mod:`~loadkit.call.timeline`; monotonic seconds."""

    def ice_servers(self, servers: Sequence[IceServer]) -> None:
        """The gateway named its ICE servers."""

    def ice_servers_failed(self, reason: str) -> None:
        """The ICE servers could not be had; the call goes on."""

    def connect(self) -> Connect:
        """What opens the WebSocket."""
        return connect_without_redirects

    def answer(self, remote: RemoteDescription, session_id: str | None) -> None:
        """The gateway's answer could be read."""

    def local_candidates(self, handler: CandidateHandler) -> CandidateHandler:
        """What takes each local candidate as it is found; in the end it hands it to ``handler``."""
        return handler

    def remote_candidate(self, candidate: RTCIceCandidate | None) -> None:
        """A candidate of the gateway goes to ICE; None is their end."""

    def pair_selected(self, peer: Peer) -> None:
        """ICE has a path."""

    def dtls(self, outcome: DtlsOutcome) -> None:
        """The handshake is done."""

    def packets(self, handler: PacketHandler) -> PacketHandler:
        """What takes each decrypted RTP packet; in the end it hands it to ``handler``."""
        return handler

    def utterance(self, utterance: Utterance) -> None:
        """The other side has begun to speak, or, when it has ended, fallen silent."""


#: Watches nothing.
NOBODY = CallObserver()
