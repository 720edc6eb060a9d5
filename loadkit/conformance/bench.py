"""What one case has opened; puts it all away afterwards, however the case ended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from loadkit.conformance.case import ExpectationFailed
from loadkit.conformance.media_call import Manner, MediaCall, answer_sdp, take_answer
from loadkit.conformance.offers import ABSENT, OfferSdp, offer_text
from loadkit.conformance.target import HttpAnswer, Target
from loadkit.conformance.wire import Message, Wire, quiet_logger
from loadkit.signaling.ice_servers import IceServer, parse_ice_servers
from loadkit.signaling.urls import ICE_SERVERS_PATH

#: Bytes of one message from the gateway.
_MAX_MESSAGE_BYTES = 2**20
_CLOSE_TIMEOUT_S = 2.0
#: For putting everything away.
_CLEAN_UP_S = 10.0


class Bench:
    """The hands of one case."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.plan = target.plan
        self._wires: list[Wire] = []
        self._calls: list[MediaCall] = []
        self._sessions: list[str] = []

    # Sockets and offers

    async def wire(self, *, bearer: str | None = None) -> Wire:
        """A fresh WebSocket.

        :param bearer: token for ``Authorization`` at the upgrade; as documented, none is needed.
        :raises ExpectationFailed: it does not open; ``seen`` begins with ``HTTP`` when that was the answer.
        """
        local = (self.plan.local_address, 0) if self.plan.local_address else None
        try:
            connection = await connect(
                self.target.signaling_url,
                additional_headers={"Authorization": f"Bearer {bearer}"} if bearer else None,
                open_timeout=self.plan.wait,
                close_timeout=_CLOSE_TIMEOUT_S,
                ping_interval=None,
                max_size=_MAX_MESSAGE_BYTES,
                proxy=None,
                compression=None,
                logger=quiet_logger,
                ssl=self.target.ssl_context,
                local_addr=local,
            )
        except InvalidStatus as exc:
            seen = f"HTTP {exc.response.status_code} instead of an upgrade"
            raise ExpectationFailed("a WebSocket", seen) from None
        except (OSError, WebSocketException) as exc:  # TimeoutError is an OSError
            raise ExpectationFailed("a WebSocket", f"{type(exc).__name__}: {exc}") from None
        wire = Wire(connection, self.plan.wait, self._sessions.append)
        self._wires.append(wire)
        return wire

    def offer(self, sdp: str | None = None, **fields: Any) -> str:
        """The JSON text of an offer that is right but for these fields.

        :param sdp: None for one that nobody stands behind.
        """
        usual = {"authToken": self.target.token, "mode": self.plan.mode, **self.target.offer_fields}
        return offer_text(OfferSdp().text() if sdp is None else sdp, usual | fields)

    async def answered(self, wire: Wire, sdp: str | None = None, **fields: Any) -> Message:
        """Offer, and take the answer. What is not checked then: see :func:`take_answer`."""
        await wire.send(self.offer(sdp, **fields))
        mode = fields.get("mode", self.plan.mode)
        return await take_answer(wire, mode if isinstance(mode, str) and mode is not ABSENT else "")

    async def answer_sdp(self, sdp: str | None = None) -> str:
        """The SDP that an offer is answered by, over a socket of its own."""
        return answer_sdp(await self.answered(await self.wire(), sdp))

    # Calls

    async def call(
        self, manner: Manner | None = None, *, mode: str | None = None, wire: Wire | None = None
    ) -> MediaCall:
        """A connected call."""
        return await (await self.new_call(manner, mode=mode, wire=wire)).connect()

    async def new_call(
        self, manner: Manner | None = None, *, mode: str | None = None, wire: Wire | None = None
    ) -> MediaCall:
        """A call that has not offered yet."""
        call = MediaCall(
            self.target,
            await self.wire() if wire is None else wire,
            self.plan.mode if mode is None else mode,
            manner or Manner(),
            await self._usable_ice_servers(),
        )
        self._calls.append(call)
        return call

    async def _usable_ice_servers(self) -> list[IceServer]:
        """Those of the gateway; none on loopback, where nothing else is talked to."""
        if self.target.loopback:
            return []
        with contextlib.suppress(ExpectationFailed, ValueError):
            return parse_ice_servers((await self.ice_servers()).document())
        return []

    # HTTP

    async def get(
        self, path: str, *, bearer: str | None = None, query: Mapping[str, str] | None = None
    ) -> HttpAnswer:
        """GET a path of the gateway."""
        return await self.target.get(path, bearer=bearer, query=query)

    async def ice_servers(self) -> HttpAnswer:
        """The ICE servers, by whichever way of giving a token works."""
        answer = await self.get(ICE_SERVERS_PATH, bearer=self.target.token)
        if answer.status == 200:
            return answer
        return await self.get(ICE_SERVERS_PATH, query={"token": self.target.token})

    # The end

    async def clean_up(self) -> None:
        """Say ``close`` for every session that was named here, then close everything. Never raises."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLEAN_UP_S):
                if self._sessions:
                    with contextlib.suppress(ExpectationFailed):
                        await self._close_sessions()
                await asyncio.gather(*(call.put_away() for call in self._calls), return_exceptions=True)
                await asyncio.gather(*(wire.close() for wire in self._wires), return_exceptions=True)
        for call in self._calls:
            call.peer.abort()

    async def _close_sessions(self) -> None:
        open_wires = [wire for wire in self._wires if wire.close_code is None]
        wire = open_wires[0] if open_wires else await self.wire()
        for session_id in dict.fromkeys(self._sessions):
            await wire.say("close", session_id)
