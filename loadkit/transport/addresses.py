"""Which local addresses ICE candidates are bound to.

A run against loopback stays on loopback: candidates on 127.0.0.1 and no STUN server. Anything else
uses the machine's own addresses, as a browser would.
"""

from __future__ import annotations

import ipaddress
import socket

import ifaddr


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine's loopback interface.

    Only ``localhost`` and literal addresses are looked at; nothing is resolved.
    """
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def candidate_addresses(gateway_host: str) -> list[str]:
    """Addresses to bind host candidates to, for calls to ``gateway_host`` that were given none.

    A loopback gateway gets loopback of its own family; otherwise all addresses of this machine's interfaces
    but loopback and link-local ones.
    """
    if is_loopback(gateway_host):
        return ["::1"] if ":" in gateway_host else ["127.0.0.1"]
    return _interface_addresses()


def _interface_addresses() -> list[str]:
    addresses: list[str] = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            address = ipaddress.ip_address(text)
            if not (address.is_loopback or address.is_link_local):
                addresses.append(text)
    return addresses


def can_bind(address: str) -> bool:
    """Whether a UDP socket can be bound to this address here."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((address, 0))
        except OSError:
            return False
    return True


def can_reach(address: str, host: str) -> bool:
    """Whether a socket bound to ``address`` may be able to reach ``host``: not an address of the other family.

    Nothing is resolved: a name may have addresses of either.
    """
    try:
        family = ipaddress.ip_address(host.strip("[]").partition("%")[0]).version
    except ValueError:
        return True
    return family == ipaddress.ip_address(address.partition("%")[0]).version
