"""What is agreed with the caller before media: its offer, our answer, and its candidates as they trickle."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from aioice.mdns import is_mdns_hostname
from aiortc import RTCIceCandidate

from loadkit.signaling.candidates import RemoteCandidates
from loadkit.signaling.messages import IceCandidate
from loadkit.transport.peer import Peer
from loadkit.transport.sdp import LocalDescription, RemoteDescription, read_candidate, read_sdp, write_sdp

logger = logging.getLogger(__name__)


def read_offer(sdp: str, max_candidates: int) -> RemoteDescription:
    """Read the client's offer.

    :raises ValueError: it cannot be answered; the text says why.
    """
    remote = read_sdp(sdp)
    # RFC 8829 section 5.3.1: an answer has a section for each of the offer's; ours has one.
    sections = sum(line.startswith("m=") for line in sdp.splitlines())
    if sections != 1:
        raise ValueError(f"it has {sections} media sections; a call has one audio section")
    if remote.direction != "sendrecv":
        raise ValueError(f"its audio is {remote.direction}; a call needs sendrecv")
    if len(remote.candidates) > max_candidates:
        raise ValueError(f"it has {len(remote.candidates)} candidates; {max_candidates} are taken at most")
    return remote


def write_answer(peer: Peer, remote: RemoteDescription) -> str:
    """The SDP of our answer; candidates follow by themselves.

    RFC 8842 section 5.3: to ``actpass`` we say ``active``, so that DTLS begins at once. An offer that has chosen
    for itself is taken as well, as browsers do: ``passive`` leaves us ``active``, ``active`` leaves ``passive``.
    """
    local = LocalDescription(
        ice=peer.ice_parameters,
        dtls=peer.dtls_parameters,
        ssrc=peer.ssrc,
        cname=peer.cname,
        mid=remote.mid,
        payload_type=remote.payload_type,
        answers_as="server" if remote.dtls.role == "client" else "client",
    )
    return write_sdp(local, "answer")


class CandidateFeed:
    """Hands the client's candidates to ICE, and the end of them when it can be believed.

    See :class:`~loadkit.signaling.candidates.RemoteCandidates` for when that is.

    :param limit: candidates that are taken, those in the SDP not counted.
    """

    def __init__(self, limit: int) -> None:
        self._remote = RemoteCandidates(limit=limit)
        self._changed = asyncio.Event()

    def received(self, candidate: IceCandidate) -> bool:
        """Take a candidate that the client trickled; False when it is one too many.

        One that comes after the end has passed is dropped without a word (RFC 8838 section 14).
        """
        if self._remote.candidate_received(candidate, time.monotonic()):
            self._changed.set()
            return True
        return not self._remote.full

    def ended(self) -> None:
        """The client says that no more will come."""
        self._remote.end_received(time.monotonic())
        self._changed.set()

    async def run(self, peer: Peer, remote: RemoteDescription, refuse: Callable[[str], None]) -> None:
        """Feed until the end has passed.

        :param refuse: called with a sentence for each candidate that is none.
        """
        async with asyncio.TaskGroup() as resolving:
            await self._feed(peer, remote, refuse, resolving)

    async def _feed(
        self,
        peer: Peer,
        remote: RemoteDescription,
        refuse: Callable[[str], None],
        resolving: asyncio.TaskGroup,
    ) -> None:
        for candidate in remote.candidates:
            await self._add(peer, candidate, resolving)
        self._remote.answer_applied(candidates_in_sdp=bool(remote.candidates))
        if remote.candidates_complete:
            self._remote.end_received(time.monotonic())
        while True:
            self._changed.clear()
            candidates, end = self._remote.poll(time.monotonic())
            for message in candidates:
                try:
                    await self._add(peer, read_candidate(message.candidate), resolving)
                except ValueError as exc:
                    refuse(f"data.candidate: {exc}")
            if end:
                await peer.add_remote_candidate(None)
                return
            await self._wait()

    async def _add(self, peer: Peer, candidate: RTCIceCandidate, resolving: asyncio.TaskGroup) -> None:
        if is_mdns_hostname(candidate.ip):
            # A name that nobody knows takes a second to find out; the others do not wait for it.
            resolving.create_task(self._resolve(peer, candidate))
            await asyncio.sleep(0)
        else:
            await peer.add_remote_candidate(candidate)

    @staticmethod
    async def _resolve(peer: Peer, candidate: RTCIceCandidate) -> None:
        try:
            await peer.add_remote_candidate(candidate)
        except OSError as exc:
            # It takes a socket on port 5353; the call can do without the candidate.
            logger.debug("a candidate with an mDNS name was dropped: %s", exc)

    async def _wait(self) -> None:
        """Until something comes, or the end becomes due."""
        deadline = self._remote.next_deadline()
        try:
            async with asyncio.timeout(None if deadline is None else max(0.0, deadline - time.monotonic())):
                await self._changed.wait()
        except TimeoutError:
            pass
