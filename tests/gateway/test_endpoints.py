from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from typing import Any

import aiohttp
import pytest

from loadkit.gateway.app import Gateway
from tests.waiting import PATIENCE_S

from .callers import Caller, RawSocket
from .conftest import StartGateway


async def get(gateway: Gateway, path: str, token: str | None = None) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    url = gateway.url.replace("ws:", "http:") + path
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
        assert response.content_type == "application/json"
        return response.status, await response.json()


async def test_health_needs_no_token_and_counts_sessions(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(tokens=("token",))
    assert await get(gateway, "/health") == (200, {"status": "healthy", "activeSessions": 0})
    async with Caller(gateway) as caller:
        await caller.place()
        assert await get(gateway, "/health") == (200, {"status": "healthy", "activeSessions": 1})


@pytest.mark.parametrize("path", ["/index.html", "/page/", "/page/../app.py", "/api/v1/webrtc", "/healthy"])
async def test_another_path_is_not_found(gateway: Gateway, path: str) -> None:
    status, document = await get(gateway, path)
    assert status == 404
    assert document["code"] == "NOT_FOUND"


@pytest.mark.parametrize("target", ["//[::1", "http://[", "*", "health"])
async def test_a_target_that_is_no_url_is_not_found(gateway: Gateway, target: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 404 "), answer


async def test_ice_servers_want_a_token(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(tokens=("token",))
    missing = 401, {"code": "UNAUTHORIZED", "message": "Auth token required"}
    wrong = 401, {"code": "UNAUTHORIZED", "message": "Invalid authentication token"}
    path = "/api/v1/ice-servers"
    assert await get(gateway, path) == missing
    assert await get(gateway, path + "?token=") == missing
    assert await get(gateway, path, "") == missing
    assert await get(gateway, path + "?token=toke") == wrong
    assert await get(gateway, path, "tokens") == wrong
    assert await get(gateway, path + "?token=t%C3%B6ken") == wrong


async def test_ice_servers_take_the_token_either_way(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(tokens=("other", "a+b/c="))
    assert await get(gateway, "/api/v1/ice-servers?token=a%2Bb%2Fc%3D") == (200, {"iceServers": []})
    assert await get(gateway, "/api/v1/ice-servers", "a+b/c=") == (200, {"iceServers": []})


async def test_turn_servers_come_with_credentials_that_coturn_computes_alike(
    start_gateway: StartGateway,
) -> None:
    urls = ("turn:t.example:3478", "turns:t.example:443?transport=tcp")
    gateway = await start_gateway(stun_urls=("stun:s.example",), turn_urls=urls, turn_secret="north")
    before = int(time.time())
    status, document = await get(gateway, "/api/v1/ice-servers", "any")
    assert status == 200
    stun, turn = document["iceServers"]
    assert stun == {"urls": ["stun:s.example"]}
    assert turn["urls"] == ["turn:t.example:3478", "turns:t.example:443?transport=tcp"]
    expiry, name = turn["username"].split(":")
    assert before + 86_400 <= int(expiry) <= time.time() + 86_400
    assert name
    by_hand = hmac.new(b"north", turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == base64.b64encode(by_hand).decode()


async def test_a_plain_request_for_the_signaling_path_is_told_to_upgrade(gateway: Gateway) -> None:
    url = gateway.url.replace("ws:", "http:") + "/api/v1/webrtc/signal"
    async with aiohttp.ClientSession() as http, http.get(url) as response:
        assert response.status == 426
    async with RawSocket(gateway) as socket:
        assert await socket.ask(json.dumps({"type": "ping", "sessionId": None})) == {
            "type": "pong",
            "sessionId": "",
        }
