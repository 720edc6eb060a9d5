"""Every private name of aiortc and aioice that loadkit touches, each behind one function.

``tests/transport/test_aiortc_internals.py`` has a test per name that says in words what moved when a
new version of either library no longer has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

import pylibsrtp
from aioice.candidate import Candidate
from aioice.ice import (
    CandidatePair,
    Connection,
    StunProtocol,
    candidate_pair_priority,
    server_reflexive_candidate,
)
from aioice.stun import Message
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceTransport
from OpenSSL import SSL

logger = logging.getLogger(__name__)

#: How long all local sockets of a connection may take to be bound.
_BINDING_S = 1.0

#: Datagrams of DTLS that may wait to be read: several flights of a handshake, each of which is sent again when lost.
#: Anybody can send to the socket, and before the handshake nobody reads: aioice would keep all that comes.
MOST_WAITING = 64

#: Called with every datagram that is RTP or RTCP by its first byte (RFC 7983).
DatagramHandler = Callable[[bytes], None]


class SrtpSession(Protocol):
    """The four calls of ``pylibsrtp.Session``."""

    def protect(self, packet: bytes) -> bytes: ...
    def unprotect(self, packet: bytes) -> bytes: ...
    def protect_rtcp(self, packet: bytes) -> bytes: ...
    def unprotect_rtcp(self, packet: bytes) -> bytes: ...


SrtpError = pylibsrtp.Error
#: libsrtp's word for a packet with an index that it has seen, before it looks whether the packet is authentic.
_REPEATED = "replay check failed (bad index)"


def is_repetition(error: pylibsrtp.Error) -> bool:
    """Whether a packet was refused because it, or one with its number, came before."""
    return str(error) == _REPEATED


class SharedCertificate(RTCCertificate):
    """One certificate and one TLS context for all calls of a process.

    aiortc builds a fresh OpenSSL context for each handshake; the context holds nothing of a call.
    """

    _context: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: list[Any]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
            # Nobody resumes a call's handshake, and a server would keep the sessions of twenty thousand of them.
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return self._context


def ice_connection(ice: RTCIceTransport) -> Connection:
    """The aioice connection under an aiortc ICE transport."""
    return ice._connection


async def gather(connection: Connection, addresses: list[str]) -> None:
    """Gather candidates on the given addresses.

    Not by ``gather_candidates()``, which asks the system for addresses and leaves out 127.0.0.1 by name.
    """
    connection._local_candidates_start = True
    gathering = asyncio.create_task(
        connection.get_component_candidates(component=1, addresses=addresses), name="gathering"
    )
    try:
        candidates = await asyncio.shield(gathering)
    except asyncio.CancelledError:
        # A socket that is being bound belongs to nobody yet: uvloop does not close it when it is cancelled, nor
        # does aioice those that it has bound before. It takes a millisecond; then they are the connection's.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BINDING_S):
                while not (gathering.done() or connection._protocols):  # noqa: ASYNC110 - aioice tells nobody
                    await asyncio.sleep(0.001)
        gathering.cancel()
        await asyncio.wait({gathering})
        # aioice ends its questions to STUN servers after five seconds, but not when it is cancelled itself:
        # they would go on asking over closed sockets, for ever.
        asking = [task for task in asyncio.all_tasks() if _asks_for(task, connection)]
        for task in asking:
            task.cancel()
        if asking:
            await asyncio.wait(asking)
        raise
    connection._local_candidates += candidates
    connection._local_candidates_end = True


def _asks_for(task: asyncio.Task[Any], connection: Connection) -> bool:
    """Whether a task waits for the answer of a STUN server for this connection."""
    frame = getattr(task.get_coro(), "cr_frame", None)
    if frame is None or frame.f_code is not server_reflexive_candidate.__code__:
        return False
    return frame.f_locals["protocol"].receiver is connection


def gathering_begins(connection: Connection) -> None:
    """Say that local candidates are being gathered, by somebody else."""
    connection._local_candidates_start = True


def gathering_ends(connection: Connection) -> None:
    """Say that all local candidates are there."""
    connection._local_candidates_end = True


def add_candidate(connection: Connection, candidate: Candidate) -> None:
    """Give the connection one more local candidate, of a socket that it has."""
    connection._local_candidates.append(candidate)


def add_socket(connection: Connection, protocol: StunProtocol) -> None:
    """Give the connection one more socket, which has its local candidate."""
    connection._protocols.append(protocol)
    connection._local_candidates.append(protocol.local_candidate)


def allow_checks_while_gathering(connection: Connection) -> None:
    """Let ``connect()`` start with the candidates that are there (RFC 8838: trickle).

    Candidates that come later are paired by :func:`pair_late_candidates`.
    """
    connection._local_candidates_end = True


def pair_late_candidates(connection: Connection) -> None:
    """Pair local candidates that came after the remote ones did."""
    for remote in connection.remote_candidates:
        connection._pair_remote_candidate(remote)
    connection.sort_check_list()


def bound_protocols(connection: Connection) -> Iterator[StunProtocol]:
    """The sockets that have a local candidate by now."""
    return (p for p in connection._protocols if hasattr(p, "local_candidate"))


def abort(connection: Connection) -> None:
    """Close all sockets of the connection at once."""
    for protocol in connection._protocols:
        protocol.transport.abort()


def nominated_pair(connection: Connection) -> CandidatePair | None:
    """The selected pair of the one component, or None."""
    return connection._nominated.get(1)


def on_nomination(connection: Connection, callback: Callable[[], None]) -> None:
    """Call back when a pair is selected.

    ``connect()`` itself returns up to 20 ms later, at the next turn of its pacing loop, which is
    neither the network's nor the gateway's time.

    Of several pairs that succeed, the best is kept (RFC 8445 section 8.1.1: the one with the highest priority);
    aioice alone takes the last, a relay for instance that answers a moment after the direct way.
    """
    original = connection.check_complete

    def check_complete(pair: CandidatePair) -> None:
        before = nominated_pair(connection)
        original(pair)
        if (
            before is not None
            and before is not pair
            and _priority(connection, before) > _priority(connection, pair)
        ):
            connection._nominated[1] = before
        if connection._nominated:
            callback()

    connection.check_complete = check_complete  # type: ignore[method-assign]


def _priority(connection: Connection, pair: CandidatePair) -> int:
    return candidate_pair_priority(pair.local_candidate, pair.remote_candidate, connection.ice_controlling)


def check_back_at_once(connection: Connection) -> None:
    """Send a check that waits for its answer again when the other side's check of the same pair comes in.

    RFC 8445 section 7.3.1.4: such a pair gets a triggered check. aioice leaves it to the next retransmission: the
    first check towards a relay is lost when the relay has not permitted us yet, and half a second with it.
    """
    original = connection.check_incoming

    def check_incoming(message: Message, addr: tuple[str, int], protocol: StunProtocol) -> None:
        for transaction in list(protocol.transactions.values()):
            if transaction._Transaction__addr == addr:  # type: ignore[attr-defined]
                protocol.send_stun(transaction._Transaction__request, addr)  # type: ignore[attr-defined]
        original(message, addr, protocol)

    connection.check_incoming = check_incoming  # type: ignore[method-assign]


def note_mapped_addresses(connection: Connection, mapped: dict[tuple[int, Any], Any]) -> None:
    """Keep under which address the other side sees each socket: (socket's id, their address) → ours.

    RFC 8445 section 7.2.5.3.1: it is in the answer to a check, where aioice does not look. May be called again when
    sockets have been added.
    """
    for protocol in connection._protocols:
        if "request" in protocol.__dict__:
            continue

        async def request(
            message: Message,
            addr: Any,
            *args: Any,
            protocol: Any = protocol,
            original: Any = protocol.request,
            **more: Any,
        ) -> Any:
            answer, source = await original(message, addr, *args, **more)
            mapped[protocol.id, addr] = answer.attributes.get("XOR-MAPPED-ADDRESS")
            return answer, source

        protocol.request = request  # type: ignore[method-assign, assignment]


def local_type(connection: Connection, pair: CandidatePair, mapped: dict[tuple[int, Any], Any]) -> str:
    """Type of the pair's local candidate, seen from the other side: behind a NAT a host candidate is ``srflx``, or
    ``prflx`` when no STUN server had told of that address."""
    candidate, seen = pair.local_candidate, mapped.get((pair.protocol.id, pair.remote_addr))
    if candidate.type != "host" or seen is None or tuple(seen) == (candidate.host, candidate.port):
        return candidate.type
    known = {(c.host, c.port) for c in connection._local_candidates if c.type == "srflx"}
    return "srflx" if tuple(seen) in known else "prflx"


def tap(connection: Connection, handler: DatagramHandler) -> None:
    """Hand RTP and RTCP to ``handler`` where datagrams arrive, on every socket of the connection.

    On *every* socket: the other side may send on any valid pair, not only on the nominated one.
    STUN and DTLS keep their way. May be called again when sockets have been added.

    Anybody can send to the socket, and whatever is raised here would close it: aioice raises
    ``struct.error`` at malformed STUN attributes, and aiortc ends DTLS at an empty datagram.
    """
    for protocol in connection._protocols:
        if "datagram_received" in protocol.__dict__:
            continue

        def datagram_received(
            data: Any, addr: tuple[Any, ...], original: Any = protocol.datagram_received
        ) -> None:
            if data and 127 < data[0] < 192:
                handler(data)
            elif data:
                try:
                    original(data, addr)
                except Exception:
                    logger.debug("a datagram from %s could not be read", addr, exc_info=True)

        protocol.datagram_received = datagram_received  # type: ignore[method-assign]


def tap_slow_path(connection: Connection, handler: DatagramHandler) -> None:
    """Catch media that arrives on a socket before :func:`tap` has seen that socket.

    What is neither media nor DTLS by its first byte is dropped, and so is DTLS that finds :data:`MOST_WAITING`
    before it.
    """
    original, waiting = connection.data_received, connection._queue

    def data_received(data: bytes, component: int) -> None:
        if data and 127 < data[0] < 192:
            handler(data)
        elif data and 20 <= data[0] < 64 and waiting.qsize() < MOST_WAITING:
            original(data, component)

    connection.data_received = data_received  # type: ignore[method-assign]


def set_dtls_role(dtls: RTCDtlsTransport, role: str) -> None:
    """``client`` or ``server``, as offer and answer agreed."""
    dtls._set_role(role)


async def refuse_dtls(dtls: RTCDtlsTransport) -> None:
    """Tell the other side that our handshake has failed.

    aiortc falls silent: neither the alert that OpenSSL has written goes out, nor, when the certificate was not
    the one that the SDP promised, anything at all. The other side, whose handshake is done, would wait for media.
    """
    connection = dtls._ssl
    if connection is None:
        return
    # OpenSSL refuses to close what has not been opened; its alert goes out all the same.
    with contextlib.suppress(SSL.Error):
        connection.shutdown()
    with contextlib.suppress(ConnectionError):
        await dtls._write_ssl()


def srtp_sessions(dtls: RTCDtlsTransport) -> tuple[SrtpSession, SrtpSession]:
    """The SRTP sessions (receiving, sending) of a finished handshake."""
    return cast(SrtpSession, dtls._rx_srtp), cast(SrtpSession, dtls._tx_srtp)


def forget_keys(dtls: RTCDtlsTransport) -> None:
    """Let go of OpenSSL's and libsrtp's memory of an association that is closed.

    A call that has ended hangs together in circles, which the garbage collector undoes when it comes by; until then
    it would hold these as well, and they are most of what it weighs.
    """
    dtls._ssl = None
    dtls._rx_srtp = dtls._tx_srtp = None  # type: ignore[assignment]


def dtls_role(dtls: RTCDtlsTransport) -> str:
    """Our role: ``client`` or ``server``."""
    return str(dtls._role)


def dtls_parameters(dtls: RTCDtlsTransport) -> tuple[str, str | None, str]:
    """(DTLS version, cipher suite, SRTP profile) of a finished handshake."""
    connection = dtls._ssl
    assert connection is not None
    profile = connection.get_selected_srtp_profile()
    return connection.get_protocol_version_name(), connection.get_cipher_name(), profile.decode()
