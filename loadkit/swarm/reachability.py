"""Whether anything answers at the gateway's address, asked once before the first call: name, TCP, TLS.

Nothing is said in HTTP: a gateway may have no ``/health``, and whether it likes what is asked is for the calls to find
out. Without this, a wrong address or a gateway that is down would be a run full of calls that failed.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from urllib.parse import urlsplit

import gevent

from loadkit.errors import GatewayUnreachable
from loadkit.settings import Settings, flag
from loadkit.signaling.tls import client_tls
from loadkit.signaling.urls import signaling_url
from loadkit.transport.addresses import can_reach

_UP = "see whether the gateway is up"
_LATER = f"{flag('no_preflight')} starts the run anyway"


def check_reachable(settings: Settings, host: str) -> None:
    """Connect once, from the address of the first call, and shake hands in TLS where calls would.

    :param host: the gateway as it was given; an address that calls can be sent to.
    :raises GatewayUnreachable: the name has no address, nothing listens, or its certificate is not trusted.
    :raises SettingsError: the authorities of ``--tls-ca`` cannot be read.
    """
    if settings.no_preflight:
        return
    url = urlsplit(signaling_url(host))
    name, secure = url.hostname or "", url.scheme == "wss"
    port = url.port or (443 if secure else 80)
    tls = client_tls(settings.tls_ca, insecure=settings.tls_insecure) if secure else None
    seconds = settings.websocket_timeout
    try:
        # Of all steps together: a resolver that does not answer has no time-out of its own.
        with gevent.Timeout(seconds):
            _connect(name, port, _own_address(settings, name), tls, seconds)
    except (gevent.Timeout, TimeoutError):
        reason = f"nothing answered within {seconds:g} s; look at the address and at firewalls, {_UP}"
    except (socket.gaierror, UnicodeError) as exc:
        why = exc.strerror if isinstance(exc, socket.gaierror) else "it is no name of a host"
        reason = f"the name {name!r} cannot be resolved ({why}); look at --host and the resolver"
    except ssl.SSLCertVerificationError as exc:
        reason = (
            f"its certificate is not accepted ({exc.verify_message.rstrip('.')}); look at the name in --host, and "
            f"give a private authority with {flag('tls_ca')}"
        )
    except ssl.SSLError as exc:
        what = (exc.reason or str(exc)).replace("_", " ").lower()
        reason = f"the TLS handshake failed ({what}); see whether wss or ws is spoken on port {port}"
    except OSError as exc:
        why = os.strerror(exc.errno) if exc.errno else str(exc)
        reason = f"{why[0].lower()}{why[1:]} at port {port}; look at the address, and {_UP}"
    else:
        return
    raise GatewayUnreachable(
        f"the gateway at {host.strip()} cannot be reached, and no call was placed: {reason}; {_LATER}"
    )


def _own_address(settings: Settings, name: str) -> str | None:
    """Where calls come from; None to leave it to the system."""
    return next((address for address in settings.local_address if can_reach(address, name)), None)


def _connect(name: str, port: int, source: str | None, tls: ssl.SSLContext | None, seconds: float) -> None:
    """Connect to the first of the name's addresses that can be connected to.

    :raises OSError: to none of them; what is raised is what the last one said.
    """
    deadline = time.monotonic() + seconds
    failure: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as sock:
            sock.settimeout(max(0.1, deadline - time.monotonic()))
            try:
                if source is not None:
                    sock.bind((source, 0))
                sock.connect(address)
            except OSError as exc:
                failure = exc
                continue
            if tls is not None:
                with tls.wrap_socket(sock, server_hostname=name):
                    pass
            return
    raise failure or OSError("the name has no address")
