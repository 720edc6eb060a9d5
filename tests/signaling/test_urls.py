"""From --host to two URLs."""

from __future__ import annotations

import pytest

from loadkit.signaling.urls import ice_servers_url, signaling_url

SIGNAL = "/api/v1/webrtc/signal"
SERVERS = "/api/v1/ice-servers"


@pytest.mark.parametrize(
    ("host", "signaling", "ice_servers"),
    [
        ("ws://g.example", f"ws://g.example{SIGNAL}", f"http://g.example{SERVERS}"),
        ("wss://g.example", f"wss://g.example{SIGNAL}", f"https://g.example{SERVERS}"),
        ("http://g.example/", f"ws://g.example{SIGNAL}", f"http://g.example{SERVERS}"),
        ("https://g.example:8443", f"wss://g.example:8443{SIGNAL}", f"https://g.example:8443{SERVERS}"),
        ("HTTPS://g.example", f"wss://g.example{SIGNAL}", f"https://g.example{SERVERS}"),
        ("https://g.example/own/path/", "wss://g.example/own/path/", f"https://g.example{SERVERS}"),
        (f"wss://g.example{SIGNAL}", f"wss://g.example{SIGNAL}", f"https://g.example{SERVERS}"),
        ("ws://[::1]:8080", f"ws://[::1]:8080{SIGNAL}", f"http://[::1]:8080{SERVERS}"),
        (" http://127.0.0.1:8080/ \n", f"ws://127.0.0.1:8080{SIGNAL}", f"http://127.0.0.1:8080{SERVERS}"),
    ],
)
def test_host_gives_both_urls(host: str, signaling: str, ice_servers: str) -> None:
    assert signaling_url(host) == signaling
    assert ice_servers_url(host) == ice_servers


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("", "the host '' has no scheme; write ws://, wss://, http:// or https:// before it"),
        (
            "g.example",
            "the host 'g.example' has no scheme; write ws://, wss://, http:// or https:// before it",
        ),
        (
            "localhost:8080",
            "the host 'localhost:8080' has no scheme; write ws://, wss://, http:// or https:// before it",
        ),
        ("ftp://g.example", "the host 'ftp://g.example' has the scheme 'ftp'; use ws, wss, http or https"),
        ("wss://", "the host 'wss://' names no host, or port 0"),
        ("wss://:443", "the host 'wss://:443' names no host, or port 0"),
        ("wss://g.example:0", "the host 'wss://g.example:0' names no host, or port 0"),
        ("wss://g example", "the host 'wss://g example' contains a space or a control character"),
        ("wss://[::1", "the host 'wss://[::1' is not an address: Invalid IPv6 URL"),
    ],
)
def test_anything_else_is_refused_in_words(host: str, sentence: str) -> None:
    for function in (signaling_url, ice_servers_url):
        with pytest.raises(ValueError, match="the host") as caught:
            function(host)
        assert str(caught.value) == sentence


@pytest.mark.parametrize("port", ["99999", "x", "-1"])
def test_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(ValueError, match="is not an address: Port"):
        signaling_url(f"wss://g.example:{port}")


@pytest.mark.parametrize(
    "host", ["wss://u:s3cret@g.example", "u:s3cret@g.example", "wss://g.example?token=s3cret"]
)
def test_secret_in_the_address_is_refused_and_not_repeated(host: str) -> None:
    with pytest.raises(ValueError, match="the token has its own setting") as caught:
        signaling_url(host)
    assert "s3cret" not in str(caught.value)
