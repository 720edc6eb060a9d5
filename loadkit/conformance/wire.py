"""One WebSocket to the gateway, frame by frame; the JSON is written and read by hand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from loadkit.conformance.case import ExpectationFailed, shown

#: A message from the gateway.
Message: TypeAlias = dict[str, Any]

PING = '{"type": "ping", "sessionId": ""}'

# At DEBUG, websockets logs every frame, and the offer holds the token.
quiet_logger = logging.getLogger("loadkit.conformance.websocket")
quiet_logger.setLevel(logging.CRITICAL)

#: How long a pong may take before the sign of life is asked for in another way.
_PONG_PATIENCE_S = 2.0

_UNREADABLE = "unreadable"


class Wire:
    """One open WebSocket.

    Messages that nobody has taken stay in their order, so that candidates that come in between disturb nobody.

    :param wait: seconds for each :meth:`take`.
    :param session_named: called with the ``sessionId`` of every answer.
    """

    def __init__(
        self, connection: ClientConnection, wait: float, session_named: Callable[[str], None]
    ) -> None:
        self.connection = connection
        self.wait = wait
        self.candidates_before_answer = 0
        """Candidates that came while there was no answer yet."""
        self.close_code: int | None = None
        """RFC 6455 section 7.4, 1006 when it broke; None while it is open."""
        self._session_named = session_named
        self._messages: list[Message] = []
        self._candidates: Callable[[Message], None] | None = None
        self._answered = False
        self._changed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    # Out

    async def send(self, frame: str | bytes | Iterable[str], *, text: bool | None = None) -> None:
        """Send a frame as it is: text, binary, or text in fragments.

        :param text: send bytes in a text frame.
        :raises ExpectationFailed: the socket is closed.
        """
        try:
            await self.connection.send(frame, text=text)
        except ConnectionClosed:
            raise ExpectationFailed("an open socket", self._closed()) from None

    async def say(self, kind: str, session_id: str | None = "", **fields: Any) -> None:
        """Send a message as JSON."""
        await self.send(json.dumps({"type": kind, "sessionId": session_id, **fields}))

    async def candidate(self, session_id: str | None, line: str) -> None:
        """Send a candidate line of the first section."""
        data = {"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0}
        await self.say("ice-candidate", session_id, data=data)

    # In

    async def take(self, *kinds: str, expected: str, wait: float | None = None) -> Message:
        """The oldest message of one of these types; others stay.

        :param wait: seconds; None for the usual.
        :raises ExpectationFailed: none came in time, the socket closed, or a frame was no message.
        """
        seconds = self.wait if wait is None else wait
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            for index, message in enumerate(self._messages):
                if message["type"] == _UNREADABLE:
                    raise ExpectationFailed("JSON objects with a type, in text frames", message["frame"])
                if message["type"] in kinds:
                    return self._messages.pop(index)
            if self.close_code is not None:
                raise ExpectationFailed(expected, self._closed())
            self._changed.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._changed.wait()
            except TimeoutError:
                seen = f"nothing of the kind within {seconds:g} s{self._others()}"
                raise ExpectationFailed(expected, seen) from None

    async def error(self, *codes: str, wait: float | None = None) -> Mapping[str, Any]:
        """The next message must be an error with one of these codes; returns its ``data``.

        Candidates may come before it.
        """
        expected = f"an error {' or '.join(codes)}"
        message = await self.take("error", "answer", "close", "pong", expected=expected, wait=wait)
        if message["type"] != "error":
            raise ExpectationFailed(expected, f"a message of type {message['type']}")
        data = message.get("data")
        code = data.get("code") if isinstance(data, dict) else None
        if not isinstance(data, dict) or code not in codes:
            raise ExpectationFailed(expected, described(message))
        return data

    async def refused(self, frame: str | bytes, *codes: str) -> Mapping[str, Any]:
        """Send a frame that must be answered by an error with one of these codes."""
        await self.send(frame)
        return await self.error(*codes)

    async def alive(self, after: str) -> None:
        """The socket must give a sign of life.

        A pong, or else an answer of any kind: that pings are not answered is for another case to say.
        """
        expected = f"a sign of life of the socket after {after}"
        await self.send(PING)
        try:
            await self.take("pong", expected=expected, wait=min(_PONG_PATIENCE_S, self.wait))
        except ExpectationFailed:
            if self.close_code is not None:
                raise
            await self.send("{}")
            await self.take("pong", "error", expected=expected)

    def untaken(self, kind: str) -> list[Message]:
        """Messages of a type that nobody has taken."""
        return [message for message in self._messages if message["type"] == kind]

    def hand_candidates_to(self, handler: Callable[[Message], None]) -> None:
        """Give all candidates, those that came already too, to a handler instead of keeping them."""
        self._candidates = handler
        for message in self.untaken("ice-candidate"):
            self._messages.remove(message)
            handler(message)

    # The end

    async def drop(self) -> None:
        """Tear the connection: no close frame, as when a network goes away."""
        self.connection.transport.abort()
        await asyncio.wait({self._reader})

    async def close(self) -> int:
        """Close with 1000; returns the code of the gateway's close frame, 1006 when none came."""
        try:
            # Bounded by the connection's own closing time-out, and once more, since a peer may send without end.
            async with asyncio.timeout(2 * self.wait):
                await self.connection.close()
        except TimeoutError:
            self.connection.transport.abort()
        await asyncio.wait({self._reader})
        return self.close_code or 1006

    async def closed(self) -> int:
        """Wait for the gateway to close; returns its code.

        :raises ExpectationFailed: it does not in time.
        """
        try:
            async with asyncio.timeout(self.wait):
                await self.connection.wait_closed()
        except TimeoutError:
            raise ExpectationFailed("the socket to be closed", f"it is open after {self.wait:g} s") from None
        await asyncio.wait({self._reader})
        return self.close_code or 1006

    # Inside

    async def _read(self) -> None:
        try:
            while True:
                self._received(await self.connection.recv())
        except ConnectionClosed as exc:
            self.close_code = 1006 if exc.rcvd is None else exc.rcvd.code
            self._changed.set()

    def _received(self, frame: str | bytes) -> None:
        message: Any = None
        with contextlib.suppress(ValueError, RecursionError):
            message = json.loads(frame) if isinstance(frame, str) else None
        if not (isinstance(message, dict) and isinstance(message.get("type"), str)):
            message = {"type": _UNREADABLE, "frame": shown(frame)}
        session_id = message.get("sessionId")
        if message["type"] == "answer":
            self._answered = True
            if isinstance(session_id, str):
                self._session_named(session_id)
        if message["type"] == "ice-candidate" and not self._answered:
            self.candidates_before_answer += 1
        if message["type"] == "ice-candidate" and self._candidates is not None:
            self._candidates(message)
        else:
            self._messages.append(message)
        self._changed.set()

    def _closed(self) -> str:
        return f"the socket was closed with code {self.close_code or self.connection.close_code or 1006}"

    def _others(self) -> str:
        others = [described(message) for message in self._messages if message["type"] != "ice-candidate"]
        return f"; instead: {', '.join(others[:3])}" if others else ""


def described(message: Message) -> str:
    """A message in a few words."""
    if message["type"] != "error":
        return f"a message of type {shown(message['type'], 40)}"
    data = message.get("data")
    if not isinstance(data, dict):
        return f"an error with data {shown(data)}"
    return f"error {shown(data.get('code'), 60)}: {shown(data.get('message'))}"
