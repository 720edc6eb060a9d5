"""The caller's ICE, DTLS and SRTP, with the gateway's ICE servers as far as they can be used from here."""

from __future__ import annotations

from collections.abc import Sequence

from loadkit.conformance.target import Target
from loadkit.signaling.ice_servers import IceServer
from loadkit.transport.peer import PacketHandler, Peer, usable_ice_servers


def make_peer(
    target: Target, servers: Sequence[IceServer], *, on_rtp: PacketHandler, on_rtcp: PacketHandler
) -> Peer:
    """A peer for one call.

    :param servers: of the gateway; none for host candidates alone.
    """
    return Peer(
        controlling=True,
        certificate=target.certificate,
        addresses=target.addresses,
        ice_servers=usable_ice_servers([(s.urls, s.username, s.credential) for s in servers]),
        on_rtp=on_rtp,
        on_rtcp=on_rtcp,
    )
