"""Relays at a real TURN server, and every reason why there is none."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator

import pytest

from loadkit.gateway.coturn import Coturn
from loadkit.transport.relay import TurnOptions
from tests.conftest import TURN_SECRET
from tests.conftest import TurnServer as RunningCoturn
from tests.fakes import Footprint
from tests.transport.relays import (
    PROTOCOLS,
    failure_of,
    options_for,
    relay_of,
    server_at,
    server_of,
    tcp_server,
)
from tests.waiting import dead_port


@pytest.fixture(autouse=True)
async def footprint() -> AsyncIterator[None]:
    """Whatever becomes of a relay, no task and no socket is left."""
    footprint = Footprint()
    yield
    await footprint.assert_nothing_is_left()


# A relay


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_relay_is_given_over_each_transport(turn_server: RunningCoturn, protocol: str) -> None:
    relay = await relay_of(server_of(turn_server, protocol), options_for(turn_server))
    candidate = relay.protocol.local_candidate
    assert (candidate.type, candidate.host) == ("relay", "127.0.0.1")
    assert (candidate.related_address, candidate.related_port) == ("0.0.0.0", 9)
    assert candidate.port > 0
    assert relay.local_address == "127.0.0.1"
    assert relay.seconds > 0
    await relay.protocol.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_server_is_asked_from_the_local_address(turn_server: RunningCoturn, protocol: str) -> None:
    relay = await relay_of(
        server_of(turn_server, protocol), options_for(turn_server, local_address="127.0.0.7")
    )
    assert relay.local_address == "127.0.0.7"
    await relay.protocol.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_packets_pass_through_a_relay_both_ways(turn_server: RunningCoturn, protocol: str) -> None:
    relay = await relay_of(server_of(turn_server, protocol), options_for(turn_server))
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    relay.protocol.datagram_received = lambda data, addr: heard.put_nowait(bytes(data))  # type: ignore[method-assign, arg-type]
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        other.bind(("127.0.0.1", 0))
        async with asyncio.timeout(60):
            for number in range(5):
                # Lengths that TCP has to pad, too.
                packet = bytes([0x80, number]) + bytes(number)
                relay.protocol.transport.sendto(packet, other.getsockname())
                assert await loop.sock_recv(other, 1500) == packet
                await loop.sock_sendto(
                    other,
                    packet[::-1],
                    (relay.protocol.local_candidate.host, relay.protocol.local_candidate.port),
                )
                assert await heard.get() == packet[::-1]
    await relay.protocol.close()


async def test_allocation_is_deleted_at_the_end(turn_server: RunningCoturn) -> None:
    server = server_of(turn_server, "udp")
    relay = await relay_of(server, options_for(turn_server))
    candidate = relay.protocol.local_candidate
    await relay.protocol.close()
    # The server has closed the relay's port.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.settimeout(0.2)
        other.connect((candidate.host, candidate.port))
        async with asyncio.timeout(60):
            while True:
                try:
                    other.send(b"anybody there?")
                    await asyncio.sleep(0.05)
                except ConnectionRefusedError:
                    break


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.usefixtures("turn_server")  # leaves the test out where there is no coturn
async def test_relay_is_lost_when_its_server_dies_and_closes_all_the_same(protocol: str) -> None:
    coturn = Coturn(TURN_SECRET)
    coturn.start()
    lost = asyncio.Event()
    try:
        url = coturn.urls[PROTOCOLS.index(protocol)]
        relay = await relay_of(server_at(url, secret=TURN_SECRET), TurnOptions(60), lost.set)
    finally:
        coturn.stop()
    if protocol == "tcp":
        async with asyncio.timeout(60):
            await lost.wait()
    else:
        # Over UDP only silence tells; the end does not wait for an answer.
        assert not lost.is_set()
    async with asyncio.timeout(60):
        await relay.protocol.close()


# None


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_wrong_secret_is_unauthorized_with_the_servers_number(
    turn_server: RunningCoturn, protocol: str
) -> None:
    error = await failure_of(server_of(turn_server, protocol, secret="south"), options_for(turn_server))
    assert error.code == "TURN_UNAUTHORIZED"
    assert "401 Unauthorized" in error.message
    assert "expired" not in error.message


async def test_expired_credential_is_unauthorized_and_said_to_be_expired(turn_server: RunningCoturn) -> None:
    error = await failure_of(server_of(turn_server, "udp", life=-60), options_for(turn_server))
    assert error.code == "TURN_UNAUTHORIZED"
    assert "they had expired 6" in error.message


@pytest.mark.parametrize(
    "scheme", ["turn:127.0.0.1:{}", "turn:127.0.0.1:{}?transport=tcp", "turns:127.0.0.1:{}"]
)
async def test_dead_port_is_unreachable_at_once(scheme: str) -> None:
    with dead_port() as port:
        # The time-out is longer than the test may take.
        error = await failure_of(server_at(scheme.format(port)), TurnOptions(3600))
    assert error.code == "TURN_UNREACHABLE"
    assert error.message.endswith("connection refused")


async def test_silent_server_is_unreachable_after_the_time_out() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"turn:127.0.0.1:{silent.getsockname()[1]}"
        error = await failure_of(server_at(url), TurnOptions(0.3))
    assert error.code == "TURN_UNREACHABLE"
    assert error.message.endswith("no answer within 0.3 s")


async def test_server_that_hangs_up_is_unreachable() -> None:
    async with tcp_server(lambda writer: writer.close()) as port:
        error = await failure_of(server_at(f"turn:127.0.0.1:{port}?transport=tcp"), TurnOptions(60))
    assert error.code == "TURN_UNREACHABLE"


async def test_server_that_speaks_something_else_is_unreachable() -> None:
    async with tcp_server(lambda writer: writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        error = await failure_of(server_at(f"turn:127.0.0.1:{port}?transport=tcp"), TurnOptions(0.5))
    assert error.code == "TURN_UNREACHABLE"


async def test_name_that_does_not_resolve_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve_nothing(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    # Not by a name server, of which nobody knows when it answers.
    monkeypatch.setattr(socket, "getaddrinfo", resolve_nothing)
    for url in ("turn:nowhere.invalid", "turn:nowhere.invalid?transport=tcp"):
        error = await failure_of(server_at(url), TurnOptions(30))
        assert error.code == "TURN_UNREACHABLE"
        assert "the host name could not be resolved (Name or service not known)" in error.message


async def test_local_address_that_cannot_be_bound_is_told() -> None:
    for url in ("turn:127.0.0.1:9", "turn:127.0.0.1:9?transport=tcp"):
        error = await failure_of(server_at(url), TurnOptions(60, "192.0.2.1"))
        assert error.code == "TURN_UNREACHABLE"


async def test_certificate_of_an_unknown_authority_is_a_failure_of_tls(turn_server: RunningCoturn) -> None:
    error = await failure_of(server_of(turn_server, "tls"), TurnOptions(60))
    assert error.code == "TURN_TLS"
    assert "its certificate was not accepted (self-signed certificate" in error.message


async def test_insecure_context_takes_any_certificate(turn_server: RunningCoturn) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    relay = await relay_of(server_of(turn_server, "tls"), TurnOptions(60, None, context))
    await relay.protocol.close()


async def test_server_without_tls_is_a_failure_of_tls() -> None:
    async with tcp_server(lambda writer: writer.write(b"hello\r\n" * 10)) as port:
        error = await failure_of(server_at(f"turns:127.0.0.1:{port}"), TurnOptions(60))
    assert error.code == "TURN_TLS"
    assert "the TLS handshake failed" in error.message


async def test_server_that_hangs_up_in_the_tls_handshake_is_a_failure_of_tls() -> None:
    async with tcp_server(lambda writer: writer.close()) as port:
        error = await failure_of(server_at(f"turns:127.0.0.1:{port}"), TurnOptions(60))
    assert error.code == "TURN_TLS"


async def test_server_that_is_silent_in_the_tls_handshake_is_a_failure_of_tls() -> None:
    async with tcp_server(lambda writer: None) as port:
        options = TurnOptions(1.0, ssl_context=ssl.create_default_context())
        error = await failure_of(server_at(f"turns:127.0.0.1:{port}"), options)
    assert error.code == "TURN_TLS"
    assert error.message.endswith("the TLS handshake did not finish within 1 s")


@pytest.mark.parametrize(
    ("number", "reason", "code"),
    [
        (403, "Forbidden", "TURN_UNAUTHORIZED"),
        (441, "Wrong Credentials", "TURN_UNAUTHORIZED"),
        (486, "Allocation Quota Reached", "TURN_REFUSED"),
        (508, "Insufficient Capacity", "TURN_REFUSED"),
        (300, "Try Alternate", "TURN_REFUSED"),
    ],
)
async def test_refusal_has_the_servers_number_and_reason(number: int, reason: str, code: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as refusing:
        refusing.setblocking(False)
        refusing.bind(("127.0.0.1", 0))
        loop = asyncio.get_running_loop()

        async def refuse() -> None:
            request, addr = await loop.sock_recvfrom(refusing, 1500)
            words = reason.encode()
            padded = words + bytes(-len(words) % 4)
            error = struct.pack("!HHHBB", 0x0009, 4 + len(words), 0, number // 100, number % 100) + padded
            head = struct.pack("!HHI", 0x0113, len(error), 0x2112A442) + request[8:20]
            await loop.sock_sendto(refusing, head + error, addr)

        task = asyncio.create_task(refuse())
        error = await failure_of(server_at(f"turn:127.0.0.1:{refusing.getsockname()[1]}"), TurnOptions(60))
        await task
    assert error.code == code
    assert f"({number} {reason})" in error.message


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_attempt_that_is_cancelled_leaves_nothing(turn_server: RunningCoturn, protocol: str) -> None:
    for turns in range(6):
        task = asyncio.create_task(relay_of(server_of(turn_server, protocol), options_for(turn_server)))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("local", "host"), [("::1", "127.0.0.1"), ("127.0.0.1", "[::1]")])
async def test_server_that_the_local_address_cannot_speak_to_is_unreachable(
    protocol: str, local: str, host: str
) -> None:
    url = {"tls": f"turns:{host}:9"}.get(protocol, f"turn:{host}:9?transport={protocol}")
    error = await failure_of(server_at(url), TurnOptions(60, local))
    assert error.code == "TURN_UNREACHABLE"
