from __future__ import annotations

import asyncio

from aiortc import RTCIceCandidate

from loadkit.gateway.negotiation import CandidateFeed, read_offer
from loadkit.signaling.messages import IceCandidate
from loadkit.transport.peer import Peer

from .callers import CERTIFICATE, OFFER_SDP

HIDDEN = "candidate:1 1 udp 2113937151 41cebf08-520b-4653-8e4e-01da6440d2b2.local 48551 typ host generation 0"
SHOWN = "candidate:2 1 udp 2122194687 127.0.0.1 49444 typ host generation 0"


class ListeningPeer(Peer):
    """Keeps what it is told of the other side's candidates."""

    def __init__(self) -> None:
        super().__init__(
            controlling=False,
            certificate=CERTIFICATE,
            addresses=["127.0.0.1"],
            on_rtp=lambda packet, now: None,
            on_rtcp=lambda packet, now: None,
        )
        self.told: list[str] = []
        self.anything = asyncio.Event()

    async def add_remote_candidate(self, candidate: RTCIceCandidate | None) -> None:
        self.told.append("end" if candidate is None else candidate.ip)
        self.anything.set()


async def test_candidates_that_hide_their_address_are_left_to_the_client_s_own_checks() -> None:
    feed, peer = CandidateFeed(100), ListeningPeer()
    sdp = OFFER_SDP + f"a={HIDDEN}\r\n"
    running = asyncio.create_task(feed.run(peer, read_offer(sdp, 100), lambda reason: None))
    feed.received(IceCandidate(HIDDEN))
    # With no other candidate ICE would take this end for a failure, while the client's checks are on their way.
    feed.ended()
    feed.received(IceCandidate(SHOWN))
    async with asyncio.timeout(60):
        await running
    assert peer.told == ["127.0.0.1", "end"]
    await peer.close()


async def test_with_hidden_candidates_alone_the_end_of_them_is_not_told() -> None:
    feed, peer = CandidateFeed(100), ListeningPeer()
    running = asyncio.create_task(feed.run(peer, read_offer(OFFER_SDP, 100), lambda reason: None))
    feed.received(IceCandidate(HIDDEN))
    feed.ended()
    await asyncio.wait({running}, timeout=1.5)
    assert peer.told == []
    running.cancel()
    await asyncio.wait({running})
    await peer.close()
