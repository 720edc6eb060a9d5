"""GET /api/v1/ice-servers, against a small true server."""

from __future__ import annotations

import asyncio
import pickle
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from loadkit.errors import Stage
from loadkit.signaling.ice_servers import (
    MAX_ANSWER_BYTES,
    IceServer,
    IceServersUnavailable,
    fetch_ice_servers,
    parse_ice_servers,
)
from loadkit.signaling.urls import ice_servers_url
from tests.waiting import dead_port

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TOKEN = "s3cret"


# Reading


def test_list_as_documented() -> None:
    document = {
        "iceServers": [
            {"urls": ["stun:h:3478"]},
            {"urls": ["turn:h:3478", "turn:h:3478?transport=tcp"], "username": "1:u", "credential": "c"},
            {"urls": "stun:one"},
        ]
    }
    assert parse_ice_servers(document) == [
        IceServer(("stun:h:3478",)),
        IceServer(("turn:h:3478", "turn:h:3478?transport=tcp"), "1:u", "c"),
        IceServer(("stun:one",)),
    ]


@pytest.mark.parametrize(
    "entry",
    [
        None,
        "stun:h",
        {},
        {"urls": None},
        {"urls": []},
        {"urls": [7, None]},
        {"urls": "https://h"},
        {"urls": "turn:h"},
        {"urls": "turn:h", "username": "u"},
        {"urls": "turns:h", "username": "u", "credential": 7},
    ],
)
def test_unusable_entry_is_left_out(entry: object) -> None:
    assert parse_ice_servers({"iceServers": [entry, {"urls": "stun:h"}]}) == [IceServer(("stun:h",))]


def test_stun_urls_are_kept_where_turn_has_no_credential() -> None:
    assert parse_ice_servers({"iceServers": [{"urls": ["turn:h", "stun:h"]}]}) == [IceServer(("stun:h",))]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "the list of ICE servers is not a JSON object"),
        ({}, "the list of ICE servers has no array 'iceServers'"),
        ({"iceServers": {}}, "the list of ICE servers has no array 'iceServers'"),
    ],
)
def test_document_of_another_form_is_refused(document: object, sentence: str) -> None:
    with pytest.raises(ValueError, match="the list of ICE servers") as caught:
        parse_ice_servers(document)
    assert str(caught.value) == sentence


values = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(["stun:h", "turn:h", "urls"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["urls", "username", "credential"]), inner)
    ),
    max_leaves=8,
)


@given(st.lists(values))
def test_any_entries_are_read(entries: list[object]) -> None:
    for server in parse_ice_servers({"iceServers": entries}):
        assert server.urls
        assert (server.username is None) == (server.credential is None)


def test_credential_is_not_in_the_repr() -> None:
    assert "c0de" not in repr(IceServer(("turn:h",), "u", "c0de"))


# Fetching


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    """Starts a server with one handler; returns its URL of ICE servers."""
    runners: list[web.AppRunner] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_get("/api/v1/ice-servers", handler)
        runner = web.AppRunner(app, shutdown_timeout=0)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        return ice_servers_url(f"ws://{host}:{port}")

    yield start
    for runner in runners:
        await runner.cleanup()


Serve = Callable[[Handler], Awaitable[str]]


async def reason_of(url: str, token: str = TOKEN, timeout: float = 60) -> str:
    with pytest.raises(IceServersUnavailable) as caught:
        await fetch_ice_servers(url, token, timeout)
    error = caught.value
    assert error.stage is Stage.ICE_SERVERS
    assert error.code == "ICE_SERVERS_UNAVAILABLE"
    assert error.message == f"the gateway's ICE servers could not be fetched: {error.reason}"
    assert error.__context__ is None or TOKEN not in repr(error.__context__)
    assert TOKEN not in "".join(traceback.format_exception(error))
    assert TOKEN not in repr(error)
    return error.reason


async def test_token_goes_as_bearer_and_servers_come_back(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        assert not request.query
        return web.json_response({"iceServers": [{"urls": "stun:h"}]})

    assert await fetch_ice_servers(await serve(handler), TOKEN, 60) == [IceServer(("stun:h",))]


async def test_without_a_token_it_is_the_gateway_that_refuses(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=200 if "Authorization" in request.headers else 401)

    assert await reason_of(await serve(handler), token="") == "HTTP 401"


async def test_each_request_has_a_connection_of_its_own_from_the_address_that_was_given(serve: Serve) -> None:
    asked: list[tuple[str | None, str]] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append((request.remote, request.headers["Connection"]))
        return web.json_response({"iceServers": []})

    url = await serve(handler)
    await fetch_ice_servers(url, TOKEN, 60, local_address="127.0.0.6")
    await fetch_ice_servers(url, TOKEN, 60)
    assert asked == [("127.0.0.6", "close"), ("127.0.0.1", "close")]


async def test_a_name_is_tried_at_each_of_its_addresses(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"iceServers": []})

    async def two_addresses(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", ("127.0.0.9", 0)), (0, 0, 0, "", ("127.0.0.1", 0))]

    url = (await serve(handler)).replace("127.0.0.1", "gateway.example")
    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two_addresses)
    assert await fetch_ice_servers(url, TOKEN, 60) == []


async def test_an_answer_may_come_in_pieces_and_without_a_length() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"Host: 127.0.0.1:" in await reader.readuntil(b"\r\n\r\n")
        for piece in (b"HTTP/1.0 200 O", b"K\r\n\r\n{", b'"iceServers": [{"urls": "stun:h"}]}'):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        servers = await fetch_ice_servers(f"http://127.0.0.1:{port}/", TOKEN, 60)
    assert servers == [IceServer(("stun:h",))]


async def test_empty_list_is_no_failure(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response({"iceServers": []})

    assert await fetch_ice_servers(await serve(handler), TOKEN, 60) == []


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ((401, b""), "HTTP 401"),
        ((500, b"{}"), "HTTP 500"),
        ((200, b"<html>"), "not JSON"),
        ((200, b"\xff\xfe\x00"), "not JSON"),
        ((200, b"[" * 100_000), "not JSON"),
        ((200, b"[]"), "not a list of ICE servers"),
        ((200, b" " * (MAX_ANSWER_BYTES + 1)), "answer too large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_useless_answer_has_a_short_reason(
    serve: Serve, response: tuple[int, bytes], reason: str
) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=response[0], body=response[1])

    assert await reason_of(await serve(handler)) == reason


async def test_redirect_is_not_followed(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://elsewhere.invalid/"})

    assert await reason_of(await serve(handler)) == "HTTP 302"


async def test_closed_port_is_a_refused_connection() -> None:
    with dead_port() as port:
        assert await reason_of(f"http://127.0.0.1:{port}/api/v1/ice-servers") == "connection refused"


async def raw_server(answer: bytes) -> asyncio.Server:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    return await asyncio.start_server(handler, "127.0.0.1", 0)


async def test_silence_is_a_timeout() -> None:
    # The listener's backlog takes the connection, and nobody ever answers.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert await reason_of(url, timeout=0.05) == "timeout"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "connection lost"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "connection lost"),
        (b"SMTP ready\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 403 No\r\n\r\n", "HTTP 403"),
        (b"HTTP/1.1 101 Of course\r\nUpgrade: mail\r\nConnection: upgrade\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + 10_000 * b"Cookie: x\r\n", "not HTTP"),
    ],
)
async def test_broken_http_has_a_short_reason(answer: bytes, reason: str) -> None:
    async with await raw_server(answer) as server:
        port = server.sockets[0].getsockname()[1]
        assert await reason_of(f"http://127.0.0.1:{port}/") == reason


async def test_tls_to_a_plain_server_is_a_tls_failure(serve: Serve) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response()

    url = (await serve(handler)).replace("http:", "https:")
    assert await reason_of(url) == "TLS failed"


@pytest.mark.parametrize("token", ["s3cret\r\nX-Evil: 1", "s3crét", "s3cret "])
async def test_token_that_is_no_header_is_refused_without_a_request(token: str) -> None:
    assert await reason_of("http://127.0.0.1:1/", token) == "the token cannot be sent in a header"


def test_error_survives_a_pickle() -> None:
    error = pickle.loads(pickle.dumps(IceServersUnavailable("HTTP 401")))
    assert error.reason == "HTTP 401"
    assert str(error) == (
        "ICE_SERVERS_UNAVAILABLE in stage ice_servers:"
        " the gateway's ICE servers could not be fetched: HTTP 401"
    )
