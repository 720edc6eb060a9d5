"""What is asked in plain HTTP where nothing, or a WebSocket, is."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import Kind, case, demand
from loadkit.conformance.sources import both, rfc


@case(
    "http.upgrade-required",
    "Plain HTTP on the signaling path is refused",
    expect="GET of the signaling path without an upgrade answers 426, or 400",
    source=both(rfc(9110, "15.5.22"), rfc(6455, "4.2.1")),
    kind=Kind.SHOULD,
)
async def upgrade_required(bench: Bench) -> None:
    answer = await bench.get(urlsplit(bench.target.signaling_url).path)
    demand(answer.status in (400, 426), "HTTP 426 or 400", f"HTTP {answer.status}")


@case(
    "http.unknown-path",
    "A path that is not there is 404",
    expect="GET of a path that nobody knows answers 404",
    source=rfc(9110, "15.5.5"),
    kind=Kind.SHOULD,
)
async def unknown_path(bench: Bench) -> None:
    answer = await bench.get(f"/api/v1/{secrets.token_hex(8)}")
    demand(answer.status == 404, "HTTP 404", f"HTTP {answer.status}")
