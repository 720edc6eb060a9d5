"""A TURN server beside the gateway: Debian's coturn as a child process, on loopback by default.

The secret is in a file that only this user can read, not in the command line. coturn ends with this process,
however that ends, and the file goes with it (``lifeline.py``). Callers and gateway are on the
same machine, so coturn is told to relay to loopback addresses, which it refuses by default (403 to every
channel bind).
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from loadkit.errors import GatewayStartError
from loadkit.transport.addresses import is_loopback

_START_S = 60.0
#: Longer than the process between us gives coturn.
_STOP_S = 10.0
_POLL_S = 0.05
#: On a busy machine an answer takes longer than the pause between two questions.
_ANSWER_S = 1.0
_HOW_TO_INSTALL = "coturn is not installed; on Debian: apt-get install coturn"
_LAST_LINES = 5
#: It goes on for a while after what is wrong. What it says of CHANGE_REQUEST, it says always.
_COMPLAINT = re.compile(r"(?i)\b(?:cannot|error|failed)\b(?!.*CHANGE_REQUEST)")
_LIFELINE = str(Path(__file__).with_name("lifeline.py"))
_NO_OTHER_PEERS = (
    "denied-peer-ip=0.0.0.0-255.255.255.255",
    "denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
)

#: Where free ports are drawn from: below those that the system gives to whoever asks for none in particular (Linux:
#: ip_local_port_range), as it would give one to a call's socket before coturn has come up, and above those of services.
_PORTS = range(15_000, 32_000)
_TRIES = 100

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
    :param name: what stands for the address in the URLs; the address itself when None.
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
        name: str | None = None,
    ) -> None:
        self._secret = secret
        self._address = address
        # coturn runs in a folder of its own.
        self._certificate = (certificate[0].absolute(), certificate[1].absolute()) if certificate else None
        self._realm = realm
        self._name = name or address
        #: Ports that were asked for, and must be free when it starts.
        self._asked = [asked for asked in (port, tls_port if certificate else 0) if asked]
        plain = port or _free_port(address)
        self.ports = TurnPorts(plain, (tls_port or _free_port(address, plain)) if certificate else None)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None

    @staticmethod
    def installed() -> bool:
        """Whether there is a ``turnserver`` on this machine."""
        return shutil.which("turnserver") is not None

    @property
    def pid(self) -> int | None:
        """coturn's process; None while there is none."""
        return self._pid

    @property
    def ended(self) -> str | None:
        """What it said last when it has ended without being told to; None when it has not."""
        if self._child is None or self._child.poll() is None:
            return None
        return "; ".join([f"exit code {self._child.returncode}", *self._last_lines()])

    @property
    def urls(self) -> tuple[str, ...]:
        """RFC 7065 URLs, as a gateway tells its clients: UDP, TCP and, with a certificate, TLS."""
        host = f"[{self._name}]" if ":" in self._name else self._name
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
        for port in self._asked:
            self._check_free(port)
        self._folder = tempfile.TemporaryDirectory(prefix="loadkit-coturn-", ignore_cleanup_errors=True)
        folder = Path(self._folder.name)
        configuration = folder / "turnserver.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(self._configuration(folder), encoding="utf-8")
        with (folder / "log").open("wb") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-S", _LIFELINE, str(folder), program, "-c", str(configuration)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=folder,
                # Not ours, which may hold tokens.
                env={name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ},
                # Ctrl-C at the terminal is for the gateway, whose calls end first.
                start_new_session=True,
            )
        assert self._child.stdout is not None
        self._pid = int(self._child.stdout.readline() or 0) or None
        deadline = time.monotonic() + _START_S
        while not self._answers():
            if self._child.poll() is not None or time.monotonic() > deadline:
                said = "; ".join(self._last_lines()) or "it said nothing"
                self.stop()
                raise GatewayStartError(f"coturn did not come up within {_START_S:g} s: {said}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End it; may be called more than once."""
        child, self._child, self._pid = self._child, None, None
        if child is not None:
            assert child.stdin is not None
            assert child.stdout is not None
            with contextlib.suppress(OSError):
                child.stdin.close()
            try:
                child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                # coturn goes with it: see lifeline.py.
                child.kill()
                child.wait()
            child.stdout.close()
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
            "no-tlsv1",
            "no-tlsv1_1",
            "no-cli",
            "no-multicast-peers",
            # RFC 8656, 7.2: IPv4 unless asked; a relay on an IPv6 address has none.
            "allocation-default-address-family=keep",
            "log-file=stdout",
            "simple-log",
            f"pidfile={folder / 'pid'}",
            f"userdb={folder / 'userdb'}",
            "relay-threads=1",
        ]
        if is_loopback(self._address):
            lines.append("allow-loopback-peers")
        else:
            # The gateway's own address is where every call goes: not a way into the rest of the network.
            lines += [f"allowed-peer-ip={self._address}", *_NO_OTHER_PEERS]
        if self._certificate is None:
            lines.append("no-tls")
        else:
            certificate, key = self._certificate
            lines += [f"tls-listening-port={self.ports.tls}", f"cert={certificate}", f"pkey={key}"]
        return "\n".join(lines) + "\n"

    def _check_free(self, port: int) -> None:
        """coturn would try again and again, and say nothing on standard output.

        :raises GatewayStartError: it is taken or not allowed.
        """
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(family, kind) as trial:
                if kind == socket.SOCK_STREAM:
                    trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    trial.bind((self._address, port))
                except OSError as exc:
                    reason = os.strerror(exc.errno) if exc.errno else str(exc)
                    raise GatewayStartError(
                        f"coturn cannot listen on {self._address} port {port}: {reason}"
                    ) from exc

    def _answers(self) -> bool:
        """Whether it answers a STUN Binding request over UDP, and listens for TCP and, with a certificate, for TLS."""
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as udp:
            udp.settimeout(_ANSWER_S)
            try:
                # Connected, so that a port where nobody listens yet says so at once.
                udp.connect((self._address, self.ports.plain))
                udp.send(_BINDING_REQUEST + secrets.token_bytes(12))
                udp.recv(1500)
                for port in (self.ports.plain, self.ports.tls):
                    if port is not None:
                        socket.create_connection((self._address, port), timeout=_ANSWER_S).close()
            except OSError:
                return False
        return True

    def _last_lines(self) -> list[str]:
        assert self._folder is not None
        text = (Path(self._folder.name) / "log").read_text(encoding="utf-8", errors="replace")
        lines = [line for line in text.splitlines() if line.strip() and self._secret not in line]
        complaints = [line for line in lines if _COMPLAINT.search(line)]
        return (complaints or lines)[-_LAST_LINES:]


def _free_port(address: str, taken: int = 0) -> int:
    """A port that is free for UDP and TCP at this moment, and likely to be so when coturn binds it.

    :param taken: a port that has been drawn already.
    :raises GatewayStartError: there is none, or the address is none of this machine's.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    reason = ""
    for port in random.sample([port for port in _PORTS if port != taken], _TRIES):
        with (
            socket.socket(family, socket.SOCK_STREAM) as tcp,
            socket.socket(family, socket.SOCK_DGRAM) as udp,
        ):
            try:
                tcp.bind((address, port))
                udp.bind((address, port))
            except OSError as exc:
                reason = os.strerror(exc.errno) if exc.errno else str(exc)
                continue
            return port
    raise GatewayStartError(f"coturn cannot listen on {address}: {reason}")
