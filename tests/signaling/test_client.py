"""The caller's WebSocket, against true servers on the loopback."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import logging
import socket
import ssl
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response

from loadkit.errors import CODES, SignalingError, Stage
from loadkit.signaling.client import MAX_MESSAGE_BYTES, RECONNECT_DELAYS, SignalingConnection, SocketLost
from tests.waiting import dead_port


async def echo(websocket: ServerConnection) -> None:
    async for message in websocket:
        await websocket.send(message)


def port_of(server: Server | asyncio.Server) -> int:
    port: int = next(iter(server.sockets)).getsockname()[1]
    return port


def url_of(server: Server | asyncio.Server, scheme: str = "ws") -> str:
    return f"{scheme}://127.0.0.1:{port_of(server)}/api/v1/webrtc/signal"


class Sleeper:
    """Sleeps no time, and remembers how long it was asked to."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


async def failure_of(connection: SignalingConnection) -> SignalingError:
    with pytest.raises(SignalingError) as caught:
        await connection.open()
    assert caught.value.stage is Stage.WEBSOCKET
    assert caught.value.code in CODES
    return caught.value


async def torn(connection: SignalingConnection) -> SocketLost:
    with pytest.raises(SocketLost) as caught:
        await connection.recv()
    return caught.value


async def test_text_and_bytes_go_there_and_back() -> None:
    async with serve(echo, "127.0.0.1", 0) as server:
        connection = SignalingConnection(url_of(server), local_address="127.0.0.1")
        await connection.open()
        await connection.send("hello")
        assert await connection.recv() == "hello"
        await connection.close()
        await connection.close()
        with pytest.raises(SocketLost):
            await connection.send("too late")


async def test_socket_that_was_never_opened_is_lost() -> None:
    connection = SignalingConnection("ws://127.0.0.1:1/")
    assert str(await torn(connection)) == "the WebSocket was lost (close code 1006)"
    with pytest.raises(SocketLost):
        await connection.send("x")
    await connection.close()


# Opening


async def test_closed_port_is_refused() -> None:
    with dead_port() as port:
        error = await failure_of(SignalingConnection(f"ws://127.0.0.1:{port}/"))
    assert error.code == "WEBSOCKET_REFUSED"
    assert error.message == f"the WebSocket to ws://127.0.0.1:{port}/ could not be opened: Connection refused"


async def test_refused_upgrade_names_its_status() -> None:
    def refuse(websocket: ServerConnection, request: Request) -> Response:
        return websocket.respond(HTTPStatus.FORBIDDEN, "no")

    async with serve(echo, "127.0.0.1", 0, process_request=refuse) as server:
        error = await failure_of(SignalingConnection(url_of(server)))
    assert error.code == "WEBSOCKET_REFUSED"
    assert error.message.endswith("could not be opened: HTTP 403 instead of an upgrade")


async def test_a_redirect_is_refused_since_the_token_is_for_this_host() -> None:
    async with serve(echo, "127.0.0.1", 0) as elsewhere:
        asked = 0

        def redirect(connection: ServerConnection, request: Request) -> Response:
            nonlocal asked
            asked += 1
            response = connection.respond(HTTPStatus.TEMPORARY_REDIRECT, "")
            response.headers["Location"] = f"ws://127.0.0.1:{port_of(elsewhere)}/"
            return response

        async with serve(echo, "127.0.0.1", 0, process_request=redirect) as server:
            with pytest.raises(SignalingError, match="HTTP 307 instead of an upgrade") as caught:
                await SignalingConnection(f"ws://127.0.0.1:{port_of(server)}/").open()
    assert caught.value.code == "WEBSOCKET_REFUSED"
    assert asked == 1


async def test_server_that_hangs_up_is_refused() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        error = await failure_of(SignalingConnection(url_of(server)))
    assert error.code == "WEBSOCKET_REFUSED"
    assert error.message.endswith("the other side did not answer in HTTP")


async def test_server_that_says_nothing_is_a_timeout() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        error = await failure_of(SignalingConnection(url_of(server), timeout=0.05))
    assert error.code == "WEBSOCKET_TIMEOUT"
    assert error.message.endswith("could not be opened: nothing came within 0.05 s")


async def test_unknown_host_is_a_dns_failure() -> None:
    async def resolve_nothing(url: str, **options: Any) -> ClientConnection:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    error = await failure_of(SignalingConnection("wss://g.invalid/", connect=resolve_nothing))
    assert error.code == "WEBSOCKET_DNS"
    assert error.message == (
        "the WebSocket to wss://g.invalid/ could not be opened:"
        " the host name could not be resolved (Name or service not known)"
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "loadkit test")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def test_unknown_certificate_is_a_tls_failure(certificate: Path) -> None:
    async with serve(echo, "127.0.0.1", 0, ssl=server_tls(certificate)) as server:
        error = await failure_of(SignalingConnection(url_of(server, "wss")))
    assert error.code == "WEBSOCKET_TLS"
    assert error.message.endswith("the certificate was not accepted (self-signed certificate)")


async def test_own_ssl_context_is_used(certificate: Path) -> None:
    context = ssl.create_default_context(cafile=certificate)
    async with serve(echo, "127.0.0.1", 0, ssl=server_tls(certificate)) as server:
        connection = SignalingConnection(url_of(server, "wss"), ssl_context=context)
        await connection.open()
        await connection.send("x")
        assert await connection.recv() == "x"
        await connection.close()


async def test_ssl_context_does_not_disturb_a_plain_socket() -> None:
    async with serve(echo, "127.0.0.1", 0) as server:
        connection = SignalingConnection(url_of(server), ssl_context=ssl.create_default_context())
        await connection.open()
        await connection.close()


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the TLS handshake failed (WRONG_VERSION_NUMBER)"),
        (b"", "the other side hung up during the TLS handshake"),
    ],
)
async def test_plain_server_behind_wss_is_a_tls_failure(answer: bytes, what: str) -> None:
    async def speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(speak_plainly, "127.0.0.1", 0) as server:
        error = await failure_of(SignalingConnection(url_of(server, "wss")))
    assert error.code == "WEBSOCKET_TLS"
    assert error.message.endswith(what)


# Losing


async def test_torn_socket_is_opened_again() -> None:
    async def tear_at_the_word(websocket: ServerConnection) -> None:
        async for message in websocket:
            if message == "tear":
                websocket.transport.abort()
            else:
                await websocket.send(message)

    sleeper = Sleeper()
    async with serve(tear_at_the_word, "127.0.0.1", 0) as server:
        connection = SignalingConnection(url_of(server), sleep=sleeper)
        await connection.open()
        await connection.send("tear")
        assert (await torn(connection)).close_code == 1006
        await connection.reopen()
        assert sleeper.slept == [1.0]
        assert connection.reconnects == 1
        await connection.send("again")
        assert await connection.recv() == "again"
        await connection.close()


@pytest.mark.parametrize("code", [1000, 1001, 1011])
async def test_close_frame_without_a_close_message_is_a_lost_socket(code: int) -> None:
    async def close(websocket: ServerConnection) -> None:
        await websocket.close(code)

    async with serve(close, "127.0.0.1", 0) as server:
        connection = SignalingConnection(url_of(server))
        await connection.open()
        lost = await torn(connection)
    assert str(lost) == f"the WebSocket was lost (close code {code})"


async def test_oversized_message_loses_the_socket() -> None:
    async def flood(websocket: ServerConnection) -> None:
        await websocket.send("x" * (MAX_MESSAGE_BYTES + 1))
        await websocket.wait_closed()

    async with serve(flood, "127.0.0.1", 0) as server:
        connection = SignalingConnection(url_of(server))
        await connection.open()
        await torn(connection)


class Tries:
    """Connects at the tries it is told to; refuses the others."""

    def __init__(self, *successes: int) -> None:
        self.successes = successes
        self.count = 0

    async def __call__(self, url: str, **options: Any) -> ClientConnection:
        self.count += 1
        if self.count in self.successes:
            return await connect(url, **options)
        raise ConnectionRefusedError(111, "Connection refused")


async def test_third_try_is_enough() -> None:
    sleeper, tries = Sleeper(), Tries(3)
    async with serve(echo, "127.0.0.1", 0) as server:
        connection = SignalingConnection(url_of(server), sleep=sleeper, connect=tries)
        await connection.reopen()
        assert sleeper.slept == [1.0, 2.0, 4.0] == list(RECONNECT_DELAYS)
        await connection.close()


async def test_three_failed_tries_lose_the_signaling() -> None:
    sleeper, tries = Sleeper(), Tries()
    connection = SignalingConnection("ws://127.0.0.1:1/", sleep=sleeper, connect=tries)
    with pytest.raises(SignalingError) as caught:
        await connection.reopen()
    assert (caught.value.stage, caught.value.code) == (Stage.MEDIA, "SIGNALING_LOST")
    assert caught.value.message == (
        "the WebSocket was lost (close code 1006) and could not be opened again in 3 tries; the last:"
        " WEBSOCKET_REFUSED: the WebSocket to ws://127.0.0.1:1/ could not be opened: Connection refused"
    )
    assert tries.count == 3
    assert connection.reconnects == 0


async def test_closing_ends_the_tries() -> None:
    connection: SignalingConnection

    async def close_meanwhile(seconds: float) -> None:
        await connection.close()

    tries = Tries()
    connection = SignalingConnection("ws://127.0.0.1:1/", sleep=close_meanwhile, connect=tries)
    with pytest.raises(SocketLost):
        await connection.reopen()
    assert tries.count == 0


async def test_closed_connection_does_not_even_wait() -> None:
    sleeper = Sleeper()
    connection = SignalingConnection("ws://127.0.0.1:1/", sleep=sleeper)
    await connection.close()
    with pytest.raises(SocketLost):
        await connection.reopen()
    assert sleeper.slept == []


async def test_socket_that_opens_after_closing_is_closed() -> None:
    closed_by_client = asyncio.Event()

    async def wait_for_close(websocket: ServerConnection) -> None:
        await websocket.wait_closed()
        closed_by_client.set()

    connection: SignalingConnection

    async def close_meanwhile(url: str, **options: Any) -> ClientConnection:
        opened = await connect(url, **options)
        await connection.close()
        return opened

    async with serve(wait_for_close, "127.0.0.1", 0) as server:
        connection = SignalingConnection(url_of(server), connect=close_meanwhile)
        with pytest.raises(SocketLost):
            await connection.open()
        await closed_by_client.wait()


async def test_frames_are_not_logged_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    # The server of this test logs its own frames; only what the client writes is of interest.
    quiet = logging.getLogger("tests.quiet")
    quiet.setLevel(logging.ERROR)
    async with serve(echo, "127.0.0.1", 0, logger=quiet) as server:
        connection = SignalingConnection(url_of(server))
        await connection.open()
        await connection.send('{"authToken": "s3cret"}')
        await connection.recv()
        await connection.close()
    assert "s3cret" not in caplog.text
