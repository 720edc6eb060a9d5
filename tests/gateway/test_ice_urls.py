from __future__ import annotations

import pytest

from loadkit.gateway.ice_urls import STUN_SCHEMES, TURN_SCHEMES, check_ice_url


@pytest.mark.parametrize(
    "url",
    [
        "turn:t.example",
        "turn:t.example:3478",
        "TURN:t.example:3478?transport=udp",
        "turns:t.example:443?transport=tcp",
        "turn:127.0.0.1:3478",
        "turn:[::1]:3478?transport=tcp",
        "turn:[2001:db8::7]",
        "turn:turn_1",
        "turn:t.example.:1",
    ],
)
def test_turn_urls_of_rfc_7065_pass_as_they_are(url: str) -> None:
    assert check_ice_url(url, TURN_SCHEMES) == url


@pytest.mark.parametrize(
    "url", ["stun:s.example", "stuns:s.example:5349", "stun:[::1]:1", "stun:127.0.0.1:65535"]
)
def test_stun_urls_of_rfc_7064_pass_as_they_are(url: str) -> None:
    assert check_ice_url(url, STUN_SCHEMES) == url


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://t", "must begin with one of turn:, turns:"),
        ("stun:t", "must begin with one of turn:, turns:"),
        ("turn://t.example", "must not have // after turn:"),
        ("turn:me@t.example", "must be turn:host or turn:host:port, without user and path"),
        ("turn:t.example/x", "must be turn:host or turn:host:port, without user and path"),
        ("turn:", "has no host"),
        ("turn::3478", "has no host"),
        ("turn:t..example", "has a host that is neither a name nor an address: t..example"),
        ("turn:-t", "has a host that is neither a name nor an address: -t"),
        ("turn:a b", "has a host that is neither a name nor an address: a b"),
        ("turn:300.1.1.1", "has a host that is neither a name nor an address: 300.1.1.1"),
        ("turn:127.1", "has a host that is neither a name nor an address: 127.1"),
        ("turn:::1:3478", "must be turn:host:port, an IPv6 host in brackets"),
        ("turn:[::1", "must be turn:host:port, an IPv6 host in brackets"),
        ("turn:[::1]x", "must be turn:host:port, an IPv6 host in brackets"),
        ("turn:[x]", "has a host that is not an IPv6 address: [x]"),
        ("turn:t:", "has a port that is not a number from 1 to 65535: empty"),
        ("turn:t:0", "has a port that is not a number from 1 to 65535: 0"),
        ("turn:t:65536", "has a port that is not a number from 1 to 65535: 65536"),
        ("turn:t:x", "has a port that is not a number from 1 to 65535: x"),
        ("turn:t:²", "has a port that is not a number from 1 to 65535: ²"),
        ("turn:t?transport=sctp", "may end with ?transport=udp or ?transport=tcp and with nothing else"),
        ("turn:t?", "may end with ?transport=udp or ?transport=tcp and with nothing else"),
        ("turn:t?ttl=1", "may end with ?transport=udp or ?transport=tcp and with nothing else"),
        ("turn:t?transport=udp&x=1", "may end with ?transport=udp or ?transport=tcp and with nothing else"),
    ],
)
def test_a_turn_url_that_is_none_is_told_what_is_wrong(url: str, fault: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - all of it is compared
        check_ice_url(url, TURN_SCHEMES)
    assert str(caught.value) == f"{url} {fault}"


def test_a_stun_url_has_no_transport() -> None:
    with pytest.raises(ValueError, match=r"must not have anything after the port: RFC 7064"):
        check_ice_url("stun:s.example?transport=udp", STUN_SCHEMES)
