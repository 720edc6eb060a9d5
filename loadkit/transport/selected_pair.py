"""The candidate pair that ICE has selected: which one, of what types, from which address, over which relay.

And, when ICE has selected none, which were tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aioice.ice import CandidatePair, Connection
from aiortc import RTCIceTransport

from loadkit.transport import aiortc_internals as internals
from loadkit.transport.gathering import Gathering
from loadkit.transport.relay import Relay


@dataclass(frozen=True)
class SelectedPair:
    """The pair that media flows over."""

    local_type: str
    remote_type: str
    local_address: str
    """Address of this machine: for a relay, that towards its TURN server."""
    relay_protocol: str | None
    """``udp``, ``tcp`` or ``tls`` to the TURN server; None without a relay of ours."""


class Selection:
    """The pair of one connection, kept for the record: a connection that is closed forgets its pair."""

    def __init__(self, connection: Connection, gathering: Gathering) -> None:
        #: None before one is selected.
        self.pair: CandidatePair | None = None
        self._connection = connection
        self._gathering = gathering
        self._local_type = ""
        self._mapped: dict[tuple[int, Any], Any] = {}

    def take(self) -> CandidatePair | None:
        """The pair that the connection has nominated now, if any; it is the selected one from now on."""
        pair = internals.nominated_pair(self._connection)
        if pair is not None:
            self.pair = pair
            self._local_type = internals.local_type(self._connection, pair, self._mapped)
        return pair

    def note_mapped_addresses(self) -> None:
        """See what addresses a NAT gives to the sockets that there are by now."""
        internals.note_mapped_addresses(self._connection, self._mapped)

    def types(self) -> tuple[str, str] | None:
        """Candidate types (ours, theirs); None before a pair is selected."""
        return (self._local_type, self.pair.remote_candidate.type) if self.pair else None

    def described(self) -> SelectedPair | None:
        """For the record; None before a pair is selected."""
        pair, relay = self.pair, self.relay()
        if pair is None:
            return None
        return SelectedPair(
            local_type=self._local_type,
            remote_type=pair.remote_candidate.type,
            local_address=relay.local_address if relay else pair.local_candidate.host,
            relay_protocol=relay.server.protocol if relay else None,
        )

    def relay(self) -> Relay | None:
        """The relay that the pair goes over; None when it goes over none."""
        relay = self._gathering.relay
        in_use = relay is not None and self.pair is not None and self.pair.protocol is relay.protocol
        return relay if in_use else None


def pairs_tried(ice: RTCIceTransport, gathering: Gathering) -> str:
    """The candidates of both sides, for the message of a call for which no pair worked."""
    ours = ", ".join(f"{c.type} {c.ip}" for c in ice.iceGatherer.getLocalCandidates()) or "none"
    theirs = ", ".join(f"{c.type} {c.ip}" for c in ice.getRemoteCandidates()[:8]) or "none"
    refusal = gathering.relay.refusal if gathering.relay else None
    refused = f"; the TURN server {gathering.turn_url} does not relay to them ({refusal})" if refusal else ""
    return f"local candidates {ours}; remote candidates {theirs}{refused}"
