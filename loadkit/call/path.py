"""The way of one call through the network: what was asked for, what follows of it, what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from loadkit.call.context import CallContext
from loadkit.call.spec import CallSpec
from loadkit.records import CallRecord
from loadkit.setting_values import IcePath
from loadkit.signaling.ice_servers import IceServer
from loadkit.transport.peer import Peer
from loadkit.transport.relay import TurnOptions
from loadkit.transport.route import Route, choose_route, urls_left_out


class CallPath:
    """Path and local address of one call."""

    def __init__(self, spec: CallSpec, context: CallContext) -> None:
        settings = context.settings
        self.ice_path = IcePath(spec.ice_path or settings.ice_path[0])
        #: Of everything that the call sends; None for the system's choice.
        self.local_address = spec.local_address or next(iter(settings.local_address), None)
        self._loopback = context.destination.loopback
        #: Addresses to bind host candidates to.
        self.addresses = [self.local_address] if self.local_address else list(context.destination.addresses)
        #: How TURN servers are asked.
        self.turn = TurnOptions(settings.turn_timeout, self.local_address, context.ssl_context)

    def route(self, servers: Sequence[IceServer], record: CallRecord) -> Route:
        """What to gather, out of the servers that the gateway named.

        :raises TransportError: TURN_UNREACHABLE, it named none for this path.
        """
        entries = [(server.urls, server.username, server.credential) for server in servers]
        if record.ice_servers_count is not None:
            record.ice_servers_left_out = urls_left_out(entries, loopback=self._loopback)
        return choose_route(
            self.ice_path,
            entries,
            loopback=self._loopback,
            unavailable=record.ice_servers_error or "",
        )

    def fill(self, record: CallRecord, peer: Peer | None) -> None:
        """Write the record's columns about the path."""
        record.ice_path, record.local_address = self.ice_path.value, self.local_address
        if peer is None:
            return
        record.turn_url = peer.gathering.turn_url
        if peer.gathering.relay is not None:
            record.relay_ms = round(peer.gathering.relay.seconds * 1000, 3)
        elif peer.gathering.relay_error is not None:
            record.turn_error = peer.gathering.relay_error.message
        pair = peer.selected_pair()
        if pair is not None:
            record.local_candidate_type, record.remote_candidate_type = pair.local_type, pair.remote_type
            record.relay_protocol, record.local_address = pair.relay_protocol, pair.local_address
