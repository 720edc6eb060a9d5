"""A TURN server beside the gateway: Debian's coturn as a child process, on loopback by default.

The secret is in a file that only this user can read, not in the command line. Callers and gateway are on the
same machine, so coturn is told to relay to loopback addresses, which it refuses by default (403 to every
channel bind).
"""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from loadkit.errors import GatewayStartError

_START_S = 10.0
_STOP_S = 5.0
_POLL_S = 0.05
_HOW_TO_INSTALL = "coturn is not installed; on Debian: apt-get install coturn"

#: RFC 8489 section 5: a Binding request without attributes; its transaction id is appended.
_BINDING_REQUEST = b"\x00\x01\x00\x00\x21\x12\xa4\x42"


@dataclass(frozen=True)
class TurnPorts:
    """Where coturn listens; UDP and TCP share a port."""

    plain: int
    tls: int | None
    """None without a certificate."""


class Coturn:
    """One coturn process; ends with :meth:`stop`.

    :param secret: shared with whoever issues credentials (``use-auth-secret``).
    :param address: what it listens on and relays from.
    :param port: for UDP and TCP; 0 for a free one.
    :param tls_port: for TLS over TCP; 0 for a free one.
    :param certificate: PEM files (certificate chain, key) for TLS; None for no TLS.
    """

    def __init__(
        self,
        secret: str,
        *,
        address: str = "127.0.0.1",
        port: int = 0,
        tls_port: int = 0,
        certificate: tuple[Path, Path] | None = None,
        realm: str = "loadkit",
    ) -> None:
        self._secret = secret
        self._address = address
        self._certificate = certificate
        self._realm = realm
        plain = port or _free_port(address)
        self.ports = TurnPorts(plain, (tls_port or _free_port(address)) if certificate else None)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._child: subprocess.Popen[bytes] | None = None

    @staticmethod
    def installed() -> bool:
        """Whether there is a ``turnserver`` on this machine."""
        return shutil.which("turnserver") is not None

    @property
    def pid(self) -> int | None:
        """coturn's process; None while there is none."""
        return self._child.pid if self._child else None

    @property
    def urls(self) -> tuple[str, ...]:
        """RFC 7065 URLs, as a gateway tells its clients: UDP, TCP and, with a certificate, TLS."""
        host = f"[{self._address}]" if ":" in self._address else self._address
        plain = f"turn:{host}:{self.ports.plain}"
        urls = [f"{plain}?transport=udp", f"{plain}?transport=tcp"]
        if self.ports.tls is not None:
            urls.append(f"turns:{host}:{self.ports.tls}?transport=tcp")
        return tuple(urls)

    def start(self) -> None:
        """Start it and wait until it answers.

        :raises GatewayStartError: it is not installed, or did not come up; with the last lines it said.
        """
        program = shutil.which("turnserver")
        if program is None:
            raise GatewayStartError(_HOW_TO_INSTALL)
        self._folder = tempfile.TemporaryDirectory(prefix="loadkit-coturn-")
        folder = Path(self._folder.name)
        configuration = folder / "turnserver.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration(folder), encoding="utf-8")
        with (folder / "log").open("wb") as log:
            self._child = subprocess.Popen(
                [program, "-c", str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                # Ctrl-C at the terminal is for the gateway, whose calls end first.
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self._child.poll() is not None or time.monotonic() > deadline:
                said = "; ".join(self._last_lines()) or "it said nothing"
                self.stop()
                raise GatewayStartError(f"coturn did not come up within {_START_S:g} s: {said}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End it; may be called more than once."""
        child, self._child = self._child, None
        if child is not None:
            child.terminate()
            try:
                child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _configuration(self, folder: Path) -> str:
        lines = [
            f"listening-ip={self._address}",
            f"relay-ip={self._address}",
            f"listening-port={self.ports.plain}",
            "fingerprint",
            "use-auth-secret",
            f"static-auth-secret={self._secret}",
            f"realm={self._realm}",
            "no-dtls",
            "no-cli",
            "log-file=stdout",
            "simple-log",
            f"pidfile={folder / 'pid'}",
            f"userdb={folder / 'userdb'}",
            "relay-threads=1",
        ]
        if self._address in ("127.0.0.1", "::1") or self._address.startswith("127."):
            lines.append("allow-loopback-peers")
        if self._certificate is None:
            lines.append("no-tls")
        else:
            certificate, key = self._certificate
            lines += [f"tls-listening-port={self.ports.tls}", f"cert={certificate}", f"pkey={key}"]
        return "\n".join(lines) + "\n"

    def _answers(self) -> bool:
        """Whether it answers a STUN Binding request over UDP and, with a certificate, listens for TLS."""
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            udp.settimeout(_POLL_S)
            try:
                udp.sendto(_BINDING_REQUEST + secrets.token_bytes(12), (self._address, self.ports.plain))
                udp.recv(1500)
                if self.ports.tls is not None:
                    socket.create_connection((self._address, self.ports.tls), timeout=1.0).close()
            except OSError:
                return False
        return True

    def _last_lines(self) -> list[str]:
        assert self._folder is not None
        text = (Path(self._folder.name) / "log").read_text(encoding="utf-8", errors="replace")
        return [line for line in text.splitlines() if self._secret not in line][-5:]


def _free_port(address: str) -> int:
    """A port that is free for UDP and TCP at this moment."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    while True:
        with (
            socket.socket(family, socket.SOCK_STREAM) as tcp,
            socket.socket(family, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind((address, 0))
            port = int(tcp.getsockname()[1])
            try:
                udp.bind((address, port))
            except OSError:
                continue
            return port
