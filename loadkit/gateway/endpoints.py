"""What the gateway answers over plain HTTP, with the connection closed after each answer.

GET /                       the page for people, and its files under /page/
GET /health                 200 {"status": "healthy", "activeSessions": 42}
GET /api/v1/ice-servers     200 {"iceServers": [...]}; 401 without an accepted token
GET anything else           404 {"code": "NOT_FOUND", "message": ...}

All but the page is JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from loadkit.gateway.page_files import PageFiles
from loadkit.gateway.settings import GatewaySettings
from loadkit.gateway.tokens import TOKEN_INVALID, Tokens
from loadkit.gateway.turn import ice_servers
from loadkit.signaling.strict_parser import TOKEN_REQUIRED
from loadkit.signaling.urls import HEALTH_PATH, ICE_SERVERS_PATH, SIGNALING_PATH


class Endpoints:
    """Answers one request, or leaves it to the WebSocket."""

    def __init__(self, settings: GatewaySettings, tokens: Tokens) -> None:
        self._settings = settings
        self._tokens = tokens
        self._page = PageFiles()

    def answer(self, connection: ServerConnection, request: Request, active: int) -> Response | None:
        """The answer, or None for the signaling path, where the WebSocket is opened.

        :param active: sessions held.
        """
        path, _ = _path_and_query(request.path)
        if path == SIGNALING_PATH:
            return None
        if path == HEALTH_PATH:
            return _json(connection, HTTPStatus.OK, {"status": "healthy", "activeSessions": active})
        if path == ICE_SERVERS_PATH:
            return self._ice_servers(connection, request)
        page = self._page.answer(connection, request, path)
        if page is not None:
            return page
        fault = {"code": "NOT_FOUND", "message": f"nothing is here; signaling is at {SIGNALING_PATH}"}
        return _json(connection, HTTPStatus.NOT_FOUND, fault)

    def _ice_servers(self, connection: ServerConnection, request: Request) -> Response:
        token = token_of(request)
        if not token or not self._tokens.accepts(token):
            fault = {"code": "UNAUTHORIZED", "message": TOKEN_INVALID if token else TOKEN_REQUIRED}
            response = _json(connection, HTTPStatus.UNAUTHORIZED, fault)
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        servers = ice_servers(self._settings, time.time())
        return _json(connection, HTTPStatus.OK, {"iceServers": servers})


def token_of(request: Request) -> str | None:
    """The token of ``Authorization: Bearer`` or, without that, of ``?token=``."""
    for header in request.headers.get_all("Authorization"):
        scheme, _, token = header.partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
    return parse_qs(_path_and_query(request.path)[1]).get("token", [None])[0]


def _path_and_query(target: str) -> tuple[str, str]:
    """Of a request's target, which may be a whole URL (RFC 9112 section 3.2.2); one that cannot be read is a path."""
    try:
        parts = urlsplit(target)
    except ValueError:
        return target, ""
    return parts.path, parts.query


def _json(connection: ServerConnection, status: HTTPStatus, document: Mapping[str, object]) -> Response:
    response = connection.respond(status, json.dumps(document) + "\n")
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    # Credentials and counts of sessions are of this moment.
    response.headers["Cache-Control"] = "no-store"
    return response
