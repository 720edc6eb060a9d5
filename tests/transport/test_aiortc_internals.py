"""The private names of aiortc and aioice that loadkit stands on, one test each.

A test that fails here says what a new version of a library has moved, and what loadkit needs it for.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import weakref
from pathlib import Path
from typing import Any

import aioice.ice
import aiortc
import aiortc.rtcdtlstransport
import pylibsrtp
import pytest
from aioice import stun
from aioice.candidate import Candidate, candidate_priority
from aioice.ice import CandidatePair, Connection, StunProtocol
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceGatherer, RTCIceTransport
from OpenSSL import SSL

from loadkit.transport import aiortc_internals as internals


@pytest.fixture
async def connection() -> Connection:
    return Connection(ice_controlling=True)


@pytest.fixture
async def ice() -> RTCIceTransport:
    return RTCIceTransport(RTCIceGatherer(iceServers=[]))


@pytest.fixture
async def dtls(ice: RTCIceTransport) -> RTCDtlsTransport:
    return RTCDtlsTransport(ice, [RTCCertificate.generateCertificate()])


async def test_ice_transport_has_its_connection(ice: RTCIceTransport) -> None:
    assert isinstance(getattr(ice, "_connection", None), Connection), (
        "aiortc's RTCIceTransport no longer has _connection: loadkit reaches the sockets through it"
    )


async def test_gatherer_and_transport_share_one_connection() -> None:
    gatherer = RTCIceGatherer(iceServers=[])
    assert RTCIceTransport(gatherer)._connection is gatherer._connection, (
        "aiortc's RTCIceGatherer and RTCIceTransport no longer share _connection: candidates that loadkit "
        "gathers would not be those that are checked"
    )


@pytest.mark.parametrize(
    ("name", "kind", "use"),
    [
        ("_local_candidates_start", bool, "tells aioice that gathering began"),
        ("_local_candidates", list, "puts the candidates that it gathered there"),
        ("_local_candidates_end", bool, "lets connect() start with it"),
        ("_protocols", list, "finds all sockets there, to read RTP from each"),
        ("_nominated", dict, "reads the selected pair there"),
        ("_queue", asyncio.Queue, "sees there how many datagrams wait for the handshake"),
    ],
)
async def test_connection_has_the_attributes(connection: Connection, name: str, kind: type, use: str) -> None:
    assert isinstance(getattr(connection, name, None), kind), (
        f"aioice no longer has Connection.{name} as a {kind.__name__}: loadkit {use}"
    )


@pytest.mark.parametrize(
    ("name", "parameters", "use"),
    [
        ("_pair_remote_candidate", ["remote_candidate"], "pairs local candidates that came late with it"),
        ("sort_check_list", [], "sorts the late pairs with it"),
        ("check_complete", ["pair"], "learns from it when a pair is selected"),
        ("data_received", ["data", "component"], "catches early media in its place"),
        (
            "get_component_candidates",
            ["component", "addresses", "timeout"],
            "gathers on given addresses with it",
        ),
    ],
)
async def test_connection_has_the_methods(
    connection: Connection, name: str, parameters: list[str], use: str
) -> None:
    method = getattr(connection, name, None)
    assert callable(method), f"aioice no longer has Connection.{name}(): loadkit {use}"
    assert list(inspect.signature(method).parameters) == parameters, (
        f"aioice's Connection.{name}() takes other parameters than {parameters}: loadkit {use}"
    )


async def test_connection_calls_check_complete_through_its_instance(connection: Connection) -> None:
    source = inspect.getsource(Connection.check_start)
    assert "self.check_complete(pair)" in source, (
        "aioice's Connection.check_start() no longer calls self.check_complete(): loadkit would not see "
        "that a pair was selected"
    )
    assert "self._nominated[pair.component]" in inspect.getsource(Connection.check_complete), (
        "aioice's Connection.check_complete() no longer fills _nominated: loadkit reads the selected pair there"
    )


class _Wire:
    """Takes the place of a socket."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def sendto(self, data: bytes, addr: tuple[str, int]) -> None:
        self.sent.append((data, addr))


def _socket_of(connection: Connection, kind: str, port: int) -> StunProtocol:
    protocol = StunProtocol(connection)
    protocol.transport = _Wire()  # type: ignore[assignment]
    protocol.local_candidate = _candidate(kind, port)
    connection._protocols.append(protocol)
    return protocol


def _candidate(kind: str, port: int) -> Candidate:
    return Candidate(kind, 1, "udp", candidate_priority(1, kind), "127.0.0.1", port, kind)


@pytest.mark.parametrize("order", [("host", "relay"), ("relay", "host")])
async def test_the_best_of_the_pairs_that_succeed_is_kept(
    connection: Connection, order: tuple[str, str]
) -> None:
    selected: list[object] = []
    internals.on_nomination(connection, lambda: selected.append(internals.nominated_pair(connection)))
    pairs = {}
    for port, kind in enumerate(("host", "relay"), 5000):
        pair = pairs[kind] = CandidatePair(_socket_of(connection, kind, port), _candidate("host", 6000))
        pair.state, pair.nominated = CandidatePair.State.SUCCEEDED, True
        connection._check_list.append(pair)
    for kind in order:
        connection.check_complete(pairs[kind])
    assert selected[-1] is pairs["host"], "aioice's candidate_pair_priority() or _nominated have moved"


async def test_checks_that_wait_for_an_answer_can_be_found_and_sent_again(connection: Connection) -> None:
    protocol = StunProtocol(connection)
    assert isinstance(getattr(protocol, "transactions", None), dict), (
        "aioice's StunProtocol no longer has transactions: loadkit finds the checks there that wait for an answer"
    )
    assert list(inspect.signature(protocol.send_stun).parameters) == ["message", "addr"], (
        "aioice's StunProtocol.send_stun() takes other parameters: loadkit sends a check again with it"
    )
    transaction = stun.Transaction(stun.Message(1, 1), ("127.0.0.1", 1), protocol)  # type: ignore[arg-type]
    for name in ("_Transaction__addr", "_Transaction__request"):
        assert hasattr(transaction, name), (
            f"aioice's Transaction no longer has {name}: loadkit sends a check again by it"
        )
    assert list(inspect.signature(connection.check_incoming).parameters) == ["message", "addr", "protocol"], (
        "aioice's Connection.check_incoming() takes other parameters: loadkit learns of checks in its place"
    )


async def test_a_check_that_comes_in_makes_our_own_go_out_again(connection: Connection) -> None:
    internals.check_back_at_once(connection)
    protocol = _socket_of(connection, "host", 5000)
    wire: Any = protocol.transport
    connection.remote_username, connection.remote_password = "them", "secret"
    remote = _candidate("host", 6000)
    connection._remote_candidates.append(remote)
    pair = CandidatePair(protocol, remote)
    remote._network_host = remote.host
    connection._check_list.append(pair)
    connection.check_start_task(pair)
    await asyncio.sleep(0)
    assert len(wire.sent) == 1
    theirs = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    theirs.attributes["PRIORITY"] = 1
    connection.check_incoming(theirs, ("127.0.0.1", 6000), protocol)
    assert len(wire.sent) == 2, (
        "aioice's Transaction no longer has __addr and __request: loadkit sends a check again by them"
    )
    assert wire.sent[0] == wire.sent[1]
    connection.check_incoming(theirs, ("127.0.0.1", 6001), protocol)
    assert [addr for _, addr in wire.sent[2:]] != [("127.0.0.1", 6000)]
    for task in [p.task for p in connection._check_list if p.task]:
        task.cancel()
        await asyncio.wait({task})


async def test_stun_protocol_has_a_number_and_asks_by_request(connection: Connection) -> None:
    protocol = StunProtocol(connection)
    assert isinstance(protocol.id, int), (
        "aioice's StunProtocol no longer has id: loadkit tells sockets apart by it"
    )
    assert list(inspect.signature(protocol.request).parameters)[:2] == ["request", "addr"], (
        "aioice's StunProtocol.request() takes other parameters: loadkit reads mapped addresses in its place"
    )
    assert "await pair.protocol.request(" in inspect.getsource(Connection.check_start), (
        "aioice's Connection.check_start() no longer asks by StunProtocol.request(): loadkit would not learn under "
        "which address the other side sees us"
    )


async def test_stun_protocol_hands_other_datagrams_to_its_connection() -> None:
    source = inspect.getsource(StunProtocol.datagram_received)
    assert "self.receiver.data_received(" in source, (
        "aioice's StunProtocol.datagram_received() no longer calls Connection.data_received(): early media "
        "would not reach loadkit"
    )


async def test_datagram_received_of_an_instance_can_be_replaced(connection: Connection) -> None:
    protocol = StunProtocol(connection)
    assert list(inspect.signature(protocol.datagram_received).parameters) == ["data", "addr"], (
        "aioice's StunProtocol.datagram_received() takes other parameters: loadkit reads RTP in its place"
    )
    connection._protocols.append(protocol)
    media: list[bytes] = []
    internals.tap(connection, media.append)
    internals.tap(connection, media.append)
    assert "datagram_received" in vars(protocol), (
        "aioice's StunProtocol no longer takes attributes (it may have __slots__): loadkit replaces "
        "datagram_received on it to read RTP"
    )
    protocol.datagram_received(b"\x80\x6f" + bytes(10), ("127.0.0.1", 1))
    assert len(media) == 1


async def test_asyncio_looks_datagram_received_up_at_each_datagram(connection: Connection) -> None:
    # uvloop and asyncio both call protocol.datagram_received, not a bound method kept from before.
    assert [c async for c in _candidates(connection)], "aioice gathered no candidate on 127.0.0.1"
    (protocol,) = connection._protocols
    assert hasattr(protocol, "local_candidate"), (
        "aioice's StunProtocol no longer has local_candidate: loadkit trickles candidates from there"
    )
    assert hasattr(protocol, "transport"), (
        "aioice's StunProtocol no longer has transport: loadkit sends RTP with its sendto()"
    )
    await connection.close()


async def _candidates(connection: Connection):  # type: ignore[no-untyped-def]
    await internals.gather(connection, ["127.0.0.1"])
    for candidate in connection.local_candidates:
        yield candidate


async def test_gathering_takes_127_0_0_1_which_aioice_leaves_out(connection: Connection) -> None:
    await internals.gather(connection, ["127.0.0.1"])
    assert [c.host for c in connection.local_candidates] == ["127.0.0.1"]
    assert list(internals.bound_protocols(connection)) == connection._protocols
    assert internals.nominated_pair(connection) is None
    await connection.close()


async def test_questions_to_stun_servers_can_be_told_apart(connection: Connection) -> None:
    assert StunProtocol(connection).receiver is connection, (
        "aioice's StunProtocol no longer has its connection as receiver: loadkit tells by it whose question it is"
    )
    assert "protocol" in inspect.signature(aioice.ice.server_reflexive_candidate).parameters, (
        "aioice's server_reflexive_candidate() no longer takes protocol: loadkit finds out by it which "
        "connection asks a server, to end the question when a call ends early"
    )


async def test_candidate_pair_has_the_protocol_and_the_remote_address() -> None:
    parameters = list(inspect.signature(CandidatePair.__init__).parameters)
    assert parameters[1:] == ["protocol", "remote_candidate"], (
        "aioice's CandidatePair is made of other things than (protocol, remote_candidate): loadkit sends RTP "
        "to the pair's remote_addr with its protocol's transport"
    )
    for name in ("remote_addr", "local_candidate"):
        assert hasattr(CandidatePair, name), f"aioice no longer has CandidatePair.{name}: loadkit reads it"


async def test_dtls_transport_takes_a_role(dtls: RTCDtlsTransport) -> None:
    assert callable(getattr(dtls, "_set_role", None)), (
        "aiortc's RTCDtlsTransport no longer has _set_role(): loadkit sets there what offer and answer agreed"
    )
    internals.set_dtls_role(dtls, "server")
    assert getattr(dtls, "_role", None) == "server", (
        "aiortc's RTCDtlsTransport no longer has _role: loadkit writes it into the record"
    )
    assert internals.dtls_role(dtls) == "server"


@pytest.mark.parametrize("name", ["_rx_srtp", "_tx_srtp", "_ssl"])
async def test_dtls_transport_has_the_attributes(dtls: RTCDtlsTransport, name: str) -> None:
    assert hasattr(dtls, name), (
        f"aiortc's RTCDtlsTransport no longer has {name}: loadkit takes SRTP and what was negotiated from there"
    )


async def test_dtls_transport_sends_what_openssl_has_written(dtls: RTCDtlsTransport) -> None:
    assert inspect.iscoroutinefunction(getattr(dtls, "_write_ssl", None)), (
        "aiortc's RTCDtlsTransport no longer has _write_ssl(): loadkit sends the alert of a failed handshake with it"
    )
    assert hasattr(SSL.Connection, "shutdown"), (
        "pyOpenSSL no longer has Connection.shutdown(): loadkit writes the alert of a failed handshake with it"
    )


async def test_srtp_sessions_are_those_of_pylibsrtp() -> None:
    source = inspect.getsource(RTCDtlsTransport._setup_srtp)
    assert "self._rx_srtp = Session(" in source and "self._tx_srtp = Session(" in source, (
        "aiortc's RTCDtlsTransport no longer keeps pylibsrtp sessions: loadkit protects RTP with them"
    )
    for name in ("protect", "unprotect", "protect_rtcp", "unprotect_rtcp"):
        assert hasattr(pylibsrtp.Session, name), f"pylibsrtp no longer has Session.{name}(): loadkit calls it"


async def test_what_an_association_weighs_is_let_go_at_its_end() -> None:
    dtls = RTCDtlsTransport(
        RTCIceTransport(RTCIceGatherer(iceServers=[])), [RTCCertificate.generateCertificate()]
    )
    dtls._rx_srtp = dtls._tx_srtp = pylibsrtp.Session()
    sessions = weakref.ref(dtls._rx_srtp)
    internals.forget_keys(dtls)
    assert sessions() is None
    assert not any((dtls._rx_srtp, dtls._tx_srtp, dtls._ssl))
    # It may be stopped once more.
    await dtls.stop()


def test_certificate_makes_the_tls_context() -> None:
    method = getattr(RTCCertificate, "_create_ssl_context", None)
    assert callable(method), (
        "aiortc's RTCCertificate no longer has _create_ssl_context(): loadkit makes one context for all calls there"
    )
    assert list(inspect.signature(method).parameters) == ["self", "srtp_profiles"], (
        "aiortc's RTCCertificate._create_ssl_context() takes other parameters: loadkit overrides it"
    )
    certificate = internals.SharedCertificate.generateCertificate()
    assert isinstance(certificate, internals.SharedCertificate)
    profiles = aiortc.rtcdtlstransport.SRTP_PROFILES
    context = certificate._create_ssl_context(profiles)
    assert isinstance(context, SSL.Context)
    assert certificate._create_ssl_context(profiles) is context
    assert context.get_session_cache_mode() == SSL.SESS_CACHE_OFF


def test_dtls_transport_asks_its_certificate_for_the_context() -> None:
    assert "_create_ssl_context(" in inspect.getsource(RTCDtlsTransport.start), (
        "aiortc's RTCDtlsTransport.start() no longer calls _create_ssl_context(): the shared context of loadkit "
        "would not be used, and each call would pay for its own"
    )


@pytest.mark.parametrize(
    "name", ["get_selected_srtp_profile", "get_protocol_version_name", "get_cipher_name"]
)
def test_tls_connection_says_what_was_negotiated(name: str) -> None:
    assert hasattr(SSL.Connection, name), f"pyOpenSSL no longer has Connection.{name}(): loadkit records it"


def test_malformed_datagrams_raise_nothing_that_would_close_the_socket() -> None:
    class Receiver(StunProtocol):
        def __init__(self) -> None:
            self.seen: list[bytes | str] = []

        def datagram_received(self, data: bytes | str, addr: tuple[object, ...]) -> None:
            self.seen.append(data)
            raise IndexError("no such attribute")

    class Sockets:
        def __init__(self, protocol: Receiver) -> None:
            self._protocols = [protocol]

    protocol = Receiver()
    internals.tap(Sockets(protocol), lambda _: None)  # type: ignore[arg-type]
    protocol.datagram_received(b"\x00\x01", ("127.0.0.1", 1))
    protocol.datagram_received(b"", ("127.0.0.1", 1))
    assert protocol.seen == [b"\x00\x01"]


async def test_what_strangers_send_before_the_handshake_is_not_kept(connection: Connection) -> None:
    media: list[bytes] = []
    internals.tap_slow_path(connection, media.append)
    for data in [b"", b"\0junk", b"\x13junk", b"\x40junk", b"\xffjunk", b"\x80media"]:
        connection.data_received(data, 1)
    assert media == [b"\x80media"]
    assert connection._queue.empty()
    for number in range(3 * internals.MOST_WAITING):
        connection.data_received(b"\x16%d" % number, 1)
    assert connection._queue.qsize() == internals.MOST_WAITING
    assert connection._queue.get_nowait() == (b"\x160", 1)


def test_libsrtp_says_in_the_same_words_that_a_packet_came_before() -> None:
    assert internals._REPEATED in pylibsrtp.ERRORS, (
        "pylibsrtp words it differently now: duplicates would count as packets that are not authentic"
    )
    assert internals.is_repetition(pylibsrtp.Error(internals._REPEATED))
    assert not internals.is_repetition(pylibsrtp.Error("authentication failure"))


def test_no_other_file_uses_private_names_of_the_libraries() -> None:
    package = Path(internals.__file__).parent.parent
    offenders = []
    for path in sorted(package.rglob("*.py")):
        if path.name in ("aiortc_internals.py", "aiortc_media.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Attribute) or not node.attr.startswith("_"):
                continue
            owners = {"_ice", "_dtls", "_gatherer"} | ({"_connection"} if path.name == "peer.py" else set())
            if isinstance(node.value, ast.Attribute) and node.value.attr in owners:
                offenders.append(f"{path.name}:{node.lineno} {ast.unparse(node)}")
    assert not offenders, f"private names of aiortc or aioice outside aiortc_internals.py: {offenders}"


def test_states_are_public() -> None:
    for transport in (RTCDtlsTransport, RTCIceTransport):
        assert isinstance(transport.state, property), (
            f"aiortc's {transport.__name__} no longer has state: loadkit reads it after each stage"
        )
