"""An answer that is read without h11 is the one that h11 would have read."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.signaling import http_get
from loadkit.signaling.http_get import Answer, plain_answer

_MOST = 100
_PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\nDate: now\r\n\r\n{}"


async def _by_h11(data: bytes) -> Answer | BaseException | None:
    """The answer that comes to an exchange whose peer sends this in two pieces and hangs up."""
    exchange = http_get._Exchange(http_get._request("example.org", None, "/", ()), _MOST)
    # Without its last byte it is not all there; h11 has it from the first byte on then.
    for piece in (data[:-1], data[-1:]):
        if piece:
            exchange.data_received(piece)
    exchange.eof_received()
    exchange.connection_lost(None)
    return exchange.answer.exception() or exchange.answer.result()


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (_PLAIN, Answer(200, b"{}")),
        (_PLAIN.replace(b"200 OK", b"401 Unauthorized"), Answer(401, b"")),
        (b"HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n", Answer(404, b"")),
    ],
)
async def test_a_plain_answer_is_read_as_h11_reads_it(data: bytes, answer: Answer) -> None:
    assert plain_answer(data, _MOST) == answer == await _by_h11(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        _PLAIN[:-1],
        _PLAIN + b"x",
        _PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
        _PLAIN.replace(b"200 OK", b"100 Continue"),
        _PLAIN.replace(b"Content-Length: 2\r\n", b""),
        _PLAIN.replace(b"Length: 2", b"Length: 2, 2"),
        _PLAIN.replace(b"Length: 2", b"Length: +2"),
        _PLAIN.replace(b"Date: now", b"Content-Length: 2"),
        _PLAIN.replace(b"Date: now", b"Transfer-Encoding: chunked"),
        _PLAIN.replace(b"Date: now", b"Date: now\r\n and folded"),
        _PLAIN.replace(b"Date: now", b"Date : now"),
        _PLAIN.replace(b"Date: now", b"Date: \x00"),
        _PLAIN.replace(b"Date: now", b"no header"),
        _PLAIN.replace(b"Date: now", b"Date: " + 9000 * b"x"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + 101 * b" ",
    ],
)
def test_anything_else_is_for_h11(data: bytes) -> None:
    assert plain_answer(data, _MOST) is None


_LINES = st.sampled_from(
    [
        b"Content-Length: 2",
        b"content-length:2",
        b"Content-Length: 02",
        b"Content-Length: 0",
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b"Connection: upgrade",
        b"Upgrade: websocket",
        b"X: a b",
        b"X:",
        b" folded",
        b"Set-Cookie: a=b",
    ]
)


@given(
    st.sampled_from(
        [b"200 OK", b"204 No Content", b"206 x", b"302 Found", b"304 ", b"503 No", b"600 x", b"101 x"]
    ),
    st.lists(_LINES, max_size=4),
    st.sampled_from([b"", b"{}", b"{}x"]),
)
def test_whatever_is_read_without_h11_is_read_so_by_h11(
    status: bytes, lines: list[bytes], body: bytes
) -> None:
    data = b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"", body])
    answer = plain_answer(data, _MOST)
    if answer is not None:
        assert asyncio.run(_by_h11(data)) == answer


async def test_what_comes_after_the_answer_is_not_read() -> None:
    exchange = http_get._Exchange(http_get._request("example.org", None, "/", ()), _MOST)
    exchange.data_received(_PLAIN)
    exchange.data_received(b"\x00 no HTTP")
    exchange.eof_received()
    exchange.connection_lost(None)
    assert exchange.answer.result() == Answer(200, b"{}")
