"""The caller's ICE, DTLS and SRTP, with the gateway's ICE servers as far as they can be used from here."""

from __future__ import annotations

from collections.abc import Sequence

from loadkit.conformance.target import Target
from loadkit.setting_values import IcePath
from loadkit.signaling.ice_servers import IceServer
from loadkit.transport.peer import Peer
from loadkit.transport.reception import PacketHandler
from loadkit.transport.relay import TurnOptions
from loadkit.transport.route import choose_route


def make_peer(
    target: Target, servers: Sequence[IceServer], *, on_rtp: PacketHandler, on_rtcp: PacketHandler
) -> Peer:
    """A peer for one call.

    :param servers: of the gateway; none for host candidates alone.
    """
    entries = [(server.urls, server.username, server.credential) for server in servers]
    return Peer(
        controlling=True,
        certificate=target.certificate,
        addresses=target.addresses,
        route=choose_route(IcePath.ANY, entries, loopback=target.loopback),
        turn=TurnOptions(target.plan.wait, target.plan.local_address, target.authorities),
        on_rtp=on_rtp,
        on_rtcp=on_rtcp,
    )
