"""The gateway over TLS: one port for wss and https, certificates given and made, and what is wrong with them."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import ssl
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from loadkit.errors import ExitCode, SettingsError
from loadkit.gateway.app import Gateway
from loadkit.gateway.self_signed import write_self_signed
from loadkit.gateway.settings import GatewaySettings
from loadkit.gateway.tls import ServerTls, certificate_names
from tests.waiting import PATIENCE_S, until

from .callers import Caller, RawSocket, client_side
from .conftest import StartGateway

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def secure(start_gateway: StartGateway) -> Gateway:
    """A gateway with a certificate of its own."""
    return await start_gateway(tls="self-signed")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key."""
    return write_self_signed(tmp_path, ["127.0.0.1"])


async def get(gateway: Gateway, path: str) -> int:
    url = gateway.url.replace("wss:", "https:") + path
    async with aiohttp.ClientSession() as http, http.get(url, ssl=client_side(gateway) or True) as response:
        await response.read()
        return response.status


# One port


async def test_wss_and_https_are_one_port(secure: Gateway) -> None:
    assert secure.url == f"wss://127.0.0.1:{secure.port}"
    assert await get(secure, "/health") == 200
    assert await get(secure, "/api/v1/ice-servers?token=t") == 200
    assert await get(secure, "/api/v1/ice-servers") == 401
    async with RawSocket(secure) as raw:
        assert (await raw.ask(json.dumps({"type": "ping", "sessionId": None})))["type"] == "pong"


async def test_a_whole_call_is_signaled_over_wss(secure: Gateway) -> None:
    async with Caller(secure) as caller:
        await caller.place()
        caller.say(b"\x98" + bytes(40))
        assert (await caller.hears(1))[0].payload == b"\x98" + bytes(40)
        await caller.close()
        await until(lambda: secure.active_sessions == 0)


@pytest.mark.parametrize(
    "said",
    [
        b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/v1/webrtc/signal HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00 a client hello that is none",
        b"\x80",
        b"",
    ],
    ids=["http", "ws", "half a hello", "one byte", "nothing"],
)
async def test_what_is_not_tls_disturbs_nothing(
    secure: Gateway, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with RawSocket(secure) as raw:
        reader, writer = await asyncio.open_connection("127.0.0.1", secure.port)
        writer.write(said)
        writer.write_eof()
        async with asyncio.timeout(PATIENCE_S):
            answer = await reader.read()
        writer.close()
        # An alert record at most (RFC 8446, 5.1: type 21), no HTTP.
        assert answer[:1] in (b"", b"\x15")
        assert (await raw.ask(json.dumps({"type": "ping", "sessionId": None})))["type"] == "pong"
    assert await get(secure, "/health") == 200
    assert not caplog.records


async def test_what_is_older_than_tls_1_2_is_refused(secure: Gateway) -> None:
    context = client_side(secure)
    assert context is not None
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        await asyncio.open_connection("127.0.0.1", secure.port, ssl=context)


# A certificate that is made


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "::1", socket.gethostname()])
async def test_the_certificate_is_for_every_name_of_this_machine(secure: Gateway, name: str) -> None:
    context = client_side(secure)
    assert context is not None
    # As Python does by default from 3.13 on.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    _, writer = await asyncio.open_connection("127.0.0.1", secure.port, ssl=context, server_hostname=name)
    writer.close()
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        await asyncio.open_connection("127.0.0.1", secure.port, ssl=context, server_hostname="other.example")


def test_the_certificate_is_for_the_address_that_is_listened_on() -> None:
    assert certificate_names("192.0.2.7")[:3] == ["192.0.2.7", "127.0.0.1", "localhost"]
    assert certificate_names("gateway.example")[0] == "gateway.example"
    assert certificate_names("127.0.0.1").count("127.0.0.1") == 1
    assert "0.0.0.0" not in certificate_names("0.0.0.0")


async def test_the_certificate_that_is_made_goes_with_the_gateway() -> None:
    gateway = Gateway(GatewaySettings(tls="self-signed"))
    await gateway.start()
    assert gateway.tls is not None
    folder = gateway.tls.certificate.parent
    assert stat.S_IMODE(gateway.tls.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    await gateway.close()
    assert not folder.exists()


def test_in_a_folder_that_is_named_it_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "tls"
    tls = ServerTls.of(GatewaySettings(tls="self-signed", tls_folder=folder))
    assert tls is not None
    tls.close()
    assert tls.authority == folder / "certificate.pem"
    assert sorted(path.name for path in folder.iterdir()) == ["certificate.pem", "key.pem"]


def test_a_folder_that_cannot_be_made_is_a_fault_of_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"--tls-folder '.*file/tls': it cannot be written to: Not a dir"):
        ServerTls.of(GatewaySettings(tls="self-signed", tls_folder=tmp_path / "file" / "tls"))


# A certificate that is given


async def test_a_given_certificate_is_used(start_gateway: StartGateway, files: tuple[Path, Path]) -> None:
    gateway = await start_gateway(tls_cert=files[0], tls_key=files[1])
    assert gateway.tls is not None
    assert gateway.tls.authority is None
    assert await get(gateway, "/health") == 200


def faults(certificate: Path, key: Path) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        ServerTls.of(GatewaySettings(tls_cert=certificate, tls_key=key))
    return caught.value.faults


def test_files_that_are_not_there_are_both_told(tmp_path: Path) -> None:
    assert faults(tmp_path / "c", tmp_path / "k") == [
        f"--tls-cert '{tmp_path}/c': it cannot be read: No such file or directory",
        f"--tls-key '{tmp_path}/k': it cannot be read: No such file or directory",
    ]


def test_files_changed_about_are_both_told(files: tuple[Path, Path]) -> None:
    certificate, key = files
    assert faults(key, certificate) == [
        f"--tls-cert '{key}': it holds no certificate in PEM format",
        f"--tls-key '{certificate}': it holds no private key in PEM format",
    ]


def test_a_key_of_another_certificate_is_told(files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    _, other = write_self_signed(tmp_path / "other", ["127.0.0.1"])
    assert faults(files[0], other) == [
        f"--tls-key '{other}': it is not the key of the first certificate in --tls-cert '{files[0]}'"
    ]


def test_an_encrypted_key_is_told_and_no_password_asked_for(files: tuple[Path, Path], tmp_path: Path) -> None:
    certificate, key = files
    private = serialization.load_pem_private_key(key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"north"),
        )
    )
    (fault,) = faults(certificate, locked)
    assert fault.startswith(f"--tls-key '{locked}': it is encrypted; openssl pkey -in {locked} -out")


def test_a_chain_is_sent_whole(tmp_path: Path) -> None:
    certificate, key = write_self_signed(tmp_path, ["127.0.0.1"])
    (tmp_path / "other").mkdir()
    between, _ = write_self_signed(tmp_path / "other", ["127.0.0.1"])
    chain = tmp_path / "chain.pem"
    chain.write_bytes(certificate.read_bytes() + between.read_bytes())
    tls = ServerTls.of(GatewaySettings(tls_cert=chain, tls_key=key))
    assert tls is not None
    port = _serve_once(tls.context)
    said = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-showcerts"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )
    sent = x509.load_pem_x509_certificates(said.stdout)
    assert sent[:2] == x509.load_pem_x509_certificates(chain.read_bytes())


def _serve_once(context: ssl.SSLContext) -> int:
    """A server of one connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener, context.wrap_socket(listener.accept()[0], server_side=True) as connection:
            connection.recv(1)

    threading.Thread(target=serve, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"tls_cert": "c"}, "--tls-cert and --tls-key go together: give both or neither"),
        ({"tls_key": "k"}, "--tls-cert and --tls-key go together: give both or neither"),
        (
            {"tls": "self-signed", "tls_cert": "c", "tls_key": "k"},
            "--tls self-signed and --tls-cert: give one of them",
        ),
        ({"tls_folder": "f"}, "--tls-folder: no certificate is made; give --tls self-signed, too"),
        ({"tls": "on"}, "--tls 'on': input should be 'self-signed'"),
    ],
)
def test_settings_that_do_not_go_together_are_told(given: dict[str, Any], fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        GatewaySettings(**given)
    assert caught.value.faults == [fault]


# The command


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "loadkit", "gateway", *arguments]


def test_a_certificate_that_cannot_be_used_ends_the_command_with_code_2(tmp_path: Path) -> None:
    ended = subprocess.run(
        command("--tls-cert", str(tmp_path / "c"), "--tls-key", str(tmp_path / "k")),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        check=False,
    )
    assert ended.returncode == ExitCode.BAD_SETTINGS
    assert ended.stderr.startswith("2 settings cannot be used: --tls-cert ")


def speak_plainly(port: int) -> None:
    """Plain HTTP to the TLS port; returns when the gateway has hung up."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as plain:
        plain.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP" not in plain.recv(1000)


def test_the_ready_line_says_where_the_certificate_is() -> None:
    with subprocess.Popen(
        command("--tls", "self-signed"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        path = Path(line.partition("--tls-ca ")[2].partition(",")[0])
        assert "listens at wss://127.0.0.1:" in line
        assert ", or https://127.0.0.1:" in line
        assert path.is_file()
        speak_plainly(int(re.findall(r":(\d+)", line)[0]))
        process.terminate()
        assert process.wait(PATIENCE_S) == ExitCode.PASSED
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert not path.parent.exists()


def test_a_parent_is_told_of_it_in_json(tmp_path: Path) -> None:
    with subprocess.Popen(
        command("--tls", "self-signed", "--tls-folder", str(tmp_path), "--until-stdin-closes"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
    assert ready["url"] == f"wss://127.0.0.1:{ready['port']}"
    assert ready["tls_ca"] == str(tmp_path / "certificate.pem")
