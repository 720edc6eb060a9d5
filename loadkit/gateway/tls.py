"""The gateway's side of TLS: its certificate, given or made, and what is wrong with one that is given.

``wss`` and ``https`` are the same port and the same handshake; the certificate is read once, at the start.
"""

from __future__ import annotations

import os
import socket
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from loadkit.errors import SettingsError
from loadkit.gateway.self_signed import write_self_signed
from loadkit.gateway.settings import GatewaySettings
from loadkit.transport.addresses import candidate_addresses

_WILDCARDS = ("0.0.0.0", "::")


class ServerTls:
    """A certificate, its key, and the context made of them; ends with :meth:`close`.

    :param certificate: PEM file: the server's certificate, then those between it and the authority.
    :param authority: PEM file that a client can be given to verify it, when it is nobody else's.
    :param folder: removed at the end; None when the files are the user's.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        certificate: Path,
        key: Path,
        *,
        authority: Path | None = None,
        folder: tempfile.TemporaryDirectory[str] | None = None,
    ) -> None:
        self.context = context
        self.certificate = certificate
        self.key = key
        self.authority = authority
        self._folder = folder

    @classmethod
    def of(cls, settings: GatewaySettings) -> ServerTls | None:
        """As the settings say; None for no TLS.

        :raises SettingsError: certificate or key cannot be used, or the folder cannot be written to.
        """
        if settings.tls_cert is not None and settings.tls_key is not None:
            return cls(_context(settings.tls_cert, settings.tls_key), settings.tls_cert, settings.tls_key)
        return cls.self_signed(settings) if settings.tls is not None else None

    @classmethod
    def self_signed(cls, settings: GatewaySettings) -> ServerTls:
        """A certificate made for this gateway, in ``tls_folder`` or a temporary folder.

        :raises SettingsError: the folder cannot be written to.
        """
        temporary = None
        if settings.tls_folder is None:
            temporary = tempfile.TemporaryDirectory(prefix="loadkit-gateway-")
        folder = settings.tls_folder or Path(str(temporary and temporary.name))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            certificate, key = write_self_signed(folder, certificate_names(settings.host))
        except OSError as exc:
            raise SettingsError(
                [f"{settings.flag('tls_folder')} {str(folder)!r}: it cannot be written to: {_reason(exc)}"]
            ) from exc
        certificate = certificate.absolute()
        return cls(_context(certificate, key), certificate, key, authority=certificate, folder=temporary)

    def close(self) -> None:
        """Remove what was made for the time of this gateway; may be called more than once."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


def certificate_names(host: str) -> list[str]:
    """What a certificate of a gateway that listens on ``host`` is for: names and addresses, each once."""
    own = candidate_addresses(host) if host in _WILDCARDS else [host.partition("%")[0]]
    names = [*own, "127.0.0.1", "localhost", "::1", socket.gethostname()]
    # RFC 5280, 4.2.1.6: dNSName is ASCII. Interfaces' own IPv6 addresses may come with a zone.
    return [name for name in dict.fromkeys(names) if name and name.isascii() and "%" not in name]


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A server's context.

    :raises SettingsError: with every fault of the two files.
    """
    faults = [*_certificate_faults(certificate), *_key_faults(key)]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not faults:
        try:
            context.load_cert_chain(certificate, key)
        except ssl.SSLError as exc:
            faults = [_pair_fault(certificate, key, exc)]
    if faults:
        raise SettingsError(faults)
    return context


def _certificate_faults(path: Path) -> Sequence[str]:
    try:
        x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as exc:
        return [f"--tls-cert {str(path)!r}: it cannot be read: {_reason(exc)}"]
    except ValueError:
        return [f"--tls-cert {str(path)!r}: it holds no certificate in PEM format"]
    return []


def _key_faults(path: Path) -> Sequence[str]:
    try:
        # Not left to OpenSSL, which would ask at the terminal for the password of an encrypted key.
        load_pem_private_key(path.read_bytes(), password=None)
    except OSError as exc:
        return [f"--tls-key {str(path)!r}: it cannot be read: {_reason(exc)}"]
    except TypeError:
        return [
            f"--tls-key {str(path)!r}: it is encrypted; openssl pkey -in {path} -out plain.pem takes the"
            " password off"
        ]
    except ValueError:
        return [f"--tls-key {str(path)!r}: it holds no private key in PEM format"]
    return []


def _pair_fault(certificate: Path, key: Path, error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return (
            f"--tls-key {str(key)!r}: it is not the key of the first certificate in --tls-cert"
            f" {str(certificate)!r}"
        )
    return f"--tls-cert {str(certificate)!r}: OpenSSL does not take it with its key ({error.reason})"


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
