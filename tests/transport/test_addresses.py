"""Which local addresses candidates are bound to."""

from __future__ import annotations

import ipaddress

import pytest

from loadkit.transport.addresses import can_bind, can_reach, candidate_addresses, is_loopback


@pytest.mark.parametrize("host", ["localhost", "x.localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"])
def test_loopback_is_known_by_name_and_address(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["gateway.example", "192.0.2.1", "2001:db8::1", "", "localhost.example"])
def test_everything_else_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)


def test_call_to_loopback_stays_on_loopback_of_its_own_family() -> None:
    assert candidate_addresses("localhost") == ["127.0.0.1"]
    assert candidate_addresses("127.0.0.1") == ["127.0.0.1"]
    assert candidate_addresses("[::1]") == ["::1"]


def test_call_to_the_world_uses_the_machines_own_addresses() -> None:
    for text in candidate_addresses("gateway.example"):
        address = ipaddress.ip_address(text)
        assert not address.is_loopback
        assert not address.is_link_local


def test_loopback_can_be_bound_and_a_documentation_address_cannot() -> None:
    assert can_bind("127.0.0.1")
    assert not can_bind("192.0.2.1")
    assert not can_bind("2001:db8::1")


def test_address_of_the_other_family_cannot_be_reached() -> None:
    assert can_reach("127.0.0.2", "127.0.0.1")
    assert can_reach("::1", "[::1]")
    assert can_reach("fe80::1%lo", "fe80::2")
    assert not can_reach("::1", "127.0.0.1")
    assert not can_reach("127.0.0.1", "::1")
    # Whatever it resolves to.
    assert can_reach("::1", "gateway.example")
