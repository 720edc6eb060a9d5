"""What a caller trusts, against true TLS servers with certificates of every kind."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from loadkit.errors import SettingsError, SignalingError
from loadkit.signaling.client import SignalingConnection
from loadkit.signaling.ice_servers import IceServersUnavailable, fetch_ice_servers
from loadkit.signaling.tls import client_tls

_HOUR = datetime.timedelta(hours=1)


@dataclass(frozen=True)
class Authority:
    """One that signs certificates for the tests."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def path(self) -> Path:
        return self.folder / "authority.pem"

    def server(self, names: Sequence[str], *, expired: bool = False) -> ssl.SSLContext:
        """The TLS side of a server with a certificate for these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        end = now - _HOUR if expired else now + _HOUR
        builder = _builder("server", self.certificate.subject, key).not_valid_before(end - 4 * _HOUR)
        addresses = x509.SubjectAlternativeName([_general_name(name) for name in names])
        signed = builder.not_valid_after(end).add_extension(addresses, False).sign(self.key, hashes.SHA256())
        path = self.folder / "server.pem"
        path.write_bytes(_pem(signed) + _key_pem(key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of the tests")])
    certificate = (
        _builder("an authority of the tests", name, key)
        .not_valid_before(now - _HOUR)
        .not_valid_after(now + _HOUR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority = Authority(tmp_path, key, certificate)
    authority.path.write_bytes(_pem(certificate))
    return authority


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@asynccontextmanager
async def gateway(tls: ssl.SSLContext) -> AsyncIterator[str]:
    """A server with signaling and ICE servers; its host and port."""

    async def hold(connection: ServerConnection) -> None:
        await connection.wait_closed()

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(200, '{"iceServers": []}') if "ice-servers" in request.path else None

    async with serve(hold, "127.0.0.1", 0, ssl=tls, process_request=answer) as server:
        yield f"127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def opening(address: str, tls: ssl.SSLContext | None) -> str:
    """What comes of opening the WebSocket: ``open`` or the error's text."""
    connection = SignalingConnection(f"wss://{address}/", ssl_context=tls, timeout=20)
    try:
        await connection.open()
    except SignalingError as exc:
        return f"{exc.code}: {exc.message.partition('could not be opened: ')[2]}"
    await connection.close()
    return "open"


async def fetching(address: str, tls: ssl.SSLContext) -> str:
    """What comes of asking for the ICE servers: ``had`` or the reason."""
    try:
        await fetch_ice_servers(f"https://{address}/api/v1/ice-servers", "t", 20, tls=tls)
    except IceServersUnavailable as exc:
        return exc.reason
    return "had"


async def test_an_authority_that_is_given_is_trusted_beside_the_machines_own(authority: Authority) -> None:
    async with gateway(authority.server(["127.0.0.1"])) as address:
        assert await opening(address, client_tls(authority.path)) == "open"
        assert await fetching(address, client_tls(authority.path)) == "had"
    machine = {str(one) for one in ssl.create_default_context().get_ca_certs()}
    assert machine <= {str(one) for one in client_tls(authority.path).get_ca_certs()}


async def test_an_unknown_authority_is_refused_in_openssls_words(authority: Authority) -> None:
    async with gateway(authority.server(["127.0.0.1"])) as address:
        said = await opening(address, client_tls())
        assert said == (
            "WEBSOCKET_TLS: the certificate was not accepted (unable to get local issuer certificate)"
        )
        assert await fetching(address, client_tls()) == "TLS failed"


async def test_a_wrong_host_name_is_refused_in_openssls_words(authority: Authority) -> None:
    async with gateway(authority.server(["gateway.example"])) as address:
        assert await opening(address, client_tls(authority.path)) == (
            "WEBSOCKET_TLS: the certificate was not accepted"
            " (IP address mismatch, certificate is not valid for '127.0.0.1')"
        )
        assert await fetching(address, client_tls(authority.path)) == "TLS failed"


async def test_an_expired_certificate_is_refused_in_openssls_words(authority: Authority) -> None:
    async with (
        gateway(authority.server(["127.0.0.1"], expired=True)) as address,
    ):
        assert await opening(address, client_tls(authority.path)) == (
            "WEBSOCKET_TLS: the certificate was not accepted (certificate has expired)"
        )
        assert await fetching(address, client_tls(authority.path)) == "TLS failed"


async def test_insecure_takes_any_certificate(authority: Authority) -> None:
    tls = authority.server(["gateway.example"], expired=True)
    async with gateway(tls) as address:
        assert await opening(address, client_tls(insecure=True)) == "open"
        assert await fetching(address, client_tls(insecure=True)) == "had"


async def test_what_is_older_than_tls_1_2_is_refused(authority: Authority) -> None:
    old = authority.server(["127.0.0.1"])
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    async with gateway(old) as address:
        assert (await opening(address, client_tls(authority.path))).startswith("WEBSOCKET_TLS: ")


def test_a_file_that_is_not_there_is_a_fault_of_the_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        client_tls(tmp_path / "none.pem")
    assert caught.value.faults == [
        f"--tls-ca '{tmp_path}/none.pem': it cannot be read: No such file or directory"
    ]


@pytest.mark.parametrize(
    "content", ["", "no certificate\n", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"]
)
def test_a_file_without_a_certificate_is_a_fault_of_the_setting(tmp_path: Path, content: str) -> None:
    path = tmp_path / "wrong.pem"
    path.write_text(content)
    with pytest.raises(SettingsError, match=r"wrong.pem': it holds no certificate in PEM format"):
        client_tls(path)


def test_the_key_in_place_of_the_certificate_is_a_fault_of_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(_key_pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(SettingsError, match="it holds no certificate in PEM format"):
        client_tls(path)
