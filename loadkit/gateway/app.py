"""The gateway's server: HTTP answers, WebSockets, and which message belongs to which session.

A session is found by its ``sessionId`` alone, over any socket, so a fresh socket continues a session whose
own was lost; its name is a random UUID that only its client was told. A socket that has shown another token
than the session's cannot. A message without ``sessionId`` belongs to the newest session of its socket.

What cannot be used is answered with an ``error``, and neither the socket nor any session suffers:

    not text, not JSON, no object, unknown type, wrong field, too long   INVALID_MESSAGE
    offer or candidate for a session that is not there (any more)        INVALID_MESSAGE
    no token; not an accepted one; not the session's                     UNAUTHORIZED
    echo on a production gateway; too many sessions for one token        FORBIDDEN
    too many messages in a second                                        FORBIDDEN
    a value that is not known                                            INVALID_ARGUMENT
    one session more than the gateway holds; our own fault               HANDLER_ERROR
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
import uuid
from typing import Any, cast

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from loadkit.gateway.agent import AgentFactory, AgentUnavailable
from loadkit.gateway.connection import BoundedConnection
from loadkit.gateway.endpoints import Endpoints
from loadkit.gateway.event_log import EventLog
from loadkit.gateway.faults.gateway_faults import GatewayFaults
from loadkit.gateway.listening import host_addresses, listen, tls_options
from loadkit.gateway.own_agent import load_own_agent
from loadkit.gateway.session import Session, SessionContext
from loadkit.gateway.settings import GatewaySettings
from loadkit.gateway.sockets import FLOOD, ClientSocket, Verdict
from loadkit.gateway.speaking import SpeakingAgent, load_voice
from loadkit.gateway.tls import ServerTls
from loadkit.gateway.tokens import TOKEN_INVALID, Tokens, same_token
from loadkit.media.clock import MediaClock
from loadkit.signaling.messages import Answer, Close, Error, Message, Offer, Ping, Pong, encode
from loadkit.signaling.modes import ECHO, resolve_mode
from loadkit.signaling.strict_parser import InvalidMessage, parse_from_client
from loadkit.transport.dtls import Certificate

logger = logging.getLogger(__name__)

# At DEBUG, websockets logs every frame and request, and so tokens and SDP passwords; at ERROR, a stack for
# every port scanner. A level of its own keeps the root logger's away from it.
_websocket_logger = logging.getLogger("loadkit.gateway.websocket")
_websocket_logger.setLevel(logging.CRITICAL)

_MAX_WAITING = 4
_OUR_FAULT = "the gateway failed while handling the message; see its log"
#: A message so many times as long as allowed, and over 2 MiB, is not even read: its socket is closed with 1009.
_HARD_LIMIT = 8
_HARD_LIMIT_AT_LEAST = 2 * 1024 * 1024
#: How long sessions and sockets may take to end when the gateway does.
_CLOSE_S = 5.0


class Gateway:
    """One gateway on one port::

        gateway = Gateway(GatewaySettings())
        await gateway.start()
        print(gateway.url)
        ...
        await gateway.close()

    :param make_agent: who answers in the modes other than echo; when None the agent that the settings name,
        or the speaking agent.
    :param tls: the certificate, closed by who made it; made by :meth:`start` as the settings say when None.
    :raises SettingsError: the agent that the settings name cannot be imported.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        make_agent: AgentFactory | None = None,
        tls: ServerTls | None = None,
    ) -> None:
        self.settings = settings
        #: None without TLS, and before :meth:`start` when it is made there.
        self.tls = tls
        self._made_tls: ServerTls | None = None
        #: 0 before :meth:`start`.
        self.port = 0
        self._tokens = Tokens(token.get_secret_value() for token in settings.tokens)
        self._endpoints = Endpoints(settings, self._tokens)
        self._make_agent = make_agent or _agent_of(settings)
        self._events: EventLog | None = None
        self._sessions: dict[str, Session] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: Server | None = None
        self._closing = False
        self._clock: MediaClock | None = None
        self._context: SessionContext | None = None
        self._faults = GatewayFaults(settings.faults_on_demand(), settings.fault_seed)

    @property
    def url(self) -> str:
        """Address for callers on this machine: ``ws://127.0.0.1:40123``, with TLS ``wss://…``."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.settings.host, self.settings.host)
        scheme = "ws" if self.tls is None else "wss"
        return f"{scheme}://[{host}]:{self.port}" if ":" in host else f"{scheme}://{host}:{self.port}"

    @property
    def active_sessions(self) -> int:
        """Sessions that are not completely gone, and those that leaked on demand."""
        return len(self._sessions) + self._faults.leaked_sessions

    async def start(self) -> None:
        """Listen.

        :raises OSError: the address cannot be resolved or listened on.
        :raises SettingsError: the certificate, or the file for the events, cannot be used.
        """
        # Encode the agent's recordings now rather than in the first call. Echo works without them.
        try:
            load_voice(self.settings.speech_folder)
        except AgentUnavailable as exc:
            if self.settings.agent is None:
                folder = self.settings.speech_folder
                logger.warning("--speech-folder %s: %s; its calls end with AGENT_FAILURE", folder, exc)
        if self.tls is None:
            self.tls = self._made_tls = ServerTls.of(self.settings)
        unix_offset = time.time() - time.monotonic()
        if self.settings.events is not None:
            self._events = EventLog(self.settings.events, unix_offset)
        # Our own socket: for a name with two addresses and port 0 the system would choose two ports.
        listening = await listen(self.settings.host, self.settings.port)
        self.port = listening.getsockname()[1]
        self._clock = MediaClock()
        seed = self.settings.agent_seed
        seed = secrets.randbits(32) if seed is None else seed
        if self._events is not None:
            self._events.start(port=self.port, agent_seed=seed)
        self._context = SessionContext(
            settings=self.settings,
            certificate=Certificate(),
            clock=self._clock,
            addresses=host_addresses(listening.getsockname()[0]),
            make_agent=self._make_agent,
            ntp_offset=unix_offset,
            write_event=self._events.write if self._events else None,
            agent_seed=seed,
            faults=self._faults,
        )
        self._faults.warn()
        self._server = await serve(
            self._hold_socket,
            sock=listening,
            process_request=self._process_request,
            max_size=max(_HARD_LIMIT * self.settings.max_message_bytes, _HARD_LIMIT_AT_LEAST),
            # Messages that a client may have waiting, each as long as that.
            max_queue=_MAX_WAITING,
            compression=None,
            close_timeout=_CLOSE_S,
            server_header=None,
            logger=_websocket_logger,
            # A function will do, though its annotation wants a class.
            create_connection=cast(Any, self._connection),
            **tls_options(self.tls),
        )

    async def close(self) -> None:
        """End every session with ``close``, then all sockets."""
        if self._made_tls is not None:
            self._made_tls.close()
        if self._server is None or self._clock is None:
            return
        self._closing = True
        self._faults.close()
        for session in self._sessions.values():
            session.hang_up("the gateway is shutting down")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE_S)
        self._server.close()
        await self._server.wait_closed()
        self._clock.close()
        if self._events is not None:
            self._events.close()

    # Sockets

    def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        return self._endpoints.answer(connection, request, self.active_sessions)

    def _connection(self, *args: Any, **options: Any) -> BoundedConnection:
        most = FLOOD * self.settings.max_messages_per_second
        return BoundedConnection(*args, most_messages=most, **options)

    async def _hold_socket(self, connection: ServerConnection) -> None:
        client = ClientSocket(connection, self.settings.max_messages_per_second)
        watch = asyncio.create_task(self._close_when_idle(client))
        try:
            async for frame in connection:
                await self._take(frame, client)
        except ConnectionClosed:
            pass
        finally:
            watch.cancel()
            for session in self._sessions.values():
                session.socket_lost(client)

    async def _close_when_idle(self, client: ClientSocket) -> None:
        """Close a socket that has held no session for a whole ``--offer-timeout``."""
        seconds = self.settings.offer_timeout
        while True:
            in_use = any(session.socket is client for session in self._sessions.values())
            left = seconds if in_use else client.idle_since + seconds - time.monotonic()
            if left <= 0:
                break
            await asyncio.sleep(left)
        with contextlib.suppress(ConnectionClosed):
            await client.send(encode(Error("FORBIDDEN", f"nothing was offered for {seconds:g} s")))
            await client.close(CloseCode.POLICY_VIOLATION, "nothing was offered")

    async def _take(self, frame: str | bytes, client: ClientSocket) -> None:
        """Read one frame and hand it on; whatever is wrong with it, the socket goes on."""
        try:
            match client.rate.take(time.monotonic()):
                case Verdict.READ:
                    await self._route(self._read(frame), client)
                case Verdict.REFUSED:
                    limit = client.rate.limit
                    raise InvalidMessage("FORBIDDEN", f"more than {limit} messages in a second are not read")
                case Verdict.FLOOD:
                    await client.close(CloseCode.POLICY_VIOLATION, "too many messages")
        except InvalidMessage as refusal:
            await client.send(encode(Error(refusal.code, refusal.message)))
        except ConnectionClosed:
            raise
        except Exception:
            logger.exception("a message could not be handled")
            await client.send(encode(Error("HANDLER_ERROR", _OUR_FAULT)))

    def _read(self, frame: str | bytes) -> Message:
        limit = self.settings.max_message_bytes
        if len(frame) > limit or (isinstance(frame, str) and len(frame.encode()) > limit):
            raise InvalidMessage("INVALID_MESSAGE", f"the message is longer than {limit} bytes")
        return parse_from_client(frame)

    async def _route(self, message: Message, client: ClientSocket) -> None:
        session = self._session_of(message, client)
        self._check_token(message, session, client)
        if session is not None:
            await session.receive(message, client)
            return
        match message:
            case Offer(session_id=None):
                session = self._open_session(message)
                try:
                    await session.receive(message, client)
                except Exception:
                    # Half a session is none: it tells the client and is gone.
                    logger.exception("an offer could not be handled")
                    session.fail("HANDLER_ERROR", _OUR_FAULT)
            case Ping():
                await client.send(encode(Pong(message.session_id)))
            case Close():
                # Clients send a close on every end, also when ours has crossed with it.
                pass
            case _:
                what = "unknown sessionId" if message.session_id else "no sessionId, and nothing was offered"
                raise InvalidMessage("INVALID_MESSAGE", f"the message cannot be placed: {what}")

    def _session_of(self, message: Message, client: ClientSocket) -> Session | None:
        if message.session_id is not None:
            session = self._sessions.get(message.session_id)
            return None if session is None or session.ended else session
        if isinstance(message, Offer):
            return None
        of_socket = (s for s in reversed(self._sessions.values()) if s.socket is client and not s.ended)
        return next(of_socket, None)

    @staticmethod
    def _check_token(message: Message, session: Session | None, client: ClientSocket) -> None:
        """Note the token that a message shows, and keep sockets of others away from a session.

        A socket that shows none may go on with a session: its client knows the session's name.

        :raises InvalidMessage: the session's token is another.
        """
        shown = None if isinstance(message, (Answer, Error, Pong)) else message.auth_token
        if shown:
            client.token = shown
        elif session is not None and session.socket is not client:
            shown = client.token
        if session is not None and shown and not same_token(shown, session.token):
            raise InvalidMessage("UNAUTHORIZED", TOKEN_INVALID)

    def _open_session(self, offer: Offer) -> Session:
        """A session for this offer.

        :raises InvalidMessage: it is refused.
        """
        if not self._tokens.accepts(offer.auth_token):
            raise InvalidMessage("UNAUTHORIZED", TOKEN_INVALID)
        if self.settings.production and resolve_mode(offer.mode) == ECHO:
            raise InvalidMessage("FORBIDDEN", "echo mode is not permitted on a production gateway")
        self._check_room(offer.auth_token)
        assert self._context is not None
        session = Session(str(uuid.uuid4()), self._context, offer.auth_token)
        self._sessions[session.session_id] = session
        task = asyncio.create_task(self._hold_session(session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return session

    def _check_room(self, token: str) -> None:
        """Whether one more session may be opened.

        :raises InvalidMessage: it may not.
        """
        if self._closing:
            raise InvalidMessage("HANDLER_ERROR", "the gateway is shutting down")
        if self.active_sessions >= self.settings.max_sessions:
            raise InvalidMessage(
                "HANDLER_ERROR", f"the gateway is full: it holds {self.active_sessions} sessions"
            )
        limit = self.settings.max_sessions_per_token
        if limit is not None and sum(s.token == token for s in self._sessions.values()) >= limit:
            raise InvalidMessage("FORBIDDEN", f"more than {limit} sessions with one token are not permitted")

    async def _hold_session(self, session: Session) -> None:
        try:
            await session.run()
        finally:
            del self._sessions[session.session_id]
            if isinstance(session.socket, ClientSocket):
                session.socket.idle_since = time.monotonic()


def _agent_of(settings: GatewaySettings) -> AgentFactory:
    return SpeakingAgent if settings.agent is None else load_own_agent(settings.agent)
