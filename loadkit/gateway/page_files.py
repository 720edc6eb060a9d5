"""The page for people at ``/``: static files out of the package, with the headers that fence them in.

Its script may talk to this gateway alone, nothing inline is run, and nobody may frame it. Texts from a gateway
are shown as text: ``require-trusted-types-for`` refuses a script that would turn one into markup.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from pathlib import Path

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

_FOLDER = Path(__file__).parent / "page"
_CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src {connect};"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'"
)

#: A host name or IPv4 address with or without a port: what a policy may name (CSP 3 section 2.3.1).
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?")


class PageFiles:
    """``/`` and ``/page/<file>``, read once; no other path leads to a file."""

    def __init__(self) -> None:
        files = {path.name: path for path in sorted(_FOLDER.iterdir()) if path.suffix in _CONTENT_TYPES}
        self._files = {
            "/" if name == "index.html" else f"/page/{name}": (
                path.read_text(encoding="utf-8"),
                _CONTENT_TYPES[path.suffix],
            )
            for name, path in files.items()
        }

    def answer(self, connection: ServerConnection, request: Request, path: str) -> Response | None:
        """The file of this path; None when there is none."""
        found = self._files.get(path)
        if found is None:
            return None
        text, content_type = found
        response = connection.respond(HTTPStatus.OK, text)
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = content_type
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Permissions-Policy"] = "microphone=(self)"
        response.headers["Content-Security-Policy"] = _policy(request.headers.get_all("Host"))
        return response


def _policy(hosts: list[str]) -> str:
    """The page's policy. Safari before 16 does not count ws: as 'self', so the host is named as well."""
    connect = "'self'"
    if len(hosts) == 1 and _HOST.fullmatch(hosts[0]):
        connect += f" ws://{hosts[0]} wss://{hosts[0]}"
    return _POLICY.format(connect=connect)
