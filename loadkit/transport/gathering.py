"""The local candidates of one peer: gathered along its route, told as they come.

Host and server-reflexive candidates come from aioice, the relay from :mod:`~loadkit.transport.relay`; all of them
become sockets of one ICE connection.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
from collections.abc import Callable, Sequence

from aioice.ice import Connection
from aiortc import RTCIceCandidate, RTCIceGatherer
from aiortc.rtcicetransport import candidate_from_aioice

from loadkit.errors import Stage, TransportError
from loadkit.transport import aiortc_internals as internals
from loadkit.transport.datagrams import DatagramPoll
from loadkit.transport.hosts import gather_hosts
from loadkit.transport.relay import Relay, TurnOptions, get_relay
from loadkit.transport.route import Route

#: How long candidates may wait to be trickled while others are still being gathered: at first, at most.
#: Host candidates are there at once, and should not wait for those that come from servers.
_TRICKLE_POLL_S, _LONGEST_TRICKLE_POLL_S = 0.001, 0.02


def make_gatherer() -> RTCIceGatherer:
    """A gatherer with a ufrag and a password of its own, and no servers: a :class:`Gathering` asks those."""
    return RTCIceGatherer(iceServers=[], local_username=_ice_name(4), local_password=_ice_name(22))


def _ice_name(length: int) -> str:
    """A ufrag or password of RFC 8445's ice-char (letters, digits, ``+``, ``/``), six random bits each.

    All drawn at once: aioice draws each character by itself, which is half of what it takes to make a connection.
    """
    return base64.b64encode(secrets.token_bytes(length)).decode()[:length]


class Gathering:
    """Begun once, by :meth:`run`.

    :param new_sockets: called when the connection may have sockets that it had not before.
    :param relay_lost: called when the relay is gone although nobody closed it.
    :param poll: what reads the sockets; None: the event loop, by transports of its own.
    """

    def __init__(
        self,
        connection: Connection,
        addresses: Sequence[str],
        route: Route,
        turn: TurnOptions,
        *,
        new_sockets: Callable[[], None],
        relay_lost: Callable[[], None],
        poll: Callable[[], DatagramPoll | None] = lambda: None,
    ) -> None:
        #: The relay that a TURN server gave; None while there is none.
        self.relay: Relay | None = None
        #: Why there is none, when one was asked for: of the last server asked.
        self.relay_error: TransportError | None = None
        #: URL of the TURN server that was asked last; None when none was.
        self.turn_url: str | None = None
        #: Set when there is a first candidate, or will never be one.
        self.bound = asyncio.Event()
        #: All candidates are there, or there will be none.
        self.ended = False
        #: What :meth:`run` raised.
        self.error: TransportError | None = None

        connection.stun_server = route.stun
        self._connection = connection
        self._addresses = list(addresses)
        self._route, self._turn = route, turn
        self._new_sockets = new_sockets
        self._relay_lost = relay_lost
        self._poll = poll
        self._task: asyncio.Task[None] | None = None

    async def run(self, on_candidate: Callable[[RTCIceCandidate], None]) -> None:
        """Gather candidates, telling of each as soon as it is there.

        :raises TransportError: GATHERING_FAILED, no address could be bound; TURN_…, the route needs a relay
            and there is none.
        """
        try:
            await self._gather_and_tell(on_candidate)
        except TransportError as exc:
            self.error = exc
            raise
        finally:
            self.ended = True
            self.bound.set()

    async def cancel(self) -> None:
        """End it, when it has not ended."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _gather_and_tell(self, on_candidate: Callable[[RTCIceCandidate], None]) -> None:
        told: set[tuple[str, int, str]] = set()

        def tell(candidates: Sequence[RTCIceCandidate]) -> None:
            for candidate in candidates:
                key = (candidate.ip, candidate.port, candidate.type)
                if key not in told:
                    told.add(key)
                    on_candidate(candidate)

        # A local address may be something that is not even a host name.
        with contextlib.suppress(UnicodeError):
            if self._route.stun is None and not self._route.turn:
                # Host candidates alone are there at once: no task, and nothing to tell before the others.
                await self._gather_hosts()
                self._new_sockets()
            else:
                await self._gather_beside(tell)
        tell([candidate_from_aioice(candidate) for candidate in self._connection.local_candidates])
        internals.pair_late_candidates(self._connection)
        if not told:
            addresses = ", ".join(self._addresses) or "no address at all"
            raise TransportError(
                Stage.ICE, "GATHERING_FAILED", f"no ICE candidate could be bound on {addresses}"
            )

    async def _gather_beside(self, tell: Callable[[Sequence[RTCIceCandidate]], None]) -> None:
        """Gather from servers, too, and tell of host candidates meanwhile."""
        task = self._task = asyncio.create_task(self._gather_all())
        done, wait = False, _TRICKLE_POLL_S
        while not done:
            finished, _ = await asyncio.wait({task}, timeout=wait)
            done, wait = bool(finished), min(2 * wait, _LONGEST_TRICKLE_POLL_S)
            self._new_sockets()
            bound = [p.local_candidate for p in internals.bound_protocols(self._connection)]
            tell([candidate_from_aioice(candidate) for candidate in bound])
            if bound:
                self.bound.set()
        await task

    async def _gather_all(self) -> None:
        relay = asyncio.create_task(self._get_relay())
        try:
            if self._route.host_candidates:
                await self._gather_hosts()
            await relay
        finally:
            if not relay.done():
                relay.cancel()
                await asyncio.wait({relay})

    async def _gather_hosts(self) -> None:
        poll = self._poll()
        if poll is None:
            await internals.gather(self._connection, self._addresses)
        else:
            await gather_hosts(self._connection, self._addresses, poll)

    async def _get_relay(self) -> None:
        """Ask the route's TURN servers, one after the other, for a relay.

        :raises TransportError: the route needs a relay and there is none.
        """
        for server in self._route.turn:
            self.turn_url = server.url
            try:
                self.relay = await get_relay(
                    self._connection,
                    server,
                    self._turn,
                    hide_related=self._route.relay_needed,
                    on_lost=self._relay_lost,
                )
            except TransportError as exc:
                self.relay_error = exc
                continue
            internals.add_socket(self._connection, self.relay.protocol)
            return
        if self._route.relay_needed and self.relay_error is not None:
            raise self.relay_error
