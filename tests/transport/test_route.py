"""Which servers a call uses: by the path asked for, out of what the gateway named."""

from __future__ import annotations

import pytest

from loadkit.errors import Stage, TransportError
from loadkit.setting_values import IcePath
from loadkit.transport.route import Entry, Route, choose_route, read_url, urls_left_out

STUN: Entry = (("stun:g.example:3478",), None, None)
ALL: Entry = (
    (
        "turns:g.example:443?transport=tcp",
        "turn:g.example:3478?transport=tcp",
        "turn:g.example:3478",
        "turn:second.example",
    ),
    "1700000000:name",
    "secret-credential",
)


def urls_of(route: Route) -> list[str]:
    return [server.url for server in route.turn]


def failure_of(path: IcePath, entries: list[Entry], *, loopback: bool = False, unavailable: str = "") -> str:
    with pytest.raises(TransportError) as caught:
        choose_route(path, entries, loopback=loopback, unavailable=unavailable)
    assert (caught.value.stage, caught.value.code) == (Stage.ICE, "TURN_UNREACHABLE")
    assert "secret-credential" not in repr(caught.value)
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "host", "port", "protocol"),
    [
        ("stun:h", "h", 3478, "udp"),
        ("STUN:h:19302", "h", 19302, "udp"),
        ("turn:h", "h", 3478, "udp"),
        ("turn:h?transport=udp", "h", 3478, "udp"),
        ("turn:h:80?transport=TCP", "h", 80, "tcp"),
        ("turns:h", "h", 5349, "tls"),
        ("turns:192.0.2.1:443?transport=tcp", "192.0.2.1", 443, "tls"),
        ("turn:[2001:db8::1]:3479?transport=tcp", "2001:db8::1", 3479, "tcp"),
    ],
)
def test_url_is_read(text: str, host: str, port: int, protocol: str) -> None:
    url = read_url(text)
    assert (url.host, url.port, url.protocol) == (host, port, protocol)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "http://h",
        "turn:",
        "turn:user@h",
        "turn:h:0",
        "turn:h:70000",
        "turn:h?transport=sctp",
        "turns:h?transport=udp",
        "stuns:h",
        "turn://h:3478",
    ],
)
def test_url_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a STUN or TURN URL|cannot be used"):
        read_url(text)


def test_any_is_hosts_stun_and_one_relay_over_udp_tcp_or_tls() -> None:
    route = choose_route(IcePath.ANY, [STUN, ALL], loopback=False)
    assert route.host_candidates and not route.relay_needed
    assert route.stun == ("g.example", 3478)
    assert [server.protocol for server in route.turn] == ["udp", "tcp", "tls"]
    assert urls_of(route)[0] == "turn:g.example:3478"
    assert (route.turn[0].username, route.turn[0].credential) == ("1700000000:name", "secret-credential")


def test_direct_asks_no_turn_server() -> None:
    route = choose_route(IcePath.DIRECT, [STUN, ALL], loopback=False)
    assert (route.host_candidates, route.stun, route.turn) == (True, ("g.example", 3478), ())


@pytest.mark.parametrize(
    ("path", "url"),
    [
        (IcePath.RELAY_UDP, "turn:g.example:3478"),
        (IcePath.RELAY_TCP, "turn:g.example:3478?transport=tcp"),
        (IcePath.RELAY_TLS, "turns:g.example:443?transport=tcp"),
    ],
)
def test_relay_is_asked_of_the_first_server_of_its_transport_and_nothing_else(
    path: IcePath, url: str
) -> None:
    route = choose_route(path, [STUN, ALL], loopback=False)
    assert urls_of(route) == [url]
    assert route.relay_needed
    assert (route.host_candidates, route.stun) == (False, None)


def test_relay_without_a_server_for_it_is_unreachable_and_says_what_was_named() -> None:
    only_udp: Entry = (("turn:g.example",), "u", "c")
    assert failure_of(IcePath.RELAY_TLS, [only_udp]) == (
        "the call was to go through relay-tls, and the gateway named no TURN server over TLS that can be used "
        "here; it named TURN over UDP"
    )
    assert failure_of(IcePath.RELAY_UDP, [STUN]).endswith("; it named no TURN server at all")
    assert failure_of(IcePath.RELAY_UDP, [], unavailable="HTTP 401") == (
        "the call was to go through relay-udp, and the gateway's ICE servers could not be had: HTTP 401"
    )


def test_without_servers_any_and_direct_are_hosts_alone() -> None:
    for path in (IcePath.ANY, IcePath.DIRECT):
        assert choose_route(path, [], loopback=False) == Route()


def test_of_a_loopback_gateway_servers_elsewhere_are_left_out_and_counted() -> None:
    near: Entry = (("turn:127.0.0.1:3478", "turn:localhost:3478?transport=tcp", "turns:h"), "u", "c")
    route = choose_route(IcePath.ANY, [STUN, near, (("stun:127.0.0.1",), None, None)], loopback=True)
    assert urls_of(route) == ["turn:127.0.0.1:3478", "turn:localhost:3478?transport=tcp"]
    assert route.stun == ("127.0.0.1", 3478)
    assert urls_left_out([STUN, near], loopback=True) == 2
    assert "; 2 of its URLs are not used" in failure_of(IcePath.RELAY_TLS, [STUN, near], loopback=True)


def test_servers_that_cannot_be_used_are_counted() -> None:
    odd: Entry = (("turn:h?transport=sctp", "stuns:h", "nonsense", "turn:h"), "u", "c")
    entries: list[Entry] = [odd, (("turn:without.credentials",), None, None)]
    assert urls_of(choose_route(IcePath.ANY, entries, loopback=False)) == ["turn:h"]
    assert urls_left_out(entries, loopback=False) == 4


def test_credentials_are_in_no_representation() -> None:
    shown = repr(choose_route(IcePath.ANY, [ALL], loopback=False))
    assert "secret-credential" not in shown
    assert "1700000000" not in shown
