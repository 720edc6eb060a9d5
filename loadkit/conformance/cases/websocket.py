"""The WebSocket itself, before any message."""

from __future__ import annotations

import asyncio

from loadkit.conformance.bench import Bench
from loadkit.conformance.case import ExpectationFailed, Kind, case, demand
from loadkit.conformance.sources import MESSAGES, both, rfc, signaling


@case(
    "websocket.opens",
    "The WebSocket opens without a token",
    expect="an upgrade without Authorization and query succeeds; the token is in the offer",
    source=signaling("connecting"),
)
async def opens(bench: Bench) -> None:
    await bench.wire()


@case(
    "websocket.ping-frames",
    "WebSocket pings are answered",
    expect="a ping frame is answered by a pong frame with the same bytes",
    source=rfc(6455, "5.5.3"),
)
async def ping_frames(bench: Bench) -> None:
    wire = await bench.wire()
    try:
        async with asyncio.timeout(bench.plan.wait):
            await (await wire.connection.ping(b"conformance"))
    except TimeoutError:
        raise ExpectationFailed("a pong frame", f"none within {bench.plan.wait:g} s") from None


@case(
    "websocket.close-1000",
    "A normal close is answered by a normal close",
    expect="a close frame with 1000 is answered by one with 1000",
    source=both(rfc(6455, "5.5.1"), signaling("close codes")),
)
async def close_1000(bench: Bench) -> None:
    wire = await bench.wire()
    code = await wire.close()
    demand(code == 1000, "close code 1000", f"close code {code}")


@case(
    "websocket.fragments",
    "A message in fragments is one message",
    expect="a message whose text frame comes in several fragments is answered as one in a single frame",
    source=both(rfc(6455, "5.4"), MESSAGES),
)
async def fragments(bench: Bench) -> None:
    wire = await bench.wire()
    # An offer without a token, which is answered in all circumstances.
    text = bench.offer(authToken="")
    third = len(text) // 3
    await wire.send([text[:third], text[third : 2 * third], text[2 * third :]])
    await wire.error("UNAUTHORIZED")


@case(
    "websocket.invalid-utf8",
    "Text that is not UTF-8 ends its own socket only",
    expect="a text frame that is not UTF-8 closes its socket (1007); other sockets go on",
    source=rfc(6455, "8.1"),
)
async def invalid_utf8(bench: Bench) -> None:
    other = await bench.wire()
    wire = await bench.wire()
    await wire.send(b'{"type": "ping", "sessionId": "\xff\xfe"}', text=True)
    code = await wire.closed()
    demand(code in (1006, 1007), "close code 1007", f"close code {code}")
    await other.alive("another socket's text that was not UTF-8")


@case(
    "websocket.many-sockets",
    "One client may have several sockets",
    expect="twenty sockets are open at the same time and all answer",
    source=signaling("connecting"),
    kind=Kind.SHOULD,
)
async def many_sockets(bench: Bench) -> None:
    wires = [await bench.wire() for _ in range(20)]
    await asyncio.gather(*(wire.alive("twenty were opened") for wire in wires))
