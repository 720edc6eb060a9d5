"""DTLS: the certificate that a process shows, and what a handshake agreed on."""

from __future__ import annotations

from dataclasses import dataclass

from aiortc import RTCDtlsParameters

from loadkit.transport import aiortc_internals as internals


class Certificate:
    """The DTLS certificate of a process, and its fingerprint, made once for all its calls."""

    def __init__(self) -> None:
        self.certificate = internals.SharedCertificate.generateCertificate()
        sha256 = [f for f in self.certificate.getFingerprints() if f.algorithm == "sha-256"]
        self.parameters = RTCDtlsParameters(fingerprints=sha256)


@dataclass(frozen=True)
class DtlsOutcome:
    """What the handshake agreed on."""

    role: str
    version: str
    cipher: str | None
    srtp_profile: str
