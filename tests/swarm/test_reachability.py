"""Whether anything answers at the gateway's address: each step by a real socket, and the sentence when it fails."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loadkit.errors import ExitCode, GatewayUnreachable
from loadkit.gateway.self_signed import write_self_signed
from loadkit.settings import make_settings
from loadkit.swarm.reachability import check_reachable


@contextmanager
def listener(tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Something that listens, and shakes hands in TLS when it is told to; it knows no HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    taken, _ = server.accept()
                    with taken if tls is None else tls.wrap_socket(taken, server_side=True) as spoken:
                        spoken.recv(1)
                except ssl.SSLError:
                    continue
                except OSError:
                    if server.fileno() < 0:
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def refusal(host: str, **settings: Any) -> str:
    with pytest.raises(GatewayUnreachable) as refused:
        check_reachable(make_settings(settings), host)
    assert refused.value.exit_code == ExitCode.GATEWAY_UNREACHABLE
    sentence = str(refused.value)
    assert sentence.startswith(f"the gateway at {host} cannot be reached, and no call was placed: ")
    assert sentence.endswith("--no-preflight starts the run anyway")
    return sentence


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_self_signed(tmp_path_factory.mktemp("tls"), ["127.0.0.1"])


@pytest.fixture(scope="module")
def secure(certificate: tuple[Path, Path]) -> Iterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with listener(context) as port:
        yield port


def test_whoever_takes_a_connection_is_there_and_need_not_know_health() -> None:
    with listener() as port:
        check_reachable(make_settings({"local_address": "::1,127.0.0.2"}), f"ws://127.0.0.1:{port}")


def test_a_port_where_nobody_listens_is_refused_unless_nobody_is_to_look() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        host = f"ws://127.0.0.1:{closed.getsockname()[1]}"
        assert "connection refused at port" in refusal(host)
        check_reachable(make_settings({"no_preflight": True}), host)


def test_a_name_that_does_not_resolve_is_told_as_that() -> None:
    assert "the name 'gateway.invalid' cannot be resolved" in refusal("wss://gateway.invalid")
    assert "it is no name of a host" in refusal(f"ws://{'a' * 70}.example")


def test_a_certificate_that_is_trusted_is_enough_and_one_that_is_not_is_told(
    secure: int, certificate: tuple[Path, Path]
) -> None:
    host = f"wss://127.0.0.1:{secure}"
    check_reachable(make_settings({"tls_ca": str(certificate[0])}), host)
    check_reachable(make_settings({"tls_insecure": True}), host)
    assert "its certificate is not accepted (self-signed certificate)" in refusal(host)
    named = refusal(f"wss://localhost:{secure}", tls_ca=str(certificate[0]))
    assert "localhost" in named and "look at the name in --host" in named


def test_tls_where_none_is_spoken_is_told_as_that() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            taken, _ = server.accept()
            with taken:
                taken.recv(4096)
                taken.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        assert "the TLS handshake failed (wrong version number)" in refusal(
            f"wss://127.0.0.1:{server.getsockname()[1]}", tls_insecure=True
        )
        thread.join(10)


def test_one_who_takes_the_connection_and_says_nothing_in_tls_is_waited_for_so_long() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"wss://127.0.0.1:{silent.getsockname()[1]}"
        assert "nothing answered within 0.2 s" in refusal(host, websocket_timeout="0.2s", tls_insecure=True)
