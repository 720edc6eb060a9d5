"""The page's files over HTTP; what they do is tested in browsers, in tests/interop."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp
import pytest

import loadkit.gateway
from loadkit.gateway.app import Gateway


async def get(gateway: Gateway, path: str, **headers: str) -> tuple[aiohttp.ClientResponse, str]:
    url = gateway.url.replace("ws:", "http:") + path
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
        return response, await response.text()


@pytest.mark.parametrize(
    ("path", "content_type"),
    [("/", "text/html"), ("/page/page.css", "text/css"), ("/page/page.js", "text/javascript")],
)
async def test_each_file_comes_fenced_in(gateway: Gateway, path: str, content_type: str) -> None:
    response, text = await get(gateway, path)
    assert response.status == 200
    assert response.content_type == content_type
    assert response.charset == "utf-8"
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Permissions-Policy"] == "microphone=(self)"
    assert len(text.encode()) == int(response.headers["Content-Length"])


async def test_the_policy_lets_the_page_talk_to_this_gateway_alone(gateway: Gateway) -> None:
    response, _ = await get(gateway, "/")
    host = gateway.url.removeprefix("ws://")
    policy = dict(
        directive.split(" ", 1) for directive in response.headers["Content-Security-Policy"].split("; ")
    )
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": f"'self' ws://{host} wss://{host}",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
    }


@pytest.mark.parametrize("host", ["a b", "a; script-src *", "*", "[::1]:80", "https://evil.example", ""])
async def test_a_host_that_is_no_plain_name_is_not_repeated_in_the_policy(
    gateway: Gateway, host: str
) -> None:
    response, _ = await get(gateway, "/", Host=host)
    assert "connect-src 'self'; frame-ancestors" in response.headers["Content-Security-Policy"]


async def test_every_file_that_is_named_is_there_and_every_file_is_named(gateway: Gateway) -> None:
    named, left = {"/"}, ["/"]
    while left:
        path = left.pop()
        response, text = await get(gateway, path)
        assert response.status == 200, path
        found = {
            *re.findall(r'(?:href|src)="(/page/[^"]+)"', text),
            *(f"/page/{name}" for name in re.findall(r'from "\./([^"]+)"', text)),
        }
        left += sorted(found - named)
        named |= found
    folder = Path(loadkit.gateway.__file__).parent / "page"
    files = {f"/page/{path.name}" for path in folder.iterdir() if path.name != "index.html"}
    assert named == files | {"/"}


async def test_a_query_does_not_hide_the_page(gateway: Gateway) -> None:
    response, _ = await get(gateway, "/?from=somewhere")
    assert response.status == 200
